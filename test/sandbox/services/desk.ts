import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { jwtBearerGrant, type RedeemedToken, redeemIdJags } from '../authorization/id-jag.ts';
import type { IdentityProvider } from '../identity-provider.ts';
import { people } from '../people.ts';
import { type SandboxService, startService } from './service.ts';
import type { SandboxTool } from './tool.ts';

/** The service of a company whose identity provider decides who may use it. */
export interface DeskService extends SandboxService {
  readonly clientId: string;
  readonly clientSecret: string;
  /** How long tokens last, in seconds, from now on; an hour unless told. */
  setTokenSeconds(seconds: number): void;
  /** Every access token that came of an assertion. */
  redeemed(): readonly string[];
}

const scopes = ['tickets:read', 'tickets:write'];
const clientId = 'desk-client';

/**
 * Starts a service that takes assertions of the identity provider (ID-JAG) and is known to it, with a client that proves itself
 * with HTTP Basic, which is the only way that it lists. Its consent page is there and nobody should ever see it.
 */
export async function startDesk(
  identityProvider: IdentityProvider,
  now: () => number,
  name = 'desk',
): Promise<DeskService> {
  const clientSecret = `desk-${randomBytes(20).toString('hex')}`;
  const tokens = new Map<string, RedeemedToken>();
  let seconds = 3600;
  const service = await startService(
    {
      name,
      title: 'Desk',
      colour: '#0b7285',
      resource: 'mcp-url',
      challenge: { metadata: true, scope: 'tickets:read' },
      scopes,
      publishesScopes: true,
      answersWith: 'json',
      tools,
      paths: { authorization: '/authorize', token: '/token', registration: '/register', revocation: '/revoke' },
      accessTokenSeconds: 3600,
      registration: { kind: 'pre-registered', clientId, redirectUri: 'http://127.0.0.1/callback', clientSecret },
      configuration: {
        clientAuthMethods: ['client_secret_basic'],
        clients: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            token_endpoint_auth_method: 'client_secret_basic',
            application_type: 'native',
            grant_types: ['authorization_code', jwtBearerGrant],
            response_types: ['code'],
            redirect_uris: ['http://127.0.0.1/callback'],
          },
        ],
      },
      extend: (server, { issuer, resource }) =>
        redeemIdJags(server.provider, {
          issuer,
          resource,
          trusted: { issuer: identityProvider.issuer, key: () => identityProvider.idJag.key.key },
          now,
          seconds: () => seconds,
          accountOf: (subject) => Object.values(people).find((person) => person.subject === subject)?.person,
          scopes,
          note: (token, redeemed) => tokens.set(token, redeemed),
        }),
      findToken(value) {
        const known = tokens.get(value);
        return known !== undefined && known.expiresAt > now() ? known : undefined;
      },
    },
    now,
  );
  identityProvider.idJag.control.allow({ audience: service.issuer, resource: service.resource, clientId });
  return {
    ...service,
    clientId,
    clientSecret,
    setTokenSeconds(value) {
      seconds = value;
    },
    redeemed: () => [...tokens.keys()],
    issuedSecrets: () => [...service.issuedSecrets(), ...tokens.keys()],
  };
}

/** The file of the service. */
export function deskFile(desk: DeskService): object {
  return {
    title: desk.title,
    mcp_server_url: desk.mcpUrl,
    authorization: {
      issuers: [desk.issuer],
      via: 'idp',
      registration: 'pre-registered',
      client_id: desk.clientId,
      token_endpoint_auth_method: 'client_secret_post',
      scopes: { default: ['tickets:read'], additional: ['tickets:write'] },
    },
    account: { tool: 'whoami', name: 'user.email', workspace: 'workspace.name', match: 'email' },
    tools: { read: ['whoami', 'list_tickets'], write: ['close_ticket'] },
  };
}

const tools: readonly SandboxTool[] = [
  {
    name: 'whoami',
    title: 'Who am I',
    description: 'Says whose account it is.',
    effect: 'read',
    scope: 'tickets:read',
    input: z.object({}),
    answer: () => ({}),
  },
  {
    name: 'list_tickets',
    title: 'List tickets',
    description: 'Lists tickets.',
    effect: 'read',
    scope: 'tickets:read',
    input: z.object({}),
    answer: () => ({ tickets: [{ id: 'T-1', title: 'Printer on fire' }] }),
  },
  {
    name: 'close_ticket',
    title: 'Close ticket',
    description: 'Closes a ticket.',
    effect: 'write',
    scope: 'tickets:write',
    input: z.object({ id: z.string() }),
    answer: ({ id }) => ({ closed: id }),
  },
];

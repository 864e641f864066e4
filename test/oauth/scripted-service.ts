/**
 * One service on one origin, MCP server and authorization server together: honest in everything that a script does not
 * replace. Its honest token endpoint checks what a good one checks: code, client, redirect URI, resource and PKCE.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type Answer, type HostileServer, type SeenRequest, startHostileServer } from '../support/hostile-server.ts';

/** The places at which a script may lie. */
export type Place = 'challenge' | 'resource' | 'metadata' | 'registration' | 'authorization' | 'token' | 'account';

/** What a lie is made of. */
export interface Asked {
  origin: string;
  request: SeenRequest;
  /** What an honest service would answer, as JSON; for the authorization endpoint the parameters of its answer. */
  honest: Record<string, unknown>;
  /** How often this place was asked before. */
  before: number;
}

/** The lies of a service; undefined is no lie after all. */
export type Script = Partial<Record<Place, (asked: Asked) => Answer | undefined>>;

/** A running service. It ends with the test that started it. */
export interface ScriptedService extends HostileServer {
  mcpUrl: string;
  /** Every code, token and verifier so far: nobody else may come to know them. */
  secrets: string[];
  /** The forms that reached the token endpoint. */
  tokenRequests(): URLSearchParams[];
  /** How many codes were exchanged after every check. */
  exchanged(): number;
  /** The tokens that were given back. */
  revoked: string[];
}

const paths = {
  resource: '/.well-known/oauth-protected-resource/mcp',
  metadata: '/.well-known/oauth-authorization-server',
} as const;

/**
 * Starts a service. The script is looked at anew for every request, so it may change between runs.
 *
 * @param issuerPath the path of its issuer, which is its bare origin unless told
 */
export async function startScriptedService(script: Script = {}, issuerPath = ''): Promise<ScriptedService> {
  const secrets: string[] = [];
  const revoked: string[] = [];
  const asked = new Map<Place, number>();
  const authorized = new Map<string, URLSearchParams>();
  const forms: URLSearchParams[] = [];
  let exchanged = 0;
  const secret = (kind: string) => {
    const value = `${kind}-${randomBytes(24).toString('base64url')}`;
    secrets.push(value);
    return value;
  };

  const server = await startHostileServer((line, request, origin) => {
    const lie = (place: Place, honest: Record<string, unknown>, answer: Answer): Answer => {
      const before = asked.get(place) ?? 0;
      asked.set(place, before + 1);
      return script[place]?.({ origin, request, honest, before }) ?? answer;
    };
    const [method = '', target = ''] = line.split(' ');
    const { pathname, searchParams } = new URL(target, origin);

    switch (`${method} ${pathname}`) {
      case 'POST /mcp': {
        if (!secrets.some((token) => request.headers.authorization === `Bearer ${token}`)) {
          const header = `Bearer resource_metadata="${origin}${paths.resource}"`;
          return lie('challenge', { header }, { status: 401, headers: { 'www-authenticate': header } });
        }
        return answerMcp(request, (honest) => lie('account', honest, { json: honest }));
      }
      case `GET ${paths.resource}`: {
        const honest = {
          resource: `${origin}/mcp`,
          authorization_servers: [`${origin}${issuerPath}`],
          scopes_supported: ['read'],
        };
        return lie('resource', honest, { json: honest });
      }
      case `GET ${paths.metadata}${issuerPath}`: {
        const honest = { ...metadataOf(origin), issuer: `${origin}${issuerPath}` };
        return lie('metadata', honest, { json: honest });
      }
      case 'POST /register': {
        const { redirect_uris } = JSON.parse(request.body) as { redirect_uris: string[] };
        const honest = { client_id: 'client-of-ours', redirect_uris, token_endpoint_auth_method: 'none' };
        return lie('registration', honest, { status: 201, json: honest });
      }
      case 'GET /authorize': {
        const code = secret('code');
        authorized.set(code, searchParams);
        const honest = { code, state: searchParams.get('state') ?? '', iss: `${origin}${issuerPath}` };
        const location = `${searchParams.get('redirect_uri')}?${new URLSearchParams(honest)}`;
        return lie('authorization', honest, { status: 302, headers: { location } });
      }
      case 'POST /token': {
        const form = new URLSearchParams(request.body);
        forms.push(form);
        const verifier = form.get('code_verifier');
        if (verifier !== null) secrets.push(verifier);
        const begun = authorized.get(form.get('code') ?? '');
        const fits = begun !== undefined && isOf(form, begun);
        authorized.delete(form.get('code') ?? '');
        if (fits) exchanged += 1;
        const honest = fits
          ? {
              access_token: secret('access'),
              token_type: 'Bearer',
              expires_in: 3600,
              refresh_token: secret('refresh'),
              scope: begun.get('scope') ?? '',
            }
          : { error: 'invalid_grant' };
        return lie('token', honest, { status: fits ? 200 : 400, json: honest });
      }
      case 'POST /revoke':
        revoked.push(new URLSearchParams(request.body).get('token') ?? '');
        return { json: {} };
      default:
        return undefined;
    }
  });
  return {
    ...server,
    mcpUrl: `${server.origin}/mcp`,
    secrets,
    tokenRequests: () => forms,
    exchanged: () => exchanged,
    revoked,
  };
}

function metadataOf(origin: string): Record<string, unknown> {
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
    revocation_endpoint: `${origin}/revoke`,
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    response_types_supported: ['code'],
    authorization_response_iss_parameter_supported: true,
  };
}

/** Whether a token request is the one that the authorization request announced (RFC 7636 section 4.6, RFC 8707). */
function isOf(form: URLSearchParams, begun: URLSearchParams): boolean {
  const challenge = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url');
  return (
    form.get('grant_type') === 'authorization_code' &&
    begun.get('code_challenge_method') === 'S256' &&
    begun.get('code_challenge') === challenge &&
    ['client_id', 'redirect_uri', 'resource'].every((name) => form.get(name) === begun.get(name))
  );
}

/** The little of MCP that is spoken to learn whose account it is. */
function answerMcp(request: SeenRequest, whoami: (honest: Record<string, unknown>) => Answer): Answer {
  const { id, method, params } = JSON.parse(request.body) as {
    id?: number;
    method: string;
    params?: { protocolVersion?: string };
  };
  if (id === undefined) return { status: 202 };
  const result = (value: object): Record<string, unknown> => ({ jsonrpc: '2.0', id, result: value });
  switch (method) {
    case 'initialize':
      return {
        json: result({
          protocolVersion: params?.protocolVersion,
          capabilities: { tools: {} },
          serverInfo: { name: 'scripted', version: '1' },
        }),
      };
    case 'tools/call': {
      const account = { user: { email: 'ada@example.test' }, workspace: { name: 'Scripted' } };
      return whoami(result({ content: [{ type: 'text', text: JSON.stringify(account) }], structuredContent: account }));
    }
    default:
      return { json: result({ tools: [] }) };
  }
}

/**
 * What a careful person would write into `config/services/` for the server of each scenario, and how the command is run.
 * The issuers are pinned beforehand, as in life: they are what the service named when it was reviewed, never what it
 * names during the run.
 */
import { decodeJwt } from 'jose';

/** The servers of a running scenario. */
export interface Servers {
  mcpServerUrl: string;
  /** The origins of the others in the order in which they were started; the MCP server's own when there is no other. */
  issuers: readonly string[];
  /** What the suite says of clients that were registered beforehand. */
  context: Readonly<Record<string, string>>;
}

/** How `service-connection` meets a scenario. */
export interface Case {
  /** The `authorization` of the service's file. */
  authorization(servers: Servers): object;
  /** Whether the file names a tool that says whose account it is, so that a tool is called. */
  callsTool?: boolean;
  /** Further words of the command line. */
  words?: readonly string[];
  /** How often the command is run; 1 unless told. */
  times?: number;
  /** Whether the context has a client secret to hand over. */
  secret?: boolean;
  /** Who signs people in, and what they have of a sign-in, where that is the suite's own. */
  identity?(servers: Servers): { issuer: string; clientId: string; subject: string; idToken: string };
}

/** Most scenarios: one authorization server, which registers whoever comes. */
const plain: Case = { authorization: ({ issuers: [issuer] }) => ({ issuers: [issuer], registration: 'dynamic' }) };

/** An issuer with a path: one tenant of several. */
const tenant: Case = {
  authorization: ({ issuers: [issuer] }) => ({ issuers: [`${issuer}/tenant1`], registration: 'dynamic' }),
};

/** The suite is the identity provider as well, and hands out an ID token. */
const enterprise: Case = {
  authorization: ({ issuers, context }) => ({
    issuers: issuers.filter((issuer) => issuer !== context['idp_issuer']),
    via: 'idp',
    registration: 'pre-registered',
    client_id: context['client_id'],
    token_endpoint_auth_method: 'client_secret_basic',
  }),
  identity: ({ context }) => {
    const { idp_issuer: issuer = '', idp_client_id: clientId = '', idp_id_token: idToken = '' } = context;
    const { sub = '' } = decodeJwt(idToken);
    return { issuer, clientId, subject: sub, idToken };
  },
  secret: true,
};

const others: Readonly<Record<string, Case>> = {
  'auth/enterprise-managed-authorization': enterprise,
  'auth/cross-app-access-complete-flow': enterprise,
  'auth/metadata-var2': tenant,
  'auth/metadata-var3': tenant,
  'auth/basic-cimd': {
    authorization: ({ issuers: [issuer] }) => ({
      issuers: [issuer],
      registration: 'client-metadata',
      // The suite wants exactly this address; nobody asks it for anything.
      client_metadata_url: 'https://conformance-test.local/client-metadata.json',
    }),
  },
  'auth/scope-step-up': { ...plain, callsTool: true },
  'auth/scope-retry-limit': { ...plain, callsTool: true },
  'auth/pre-registration': {
    authorization: ({ issuers: [issuer], context }) => ({
      issuers: [issuer],
      registration: 'pre-registered',
      client_id: context['client_id'],
      token_endpoint_auth_method: 'client_secret_basic',
    }),
    secret: true,
  },
  'auth/2025-03-26-oauth-endpoint-fallback': { ...plain, words: ['--legacy-endpoints'] },
  // The service moves between the two runs. Whoever keeps the catalogue has reviewed the new issuer and added it.
  'auth/authorization-server-migration': {
    authorization: ({ issuers }) => ({ issuers, registration: 'dynamic' }),
    callsTool: true,
    times: 2,
  },
};

/** How a scenario is met. One that does not apply is run like any other: that it fails is what the baseline says. */
export function caseOf(scenario: string): Case {
  return others[scenario] ?? plain;
}

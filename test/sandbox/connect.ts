import { createServer } from 'node:http';
import * as oauth from 'oauth4webapi';
import type { JsonObject } from './authorization/control.ts';
import type { PersonName } from './people.ts';
import type { SandboxService } from './services/service.ts';
import { visit } from './visit.mjs';

/** What a client holds after the flow: everything a vault credential is made of. */
export interface Connection {
  readonly accessToken: string;
  /** Empty where the service issued none. */
  readonly refreshToken: string;
  readonly expiresIn: number;
  readonly scope: string;
  readonly clientId: string;
  readonly tokenEndpoint: string;
  readonly mcpUrl: string;
  readonly resource: string;
}

/** How a test deviates from the good case. */
export interface ConnectOptions {
  readonly person?: PersonName;
  /** Space-separated; without it all scopes that the service has. */
  readonly scope?: string;
  /** Instead of what the service wants to see in the authorization request. */
  readonly parameters?: Readonly<Record<string, string>>;
}

const insecure = { [oauth.allowInsecureRequests]: true };

/**
 * Connects to a service as a person would with a well-behaved client: metadata, registration as the
 * service wants it, a scripted browser, the code exchange. For tests that need a live token and do
 * not care how it came about.
 */
export async function connect(service: SandboxService, options: ConnectOptions = {}): Promise<Connection> {
  const { registration } = service;
  const registered = registration.kind === 'pre-registered' ? registration : undefined;
  const callback = await listenForCallback(registered === undefined ? 0 : Number(new URL(registered.redirectUri).port));
  try {
    const server = await discover(service);
    const client = { client_id: await clientIdFor(service, server, callback.redirectUri) };
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const url = new URL(server.authorization_endpoint ?? '');
    const scope = options.scope ?? service.scopes.join(' ');
    url.search = new URLSearchParams({
      ...(options.parameters ?? service.authorizeParameters),
      response_type: 'code',
      client_id: client.client_id,
      redirect_uri: callback.redirectUri,
      resource: service.resource,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      scope,
    }).toString();

    const page = await visit(url.href, { person: options.person ?? 'ada' });
    if (!page.url.startsWith(callback.redirectUri)) throw new Error(`the flow ended on a page: ${page.body}`);
    const parameters = oauth.validateAuthResponse(server, client, new URL(page.url), state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      registered?.clientSecret === undefined ? oauth.None() : oauth.ClientSecretPost(registered.clientSecret),
      parameters,
      callback.redirectUri,
      verifier,
      { ...insecure, additionalParameters: { resource: service.resource } },
    );
    const tokens = readTokens((await response.json()) as JsonObject);
    return {
      ...tokens,
      clientId: client.client_id,
      tokenEndpoint: service.tokenEndpoint,
      mcpUrl: service.mcpUrl,
      resource: service.resource,
    };
  } finally {
    callback.close();
  }
}

async function discover(service: SandboxService): Promise<oauth.AuthorizationServer> {
  return oauth.processDiscoveryResponse(new URL(service.issuer), await fetch(service.metadataUrl));
}

async function clientIdFor(
  { registration }: SandboxService,
  server: oauth.AuthorizationServer,
  redirectUri: string,
): Promise<string> {
  if (registration.kind === 'pre-registered') return registration.clientId;
  if (registration.kind === 'client-metadata') return registration.clientMetadataUrl;
  const response = await oauth.dynamicClientRegistrationRequest(
    server,
    {
      client_name: 'sandbox test',
      application_type: 'native',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    },
    insecure,
  );
  return (await oauth.processDynamicClientRegistrationResponse(response)).client_id;
}

/** Reads the flat answer of most services and Slack's nested one. */
function readTokens(answer: JsonObject): Pick<Connection, 'accessToken' | 'refreshToken' | 'expiresIn' | 'scope'> {
  const tokens = (answer['authed_user'] ?? answer) as JsonObject;
  if (typeof tokens['access_token'] !== 'string') throw new Error(`no token came back: ${JSON.stringify(answer)}`);
  return {
    accessToken: tokens['access_token'],
    refreshToken: String(tokens['refresh_token'] ?? ''),
    expiresIn: Number(tokens['expires_in']),
    scope: String(tokens['scope']),
  };
}

/** A page for the browser to end on; what came back is read from the page's address. */
async function listenForCallback(port: number): Promise<{ redirectUri: string; close(): void }> {
  const server = createServer((_request, response) => response.end('done'));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the callback listener has no port');
  return {
    redirectUri: `http://127.0.0.1:${address.port}/callback`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

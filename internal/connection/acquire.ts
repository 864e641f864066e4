/** From a catalogued service to tokens: discovery, registration, the flow in the browser, and whose account came back. */
import type { Service } from '../config/definitions.ts';
import { type AuthorizationServer, chooseIssuer, discoverAuthorizationServer } from '../oauth/authorization-server.ts';
import { authorize } from '../oauth/authorize.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { authorizeDevice, requireDeviceFlow } from '../oauth/device.ts';
import type { Tokens } from '../oauth/library.ts';
import { discoverProtectedResource, type ProtectedResource, splitScopes } from '../oauth/protected-resource.ts';
import { becomeClient, type OAuthClient } from '../oauth/registration.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { type Account, readAccount } from './account.ts';
import { listenAsClient } from './client.ts';
import type { Connection } from './credentials.ts';
import { consentFor, scopesToAskFor, warnOfMore } from './scopes.ts';

/** Tokens and everything the vault has to know of them. They live in memory only (P3). */
export interface Grant {
  accessToken: Secret;
  refreshToken: Secret | undefined;
  /** Undefined when the service does not say. */
  expiresAt: Date | undefined;
  scopes: readonly string[];
  client: OAuthClient;
  server: AuthorizationServer;
  /** Undefined when it came through the device flow. */
  redirectUri: string | undefined;
  resource: string | undefined;
  account: Account | undefined;
}

/** What the flow is run with. */
export interface AcquireRequest {
  service: Service;
  visit: BrowserVisit;
  /** The connection that is there already, whose client is used again where possible. */
  existing: Connection | undefined;
  /** Register anew even where a client could be used again. */
  newClient: boolean;
  readOnly: boolean;
  /** Says what was found out on the way, for `--verbose`. */
  detail(text: string): void;
  /** Called with the tokens' grant before anything else can fail, and again to end the browser's page. */
  conclude(grant: Grant): Promise<void>;
}

/**
 * Runs the flow. `conclude` stores the grant while the browser's page still waits for the true outcome. The listener
 * is bound before the registration and closed on every path.
 */
export async function acquire(request: AcquireRequest): Promise<void> {
  const { service, visit, detail } = request;
  const found = await discoverProtectedResource(service.mcp_server_url, visit.fetch);
  const issuer = chooseIssuer(found.authorizationServers, service.authorization.issuers, service.name);
  const server = await discoverAuthorizationServer({ issuer, requirePkce: true }, visit.fetch);
  detail(`authorization server ${quote(server.issuer)}, resource ${quote(found.resource)}`);

  if (visit.showCode !== undefined) return await acquireByCode(request, found, server, visit.showCode);

  const { listener, client } = await listenAsClient(request, server);
  detail(`client ${quote(client.clientId)}, callback ${listener.redirectUri}`);
  let ok = false;
  try {
    const resource = service.authorization.resource_parameter ? found.resource : undefined;
    const scopes = scopesToAskFor(service, found, server, request.readOnly);
    const tokens = await authorize({
      server,
      client,
      listener,
      path: service.authorization.redirect.path,
      scopes,
      resource,
      parameters: { ...consentFor(scopes), ...service.authorization.authorize_parameters },
      tokenResponse: service.authorization.token_response,
      openid: false,
      allowLoopbackHttp: visit.allowLoopbackHttp,
      fetch: visit.fetch,
      signal: visit.signal,
      timeoutMs: visit.timeoutMs,
      visit: (url) => visit.show(url, `allow access to ${service.title ?? service.name}`, listener.redirectUri),
      warn: visit.warn,
    });
    const granted = grantOf(tokens, scopes);
    warnOfMore(service, scopes, granted.scopes, visit.warn);
    await request.conclude({
      ...granted,
      client,
      server,
      redirectUri: listener.redirectUri,
      resource,
      account: undefined,
    });
    ok = true;
  } finally {
    await listener.finish({ ok });
  }
}

/** The same through the device flow: no listener, and a client that nothing is sent back to. */
async function acquireByCode(
  request: AcquireRequest,
  found: ProtectedResource,
  server: AuthorizationServer,
  showCode: NonNullable<BrowserVisit['showCode']>,
): Promise<void> {
  const { service, visit } = request;
  requireDeviceFlow(server, service.name);
  const { allowLoopbackHttp, fetch, signal, timeoutMs } = visit;
  const client = await becomeClient({ service, server, redirectUri: undefined, allowLoopbackHttp, fetch });
  const resource = service.authorization.resource_parameter ? found.resource : undefined;
  const scopes = scopesToAskFor(service, found, server, request.readOnly);
  const tokens = await authorizeDevice({
    server,
    client,
    scopes,
    resource,
    tokenResponse: service.authorization.token_response,
    openid: false,
    allowLoopbackHttp,
    fetch,
    signal,
    timeoutMs,
    showCode: (address, code) => showCode(address, code, `allow access to ${service.title ?? service.name}`),
  });
  const granted = grantOf(tokens, scopes);
  warnOfMore(service, scopes, granted.scopes, visit.warn);
  await request.conclude({ ...granted, client, server, redirectUri: undefined, resource, account: undefined });
}

/** Reads whose account a grant is of. */
export async function withAccount(grant: Grant, service: Service, visit: BrowserVisit): Promise<Grant> {
  return { ...grant, account: await readAccount(service, grant.accessToken, visit.fetch, visit.signal) };
}

/** A hundred years: what is said to last longer does not expire, and may be no date at all. */
const longestSeconds = 100 * 365 * 24 * 3600;

function grantOf(tokens: Tokens, asked: readonly string[] | undefined) {
  const seconds = tokens.expiresIn();
  return {
    accessToken: new Secret(tokens.access_token),
    refreshToken: tokens.refresh_token === undefined ? undefined : new Secret(tokens.refresh_token),
    expiresAt: seconds === undefined || seconds > longestSeconds ? undefined : new Date(Date.now() + seconds * 1000),
    // RFC 6749 section 5.1: an answer without scope grants what was asked for.
    scopes: tokens.scope === undefined ? [...(asked ?? [])] : splitScopes(tokens.scope),
  };
}

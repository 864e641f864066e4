/** From a catalogued service to tokens: discovery, registration, the flow in the browser, and whose account came back. */
import type { Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { type AuthorizationServer, chooseIssuer, discoverAuthorizationServer } from '../oauth/authorization-server.ts';
import { authorize } from '../oauth/authorize.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { authorizeDevice, requireDeviceFlow } from '../oauth/device.ts';
import type { Tokens } from '../oauth/library.ts';
import { discoverProtectedResource, type ProtectedResource, splitScopes } from '../oauth/protected-resource.ts';
import { becomeClient, type OAuthClient } from '../oauth/registration.ts';
import { type LoopbackListener, listenOnLoopback } from '../outside/loopback.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { type Account, readAccount } from './account.ts';
import type { Connection } from './credentials.ts';

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

/**
 * The listener and the client for it. A dynamically registered client is used again only at its own redirect URI;
 * where that port is taken by now, another client is registered rather than another program answered.
 */
async function listenAsClient(
  request: AcquireRequest,
  server: AuthorizationServer,
): Promise<{ listener: LoopbackListener; client: OAuthClient }> {
  const { service, visit, existing, newClient } = request;
  const { registration } = service.authorization;
  const redirect = {
    ...service.authorization.redirect,
    port: visit.callbackPort ?? service.authorization.redirect.port,
  };
  const known = registration === 'dynamic' && !newClient ? reusableClient(existing, server) : undefined;
  if (known !== undefined && known.port === (visit.callbackPort ?? known.port)) {
    const listener = await listenOnLoopback({ ...redirect, port: known.port }).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'port_taken') return undefined;
      throw error;
    });
    if (listener?.redirectUri === known.redirectUri) return { listener, client: known.client };
    listener?.close();
  }
  const listener = await listenOnLoopback(redirect);
  try {
    const client = await becomeClient({
      service,
      server,
      redirectUri: listener.redirectUri,
      allowLoopbackHttp: visit.allowLoopbackHttp,
      fetch: visit.fetch,
    });
    return { listener, client };
  } catch (error) {
    listener.close();
    throw error;
  }
}

/** The client of the connection that is there, if it belongs to this very authorization server and has no secret. */
function reusableClient(existing: Connection | undefined, server: AuthorizationServer) {
  const { clientId, tokenEndpoint, record } = existing ?? {};
  if (clientId === undefined || record?.redirectUri === undefined || !URL.canParse(record.redirectUri))
    return undefined;
  if (record.issuer !== server.issuer || tokenEndpoint !== server.token_endpoint) return undefined;
  const port = Number(new URL(record.redirectUri).port);
  return { client: { clientId, authMethod: 'none' as const }, redirectUri: record.redirectUri, port };
}

/**
 * The scopes to ask for: the service file's, else the challenge's or the metadata's, else none. `offline_access` is
 * added where the authorization server lists it, for a connection that the platform can keep alive.
 */
export function scopesToAskFor(
  service: Service,
  found: ProtectedResource,
  server: AuthorizationServer,
  readOnly: boolean,
): string[] | undefined {
  const configured = configuredScopes(service, readOnly);
  const scopes = configured.length > 0 ? configured : found.scopes;
  const offline =
    server.scopes_supported?.includes('offline_access') === true && scopes?.includes('offline_access') !== true;
  return offline ? [...(scopes ?? []), 'offline_access'] : scopes === undefined ? undefined : [...scopes];
}

/** The scopes of the service's file. Throws `usage` when only reading is wanted and it names no scopes for that. */
export function configuredScopes({ name, authorization }: Service, readOnly: boolean): readonly string[] {
  if (!readOnly) return authorization.scopes?.default ?? [];
  const reading = authorization.scopes?.read_only ?? [];
  if (reading.length > 0) return reading;
  throw new AppError('usage', `${quote(name)} has no scopes that only read`, {
    hint: 'connect it without --read-only; what its tools may do is then up to the agent alone',
  });
}

/** OpenID Connect lets a server ignore `offline_access` unless consent is asked for. */
function consentFor(scopes: readonly string[] | undefined): Record<string, string> {
  return scopes?.includes('offline_access') === true ? { prompt: 'consent' } : {};
}

/** How many scopes a warning names. */
const mostNamed = 10;

/** Says which scopes came back that nobody asked for. Where none were asked for, the service chose them all. */
function warnOfMore(
  service: Service,
  asked: readonly string[] | undefined,
  granted: readonly string[],
  warn: (text: string) => void,
): void {
  const more = asked === undefined ? [] : granted.filter((scope) => !asked.includes(scope));
  if (more.length === 0) return;
  const rest = more.length > mostNamed ? ` and ${more.length - mostNamed} more` : '';
  warn(`${service.name} granted more than was asked for: ${more.slice(0, mostNamed).map(quote).join(', ')}${rest}`);
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

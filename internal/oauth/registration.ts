/** How we become a client of an authorization server, in the order of the MCP specification of 2026-07-28. */

import * as oauth from 'oauth4webapi';
import { clock } from '../clock/clock.ts';
import type { Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Fetch } from '../outside/http.ts';
import type { Recorder } from '../platform/recorder.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { type AuthorizationServer, isSameIssuer, reviewedIssuers } from './authorization-server.ts';
import { parseObject, readJson } from './json.ts';
import { splitScopes } from './metadata.ts';
import { isSuccess } from './token-response.ts';

/** How a client proves itself at the token endpoint. */
export type ClientAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post';

/** A client of one authorization server. */
export interface OAuthClient {
  clientId: string;
  authMethod: ClientAuthMethod;
  secret?: Secret | undefined;
  /** When the server forgets the secret; undefined where it did not say, or never does. */
  expiresAt?: Date | undefined;
  /** The scopes that it may ask for; undefined where the server did not say. */
  scopes?: readonly string[] | undefined;
}

/** The ways to become a client. */
export type RegistrationWay = NonNullable<Service['authorization']['registration']>;

/** What a dynamic registration needs. */
export interface RegistrationRequest {
  service: Service;
  server: AuthorizationServer;
  /** Undefined for the device flow, which comes back to nowhere. */
  redirectUri: string | undefined;
  /** What will be asked for: some servers bind a client to the scopes that it was registered with, or to few of their own. */
  scopes: readonly string[] | undefined;
  allowLoopbackHttp: boolean;
  fetch: Fetch;
  recorder: Recorder;
}

/** The grant type of the device flow (RFC 8628). */
export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** The longest client id and client secret that are taken from anybody, in characters. */
export const longestClientId = 2048;
export const longestClientSecret = 2048;

/** Whether something can be a client id or secret (RFC 6749 appendix A: printable ASCII), and is of sane length. */
export function isClientText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.length <= longest && /^[\x20-\x7e]+$/.test(value);
}

/**
 * The way that the service's file names, else the first that is possible: pre-registered, client metadata document,
 * dynamic registration, asking the person. Throws `registration_refused` where the named one is impossible.
 */
export function chooseRegistration({ name, authorization }: Service, server: AuthorizationServer): RegistrationWay {
  const { registration, client_id: clientId, client_metadata_url: metadataUrl } = authorization;
  const file = `config/services/${name}.yaml`;
  const takesDocuments = server['client_id_metadata_document_supported'] === true;
  const registers = typeof server.registration_endpoint === 'string';
  if (registration === 'client-metadata' && !takesDocuments) {
    throw new AppError('registration_refused', `${quote(server.issuer)} does not take client metadata documents`, {
      hint: `set another authorization.registration in ${file}`,
    });
  }
  if (registration === 'dynamic' && !registers) {
    throw new AppError('registration_refused', `${quote(server.issuer)} registers no clients by itself`, {
      hint: `leave authorization.registration out of ${file}, so that a client can be entered that somebody registered there`,
    });
  }
  if (registration !== undefined) return registration;
  if (clientId !== undefined) return 'pre-registered';
  if (metadataUrl !== undefined && takesDocuments) return 'client-metadata';
  return registers ? 'dynamic' : 'ask';
}

/**
 * Ends with `issuer_mismatch` where a client of the catalogue would be shown to an authorization server that its file
 * does not name: the token that came of it would be of use to whoever pointed there.
 */
export function requireOwnServer({ name, authorization }: Service, server: AuthorizationServer): void {
  if (reviewedIssuers(authorization).some((issuer) => isSameIssuer(server.issuer, issuer))) return;
  throw new AppError(
    'issuer_mismatch',
    `the client of ${quote(name)} is none of ${quote(server.issuer)}, and is not used there`,
  );
}

/** How a client whose secret somebody was given at the service proves itself, where its file does not say. */
export function methodForSecret(server: AuthorizationServer): ClientAuthMethod {
  // RFC 8414 section 2: left out, it is client_secret_basic.
  const offered = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return !offered.includes('client_secret_basic') && offered.includes('client_secret_post')
    ? 'client_secret_post'
    : 'client_secret_basic';
}

/**
 * Registers a client (RFC 7591) with the exact redirect URI of the listener that is already bound, at the server whose
 * metadata was judged and nowhere else: no redirect is followed. Throws `registration_refused` and `record_unwritable`.
 */
export async function registerClient(request: RegistrationRequest): Promise<OAuthClient> {
  const { service, server, recorder } = request;
  return await recorder.act(
    { act: 'client.register', target: { kind: 'client', id: undefined, label: service.name }, server: server.issuer },
    () => askForClient(request),
    ({ clientId }) => ({ made: clientId }),
  );
}

async function askForClient(request: RegistrationRequest): Promise<OAuthClient> {
  const { server, redirectUri, scopes = [] } = request;
  const metadata = {
    client_name: 'managed-agents-interface (service-connection)',
    // A page of a console, which no native client may have; whatever is on the person's own machine is one (RFC 8252).
    application_type: redirectUri?.startsWith('https:') === true ? 'web' : 'native',
    redirect_uris: redirectUri === undefined ? [] : [redirectUri],
    // A server that does not list it may still give refresh tokens; the client that may not have one dies at the first expiry.
    grant_types: [redirectUri === undefined ? deviceGrant : 'authorization_code', 'refresh_token'],
    response_types: redirectUri === undefined ? [] : ['code'],
    token_endpoint_auth_method: methodToAskFor(server),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  };
  const response = await oauth.dynamicClientRegistrationRequest(server as oauth.AuthorizationServer, metadata, {
    [oauth.customFetch]: (url, init) =>
      request.fetch(url, { ...init, whose: `the registration_endpoint of ${quote(server.issuer)}` }),
    [oauth.allowInsecureRequests]: request.allowLoopbackHttp,
  });
  // Some servers answer 200 where RFC 7591 says 201, and leave out the expiry of a secret: the library would refuse both.
  if (!isSuccess(response.status)) throw await registrationRefused(response, request);
  return judgeRegistration((await readJson(response, response.status)) ?? {}, redirectUri, server, clock.now());
}

/** A client on somebody's machine keeps no secret, so none is asked for unless the server has nothing else. */
function methodToAskFor({ token_endpoint_auth_methods_supported: offered }: AuthorizationServer): ClientAuthMethod {
  const methods = ['none', 'client_secret_basic', 'client_secret_post'] as const;
  return (Array.isArray(offered) ? methods.find((method) => offered.includes(method)) : undefined) ?? 'none';
}

/** Judges what the server registered: our redirect URI, an id and secret of sane length, an authentication we can do. */
function judgeRegistration(
  answer: Readonly<Record<string, unknown>>,
  redirectUri: string | undefined,
  server: AuthorizationServer,
  now: Date,
): OAuthClient {
  const { client_id: clientId, client_secret: secret, redirect_uris: redirectUris } = answer;
  const refuse = (why: string) => new AppError('registration_refused', `${quote(server.issuer)} registered ${why}`);
  if (!isClientText(clientId, longestClientId)) throw refuse('a client without a usable id');
  if (redirectUri !== undefined && !hasRedirect(redirectUris, redirectUri)) {
    throw refuse('other redirect URIs than ours');
  }
  const { scope } = answer;
  const scopes = typeof scope === 'string' && scope.trim() !== '' ? { scopes: splitScopes(scope) } : {};
  // RFC 9449 section 5.2. The platform, which will send them, has no such key.
  if (answer['dpop_bound_access_tokens'] === true) throw refuse('a client whose tokens are bound to a key (DPoP)');
  const authMethod = assignedMethod(answer, server);
  // A secret that is not to be used is no secret: it is not kept.
  if (authMethod === 'none') return { clientId, authMethod, ...scopes };
  if (authMethod === undefined) throw refuse('a client that has to prove itself in a way that we cannot');
  if (!isClientText(secret, longestClientSecret)) throw refuse('a client without the secret that it needs');
  const expiresAt = expiryOf(answer['client_secret_expires_at']);
  if (expiresAt !== undefined && !(expiresAt > now)) throw refuse('a client whose secret has expired already');
  return { clientId, authMethod, secret: new Secret(secret), expiresAt, ...scopes };
}

/** Whether ours is among them. Left out or empty they are as asked; without a port a loopback address has any (RFC 8252 section 7.3). */
function hasRedirect(registered: unknown, ours: string): boolean {
  if (registered === undefined) return true;
  if (!Array.isArray(registered)) return false;
  const { protocol, hostname, pathname } = new URL(ours);
  return (
    registered.length === 0 || registered.includes(ours) || registered.includes(`${protocol}//${hostname}${pathname}`)
  );
}

/** What the answer assigns; where it is silent, RFC 7591 has a default for clients with a secret. */
function assignedMethod(
  { client_secret: secret, token_endpoint_auth_method: method }: Readonly<Record<string, unknown>>,
  server: AuthorizationServer,
): ClientAuthMethod | undefined {
  if (method === 'none' || method === 'client_secret_basic' || method === 'client_secret_post') return method;
  if (method !== undefined && method !== null) return undefined;
  // Some return a secret although they only take clients without.
  const offered = server.token_endpoint_auth_methods_supported;
  const publicOnly = Array.isArray(offered) && offered.every((name) => name === 'none') && offered.length > 0;
  return secret === undefined || secret === null || publicOnly ? 'none' : methodForSecret(server);
}

/** RFC 7591 section 3.2.1: seconds, or 0 for never, in quotes or not; an invalid date for anything that is no time. */
function expiryOf(said: unknown): Date | undefined {
  const seconds = typeof said === 'string' && /^\d+$/.test(said) ? Number(said) : said;
  if (seconds === undefined || seconds === null || seconds === 0) return undefined;
  return new Date(typeof seconds === 'number' ? seconds * 1000 : Number.NaN);
}

/** What a refusal means. Only the error of RFC 7591 is repeated of it: it may be a page, or a text of any kind. */
async function registrationRefused(
  response: Response,
  { service, server, scopes = [] }: RegistrationRequest,
): Promise<AppError> {
  const { status } = response;
  const body = parseObject(await response.text()) ?? {};
  const said = [body['error'], body['error_description']].flatMap((text) => (typeof text === 'string' ? [text] : []));
  const reason = `${status}${said.length === 0 ? '' : ` ${said.map((text) => quote(text)).join(': ')}`}`;
  const file = `config/services/${service.name}.yaml`;
  if (status === 401 || status === 403) {
    return new AppError(
      'registration_refused',
      `${quote(server.issuer)} admits only clients that it lists, and we are none of them: ${reason}`,
      { hint: `ask the service for admission or a client id, and set client_id in ${file}` },
    );
  }
  const otherClient = `set client_id in ${file} to a client that somebody registered at the service`;
  const hint = () => {
    if (status >= 500) return `try again later; if it stays, ${otherClient}`;
    if (body['error'] === 'invalid_redirect_uri')
      return `set redirect in ${file} to a host, port and path that the service takes`;
    if (body['error'] === 'invalid_scope')
      return `it was registered for ${scopes.map(quote).join(', ')}: list in authorization.scopes.default of ${file} those that the service gives to such clients`;
    return otherClient;
  };
  return new AppError('registration_refused', `${quote(server.issuer)} refused to register a client: ${reason}`, {
    hint: hint(),
  });
}

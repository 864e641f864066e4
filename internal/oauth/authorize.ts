/**
 * The authorization code flow with PKCE in the person's browser, from bound listener to tokens, for services and for
 * single sign-on alike. openid-client makes the requests; the order and the checks around them are here:
 *
 * 1. the listener is bound (by the caller, before any registration)
 * 2. issuer, state and verifier are fixed for this attempt
 * 3. the browser is sent to the authorization endpoint
 * 4. exactly one judged answer comes back
 * 5. the code is exchanged once
 */
import * as openid from 'openid-client';
import { AppError } from '../errors/app-error.ts';
import { checkedUrl, type Fetch } from '../outside/http.ts';
import type { LoopbackListener } from '../outside/loopback.ts';
import { conceal, Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { awaitAnswer } from './answer.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { Shown } from './browser-visit.ts';
import type { OAuthClient } from './registration.ts';
import { normalizeTokenAnswer, type TokenResponseShape } from './token-response.ts';

/** One attempt. */
export interface Attempt {
  server: AuthorizationServer;
  client: OAuthClient;
  listener: LoopbackListener;
  path: string;
  scopes: readonly string[] | undefined;
  /** The RFC 8707 resource indicator, verbatim; undefined for single sign-on. */
  resource: string | undefined;
  /** Further parameters of the authorization request, from the service's file. */
  parameters: Readonly<Record<string, string>>;
  tokenResponse: TokenResponseShape;
  /** Single sign-on: an ID token is asked for and fully verified. */
  openid: boolean;
  allowLoopbackHttp: boolean;
  fetch: Fetch;
  signal: AbortSignal;
  timeoutMs: number;
  /** Shows the URL and opens it. */
  visit(url: URL): Promise<Shown>;
  warn(text: string): void;
}

/** Tokens as the library validated them. */
export type Tokens = Awaited<ReturnType<typeof openid.authorizationCodeGrant>>;

const idTokenAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** Carries out one attempt. Throws `access_denied`, `callback_refused`, `token_refused`, `timed_out` or `interrupted`. */
export async function authorize(attempt: Attempt): Promise<Tokens> {
  const configuration = libraryConfiguration(attempt);
  const state = openid.randomState();
  const nonce = attempt.openid ? openid.randomNonce() : undefined;
  const verifier = new Secret(openid.randomPKCECodeVerifier());
  const url = openid.buildAuthorizationUrl(configuration, {
    ...attempt.parameters,
    response_type: 'code',
    redirect_uri: attempt.listener.redirectUri,
    state,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier.reveal()),
    code_challenge_method: 'S256',
    ...(attempt.scopes === undefined || attempt.scopes.length === 0 ? {} : { scope: attempt.scopes.join(' ') }),
    ...(nonce === undefined ? {} : { nonce }),
    ...(attempt.resource === undefined ? {} : { resource: attempt.resource }),
  });
  const wait = awaitAnswer(attempt, state);
  // Visiting may fail or be interrupted first; the wait must not end as an unhandled rejection then.
  wait.answer.catch(() => {});
  const shown = await attempt.visit(checkedUrl(url.href, attempt.allowLoopbackHttp));
  const prompt = shown.prompt?.(wait);
  const parameters = await wait.answer.finally(() => {
    prompt?.close();
    shown.done();
  });
  // Whoever answers may repeat in an error what it was sent.
  conceal(parameters.get('code') ?? '');

  const callback = new URL(attempt.listener.redirectUri);
  callback.search = parameters.toString();
  try {
    return await openid.authorizationCodeGrant(
      configuration,
      callback,
      {
        pkceCodeVerifier: verifier.reveal(),
        expectedState: state,
        idTokenExpected: attempt.openid,
        ...(nonce === undefined ? {} : { expectedNonce: nonce }),
      },
      attempt.resource === undefined ? {} : { resource: attempt.resource },
    );
  } catch (error) {
    throw tokenError(error, attempt.server.issuer);
  }
}

/** The library's view of server, client and transport. Every token answer is normalised before it is judged. */
function libraryConfiguration(attempt: Attempt): openid.Configuration {
  const { server, client } = attempt;
  const algorithms = server.id_token_signing_alg_values_supported?.filter((name) => idTokenAlgorithms.includes(name));
  const configuration = new openid.Configuration(
    { ...server, ...(algorithms === undefined ? {} : { id_token_signing_alg_values_supported: algorithms }) },
    client.clientId,
    {},
    clientAuthentication(client),
  );
  configuration[openid.customFetch] = async (url, init) => {
    const response = await attempt.fetch(url, init);
    return url === new URL(server.token_endpoint).href ? normalized(response, attempt) : response;
  };
  if (attempt.allowLoopbackHttp) openid.allowInsecureRequests(configuration);
  // TLS alone would do for a token from the token endpoint; the signature is checked all the same (P2).
  if (attempt.openid) openid.enableNonRepudiationChecks(configuration);
  return configuration;
}

function clientAuthentication(client: OAuthClient): openid.ClientAuth {
  if (client.authMethod === 'none') return openid.None();
  const secret = client.secret?.reveal() ?? '';
  return client.authMethod === 'client_secret_basic'
    ? openid.ClientSecretBasic(secret)
    : openid.ClientSecretPost(secret);
}

async function normalized(response: Response, attempt: Attempt): Promise<Response> {
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const headers = new Headers(response.headers);
  if (typeof body !== 'object' || body === null) return new Response(text, { status: response.status, headers });
  const answer = normalizeTokenAnswer(
    { status: response.status, body: body as Record<string, unknown> },
    attempt.tokenResponse,
    attempt.openid,
  );
  for (const name of ['access_token', 'refresh_token', 'id_token']) conceal(String(answer.body[name] ?? ''));
  // The challenge of a 401 would hide the error that the body names.
  if (typeof answer.body['error'] === 'string') headers.delete('www-authenticate');
  const status = typeof answer.body['error'] === 'string' && answer.status === 401 ? 400 : answer.status;
  return new Response(JSON.stringify(answer.body), { status, headers });
}

/** What became of the exchange, without a body, a code or a token in it. A code is never tried twice. */
function tokenError(error: unknown, issuer: string): AppError {
  // What our own transport reports arrives wrapped by the library.
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof AppError) return current;
  }
  if (error instanceof openid.ResponseBodyError) {
    const description = error.error_description === undefined ? '' : `: ${quote(error.error_description)}`;
    return new AppError('token_refused', `${quote(issuer)} refused the code: ${quote(error.error)}${description}`, {
      hint: error.error === 'invalid_client' ? 'run the command again with --new-client' : 'run the command again',
    });
  }
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  return new AppError('token_unusable', `the token answer of ${quote(issuer)} does not hold what it must${code}`, {
    hint: 'nothing was stored; report this to whoever runs the service',
    cause: error,
  });
}

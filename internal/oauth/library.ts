/** openid-client as every flow uses it: its view of server, client and transport, and what its errors mean. */

import * as openid from 'openid-client';
import { AppError } from '../errors/app-error.ts';
import { Headers, Response } from '../outside/fetch-types.ts';
import type { Fetch } from '../outside/http.ts';
import { conceal, Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { adviceFor } from './advice.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { parseObject } from './json.ts';
import { OAuthRefusal } from './refusal.ts';
import type { OAuthClient } from './registration.ts';
import {
  isSuccess,
  normalizeTokenAnswer,
  type TokenResponseShape,
  tokenWithin,
  wrongInTokens,
} from './token-response.ts';

/** What the library has to know. */
export interface LibrarySetting {
  server: AuthorizationServer;
  client: OAuthClient;
  tokenResponse: TokenResponseShape;
  /** The type that a token has to be of: `bearer` unless an assertion is asked for, which gives no access (`n_a`). */
  tokenType?: 'bearer' | 'n_a';
  /** Single sign-on: an ID token is asked for and fully verified. */
  openid: boolean;
  /**
   * Judges an ID token in the place of the library, which then sees none: it takes for broken what providers write otherwise
   * than the specification, and says neither which claim that is nor what was in it. It hears which access token came with it.
   */
  judgeIdToken?: ((token: string, accessToken: string) => Promise<void>) | undefined;
  allowLoopbackHttp: boolean;
  fetch: Fetch;
}

/** Tokens as the library validated them. */
export type Tokens = openid.TokenEndpointResponse & openid.TokenEndpointResponseHelpers;

/** How far clocks may be apart. */
const idTokenSkewSeconds = 60;

/** The library's view of server, client and transport. Every token answer is normalised before it is judged. */
export function libraryConfiguration(setting: LibrarySetting): openid.Configuration {
  const { server, client } = setting;
  const configuration = new openid.Configuration(
    server,
    client.clientId,
    setting.openid ? { [openid.clockTolerance]: idTokenSkewSeconds } : {},
    clientAuthentication(client),
  );
  const at = (address: string | undefined, url: string) => address !== undefined && url === new URL(address).href;
  configuration[openid.customFetch] = async (url, init) => {
    const name = (['token_endpoint', 'device_authorization_endpoint'] as const).find((each) => at(server[each], url));
    const whose = name && `the ${name} of ${quote(server.issuer)}`;
    const response = await setting.fetch(url, { ...init, whose });
    if (name === 'token_endpoint') return await normalized(response, setting);
    return name === undefined ? response : await asDocumented(response);
  };
  if (setting.allowLoopbackHttp) openid.allowInsecureRequests(configuration);
  // TLS alone would do for a token from the token endpoint; the signature is checked all the same (P2).
  if (setting.openid) openid.enableNonRepudiationChecks(configuration);
  return configuration;
}

/** How a client proves itself wherever the authorization server asks for it. */
export function clientAuthentication(client: OAuthClient): openid.ClientAuth {
  if (client.authMethod === 'none') return openid.None();
  const secret = client.secret?.reveal() ?? '';
  return client.authMethod === 'client_secret_basic' ? clientSecretBasic(secret) : openid.ClientSecretPost(secret);
}

/**
 * HTTP Basic with both halves form-encoded (RFC 6749 section 2.3.1). The library's own also encodes hyphens, dots and
 * underscores, which that encoding leaves alone: servers that decode nothing would not know such a client.
 */
function clientSecretBasic(secret: string): openid.ClientAuth {
  const encoded = (text: string) => new URLSearchParams([['', text]]).toString().slice(1);
  return (_server, { client_id: clientId }, _body, headers) => {
    headers.set('authorization', `Basic ${btoa(`${encoded(clientId)}:${encoded(secret)}`)}`);
  };
}

/** Tokens that were given and cannot be used: nobody else will ever give them back. */
export class UnusableTokens extends AppError {
  override readonly name: string = 'UnusableTokens';
  readonly token: Secret;

  constructor(message: string, token: Secret) {
    super('token_unusable', message, { hint: 'nothing was stored; report this to whoever runs the service' });
    this.token = token;
  }
}

/** The token answer as the library is to see it. Throws `token_unusable` where no token and no error can be read in it. */
async function normalized(response: Response, setting: LibrarySetting): Promise<Response> {
  const { status } = response;
  const type = response.headers.get('content-type');
  const text = await response.text();
  const within = tokenWithin(text);
  conceal(within ?? '');
  const unusable = (why: string) => {
    const message = `the token answer of ${quote(setting.server.issuer)} ${why}`;
    return within === undefined
      ? new AppError('token_unusable', message, { hint: 'nothing was stored; report this to whoever runs the service' })
      : new UnusableTokens(message, new Secret(within));
  };
  const body = parseObject(text);
  const answer = normalizeTokenAnswer({ status, body: body ?? {} }, setting.tokenResponse, setting.openid);
  for (const name of ['access_token', 'refresh_token', 'id_token']) conceal(String(answer.body[name] ?? ''));
  const failed = typeof answer.body['error'] === 'string';
  // The challenge of a 401 says that it is about the client.
  if (!failed && status !== 401 && (body === undefined || !isSuccess(status))) {
    const form = type === null ? 'no type' : quote(type);
    throw unusable(isSuccess(status) ? `is not JSON (${form})` : `is ${status} (${form}), and says no more`);
  }
  const wrong = answer.status === 200 ? wrongInTokens(answer.body, setting.tokenType) : undefined;
  if (wrong !== undefined) throw unusable(wrong);
  if (setting.judgeIdToken !== undefined) {
    const { id_token: idToken, ...others } = answer.body;
    if (typeof idToken === 'string') await setting.judgeIdToken(idToken, String(others['access_token']));
    answer.body = others;
  }
  const headers = new Headers(response.headers);
  // The challenge would hide the error that the body names, and the type whatever it is of.
  if (failed) headers.delete('www-authenticate');
  if (body !== undefined) headers.set('content-type', 'application/json');
  return new Response(body === undefined ? text : JSON.stringify(answer.body), { status: answer.status, headers });
}

/** Any other answer as the library is to see it: every 2xx a 200, JSON whatever its type says, nothing that is null. */
async function asDocumented(response: Response): Promise<Response> {
  const text = await response.text();
  const body = parseObject(text);
  const headers = new Headers(response.headers);
  if (body !== undefined) headers.set('content-type', 'application/json');
  const status = isSuccess(response.status) ? 200 : response.status;
  return new Response(body === undefined ? text : JSON.stringify(body), { status, headers });
}

/** The server does not know the client, or not its secret, or does not let it do this; the last three as GitHub and Slack say it. */
const clientErrors = [
  'invalid_client',
  'unauthorized_client',
  'incorrect_client_credentials',
  'invalid_client_id',
  'bad_client_secret',
];

/** What became of the exchange, without a body, a code or a token in it. A code is never tried twice. */
export function tokenError(error: unknown, issuer: string, what = 'the code'): AppError {
  // What our own transport reports arrives wrapped by the library.
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof AppError) return current;
  }
  if (error instanceof openid.ResponseBodyError) {
    const description = error.error_description === undefined ? '' : `: ${quote(error.error_description)}`;
    const code = clientErrors.includes(error.error) ? 'client_refused' : 'token_refused';
    const hint = adviceFor(error.error, error.error_description);
    return new OAuthRefusal(
      code,
      `${quote(issuer)} refused ${what}: ${quote(error.error)}${description}`,
      error.error,
      hint === undefined ? {} : { hint },
    );
  }
  // Where the body is not ours to read first, the challenge of a 401 stands for it (RFC 6749 section 5.2).
  if (error instanceof openid.WWWAuthenticateChallengeError && error.status === 401) {
    return new AppError('client_refused', `${quote(issuer)} refused ${what}: 401`);
  }
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  return new AppError('token_unusable', `the token answer of ${quote(issuer)} does not hold what it must${code}`, {
    hint: 'nothing was stored; report this to whoever runs the service',
    cause: error,
  });
}

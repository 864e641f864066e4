/**
 * Access through the company's identity provider, without a consent page: an ID token becomes an assertion for one
 * authorization server (ID-JAG: RFC 8693 at the provider), and the assertion an access token there (RFC 7523). openid-client
 * sends both; which answer may be used is judged here.
 */
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import * as openid from 'openid-client';
import type { Requirement } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/exit-codes.ts';
import type { Fetch } from '../outside/http.ts';
import { conceal, Secret } from '../secret/secret.ts';
import type { Announced } from '../stores/announced.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { libraryConfiguration, type Tokens, tokenError, UnusableTokens } from './library.ts';
import { OAuthRefusal } from './refusal.ts';
import { methodForSecret, type OAuthClient } from './registration.ts';
import type { TokenResponseShape } from './token-response.ts';

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const jwtBearerGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const idJagType = 'urn:ietf:params:oauth:token-type:id-jag';
const idTokenType = 'urn:ietf:params:oauth:token-type:id_token';

/** Longer than any assertion for one server and one client. */
const longestIdJag = 16 * 1024;

/** How the web is asked. */
interface Asking {
  allowLoopbackHttp: boolean;
  fetch: Fetch;
  warn(text: string): void;
}

/** One party that is asked, and who we are there. */
export interface Party {
  server: AuthorizationServer;
  client: OAuthClient;
}

/** A sign-in at the identity provider, as far as assertions are made of it. */
export interface IdpSignIn {
  /** The provider, and the client that the ID token is for. */
  idp: Party;
  idToken: Secret;
  subject: string;
  /** How far clocks may be apart, in seconds. */
  marginSeconds: number;
  /** Whether the person was asked in this run. */
  isFresh: boolean;
}

/** The same, and how the person signs in again where that is wanted: undefined where nobody is asked. */
export interface SignInAtIdp extends IdpSignIn {
  again: ((requirement: Requirement) => Promise<IdpSignIn>) | undefined;
}

/** What an assertion is asked for with, and has to be of. */
export interface IdJagRequest extends Asking {
  idp: Party;
  /** The ID token of the person, which was judged. */
  idToken: Secret;
  /** The `sub` of that ID token. */
  subject: string;
  /** Where the assertion will be shown: its issuer and our client there. */
  target: Party;
  /** The resource of the MCP server, as its metadata spells it. */
  resource: string;
  scopes: readonly string[] | undefined;
  now: Date;
  /** How far clocks may be apart, in seconds. */
  marginSeconds: number;
}

/** The provider wants another sign-in before it hands out an assertion (RFC 9470): `assurance_missing`. */
export class StrongerSignInNeeded extends AppError {
  override readonly name: string = 'StrongerSignInNeeded';
  /** What that has to show; empty where the provider does not say. */
  readonly requirement: Requirement;

  constructor(issuer: string, requirement: Requirement) {
    const { acr, max_age: age } = requirement;
    const named = [acr && `acr ${acr.map(quote).join(' or ')}`, age && `at most ${age} ago`].filter(Boolean).join(', ');
    super(
      'assurance_missing',
      `${quote(issuer)} wants a better sign-in for this service${named === '' ? '' : `: ${named}`}`,
    );
    this.requirement = requirement;
  }
}

/**
 * Asks the identity provider for an assertion. A refresh token beside it is dropped. Throws `token_unusable` for an answer
 * that is no assertion or one for something else, which is sent nowhere; {@link StrongerSignInNeeded}, {@link OAuthRefusal},
 * and what asking throws.
 */
export async function requestIdJag(request: IdJagRequest, _announced: Announced): Promise<Secret> {
  const { idp, idToken, target, resource, scopes } = request;
  const { issuer } = idp.server;
  const configuration = libraryConfiguration({
    ...request,
    ...fitting(idp, 'token_refused'),
    tokenResponse: 'standard',
    tokenType: 'n_a',
    openid: false,
  });
  const answer = await openid
    .genericGrantRequest(configuration, exchangeGrant, {
      requested_token_type: idJagType,
      // Byte for byte as they were validated: whoever issues compares them.
      audience: target.server.issuer,
      resource,
      subject_token: idToken.reveal(),
      subject_token_type: idTokenType,
      ...(scopes === undefined || scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    })
    .catch((cause: unknown) => {
      throw exchangeError(cause, issuer, target.server.issuer);
    });
  if (answer['issued_token_type'] !== idJagType) {
    throw refused(issuer, `it is ${quote(answer['issued_token_type'])}, and no assertion (issued_token_type)`);
  }
  if (answer.refresh_token !== undefined) {
    request.warn(`${quote(issuer)} gave a refresh token beside the assertion: it is not used, and not kept`);
  }
  judgeIdJag(answer.access_token, request);
  return new Secret(answer.access_token);
}

/** What showing an assertion takes. */
export interface RedeemRequest extends Asking {
  target: Party;
  idJag: Secret;
  /** The resource indicator (RFC 8707); undefined where the service's file says that it takes none. */
  resource: string | undefined;
  tokenResponse: TokenResponseShape;
}

/**
 * Shows the assertion to the authorization server that it is for. A refresh token is dropped: access would outlive what the
 * provider decides. Throws as every token request does.
 */
export async function redeemIdJag(request: RedeemRequest, _announced: Announced): Promise<Tokens> {
  const { target, idJag, resource } = request;
  const configuration = libraryConfiguration({ ...request, ...fitting(target, 'client_refused'), openid: false });
  try {
    const { refresh_token: refreshToken, ...tokens } = await openid.genericGrantRequest(configuration, jwtBearerGrant, {
      assertion: idJag.reveal(),
      ...(resource === undefined ? {} : { resource }),
    });
    if (refreshToken !== undefined) {
      request.warn(
        `${quote(target.server.issuer)} gave a refresh token for an assertion: it is not used, and not kept`,
      );
    }
    return tokens;
  } catch (error) {
    throw tokenError(error, target.server.issuer, 'the assertion of the identity provider');
  }
}

/** A client that proves itself in a way that the server lists, where it lists any (RFC 8414 section 2). Throws with `code`. */
function fitting({ server, client }: Party, code: ErrorCode): Party {
  const offered = server.token_endpoint_auth_methods_supported;
  if (client.authMethod === 'none' || offered === undefined || offered.includes(client.authMethod)) {
    return { server, client };
  }
  const authMethod = methodForSecret(server);
  if (offered.includes(authMethod)) return { server, client: { ...client, authMethod } };
  throw new AppError(
    code,
    `${quote(server.issuer)} takes a client's secret in no way that we know: ${offered.slice(0, 5).map(quote).join(', ')}`,
  );
}

function exchangeError(cause: unknown, issuer: string, audience: string): AppError {
  const error = tokenError(cause, issuer, `an assertion for ${quote(audience)}`);
  // What came is of the provider and has to go back to nobody else.
  if (error instanceof UnusableTokens) return refused(issuer, error.message);
  // `client_refused` is for the client of the service alone: what is kept of it is forgotten by that.
  const code = error.code === 'client_refused' ? 'token_refused' : error.code;
  if (!(error instanceof OAuthRefusal)) {
    return code === error.code ? error : new AppError(code, error.message, { hint: atProvider, cause: error });
  }
  if (error.error === 'insufficient_user_authentication') {
    const body = cause instanceof openid.ResponseBodyError && isRecord(cause.cause) ? cause.cause : {};
    return new StrongerSignInNeeded(issuer, requirementIn(body));
  }
  return new OAuthRefusal(code, error.message, error.error, { hint: atProvider, cause: error });
}

const atProvider =
  'ask whoever administers the identity provider whether people of yours may use this service through it, and which client it knows there';

/** What a challenge asks for (RFC 9470 section 3), as far as it can be asked for. */
function requirementIn({ acr_values: acr, max_age: age }: Readonly<Record<string, unknown>>): Requirement {
  const contexts = typeof acr === 'string' ? acr.split(' ').filter((each) => /^[\x21-\x7e]{1,255}$/.test(each)) : [];
  const seconds = typeof age === 'string' && /^\d{1,6}$/.test(age) ? Number(age) : age;
  const known = typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= 0 && seconds < 1_000_000;
  return {
    ...(contexts.length > 0 && { acr: contexts }),
    ...(known && { max_age: `${Math.max(1, seconds)}s` }),
  };
}

function refused(issuer: string, why: string): AppError {
  return new AppError('token_unusable', `the assertion of ${quote(issuer)} is refused: ${why}`, {
    hint: 'it was sent nowhere and nothing was stored; show this to whoever runs the identity provider',
  });
}

/** What an assertion has to say; the rest is for the server that it is for, which alone can verify it. */
type Expected = Pick<IdJagRequest, 'idp' | 'subject' | 'target' | 'resource' | 'now' | 'marginSeconds'>;

/**
 * Judges an assertion before it leaves for the server that it is for. Its signature is not ours to verify: we are not whom it
 * is for. Throws `token_unusable`.
 */
function judgeIdJag(token: string, { idp, subject, target, resource, now, marginSeconds }: Expected): void {
  const { issuer } = idp.server;
  const refuse = (why: string) => refused(issuer, why);
  conceal(token);
  if (token.length > longestIdJag) throw refuse(`longer than ${longestIdJag / 1024} KiB`);
  const { header, claims } = read(token) ?? {};
  if (header === undefined || claims === undefined) throw refuse('it is not a signed JWT');
  if (!/^(application\/)?oauth-id-jag\+jwt$/i.test(String(header['typ']))) {
    throw refuse(`its type is ${quote(header['typ'])}, and no assertion's (typ)`);
  }
  if (claims.iss !== issuer) throw refuse(`it is of ${quote(claims.iss)} (iss)`);
  if (only(claims.aud) !== target.server.issuer)
    throw refuse(`it is not for ${quote(target.server.issuer)} alone (aud)`);
  if (claims['client_id'] !== target.client.clientId) {
    throw refuse(`it is for the client ${quote(claims['client_id'])}, and not for ours there (client_id)`);
  }
  if (only(claims['resource']) !== resource) throw refuse(`it is not for ${quote(resource)} alone (resource)`);
  if (claims.sub !== subject) throw refuse('it speaks of somebody else than who signed in (sub)');
  if (typeof claims.jti !== 'string' || claims.jti === '') throw refuse('it has no name of its own (jti)');
  const seconds = now.getTime() / 1000;
  if (typeof claims.exp !== 'number' || claims.exp <= seconds - marginSeconds) throw refuse('it has expired (exp)');
  if (typeof claims.iat !== 'number' || claims.iat > seconds + marginSeconds) {
    throw refuse('it was issued in the future (iat)');
  }
  if (claims['cnf'] !== undefined && claims['cnf'] !== null)
    throw refuse('it is bound to a key, and we have none (cnf)');
}

function read(token: string): { header: Readonly<Record<string, unknown>>; claims: JWTPayload } | undefined {
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined;
  try {
    return { header: { ...decodeProtectedHeader(token) }, claims: decodeJwt(token) };
  } catch {
    return undefined;
  }
}

/** A text, or the one text of a list; undefined for anything else. */
function only(value: unknown): unknown {
  return Array.isArray(value) ? (value.length === 1 ? value[0] : undefined) : value;
}

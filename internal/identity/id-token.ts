/**
 * Judges an ID token in full (OpenID Connect Core sections 2 and 3.1.3.7): the same rules for one that came just now, one
 * that was kept, and one that a refresh brought. jose does the cryptography and most claims; the order, and what it
 * leaves to its callers, is here. Each rule has its own refusal.
 */
import { hash } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload } from 'jose';
import { AppError } from '../errors/app-error.ts';
import { idTokenAlgorithms } from '../oauth/id-token-algorithms.ts';
import { quote } from '../text/quote.ts';
import { assuranceOf, clockSkewSeconds } from './assurance.ts';
import type { IssuerKeys } from './issuer-keys.ts';

/** Which rule an ID token broke: stable, and part of the message. */
export type IdTokenFlaw =
  | 'oversized'
  | 'not_a_token'
  | 'algorithm'
  | 'type'
  | 'unknown_key'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'authorized_party'
  | 'subject'
  | 'expired'
  | 'not_yet_valid'
  | 'issued_in_future'
  | 'nonce'
  | 'access_token'
  | 'auth_time'
  | 'another_person'
  | 'claims';

const signInAgain = 'sign in again; if it stays, show this to whoever runs the identity provider';

/** An ID token that proves nothing (`identity_refused`). */
export class IdTokenRefused extends AppError {
  readonly flaw: IdTokenFlaw;
  /** What is wrong, without whose token it is. */
  readonly why: string;
  /** Where a time in the token decided: that time, in seconds since 1970. */
  readonly time: number | undefined;

  constructor(issuer: string, flaw: IdTokenFlaw, why: string, hint: string = signInAgain, time?: number) {
    super('identity_refused', `the ID token of ${quote(issuer)} is refused (${flaw}): ${why}`, { hint });
    this.flaw = flaw;
    this.why = why;
    this.time = time;
  }
}

const noAuthTime =
  'the provider ignores max_age: have it send auth_time, or have people asked each time: authorize_parameters: { prompt: login }, and no max_age';

const tooMuch =
  'let the provider leave out what is not asked for, such as groups that nobody here names: one that filters them, or identity.groups_from';

/** What an ID token has to be. */
export interface IdTokenExpectation {
  /** The issuer of the judged metadata. */
  issuer: string;
  clientId: string;
  keys: IssuerKeys;
  /** The nonce of the attempt; undefined where none was sent, and then there must be none. */
  nonce: string | undefined;
  /** Whoever asked for it has compared the nonce; we are handed the token alone. */
  anyNonce?: boolean;
  /** A refreshed token may leave the nonce out (OpenID Connect Core section 12.2). */
  nonceOptional?: boolean;
  /** The access token that came with it, where it will be used: the token may say which one that is (at_hash). */
  accessToken?: string | undefined;
  /** `max_age` was asked for: the token has to say when the person signed in. */
  authTimeRequired: boolean;
  /** Of a CI job: whoever asked for the token may be named (azp), and it is for nobody else but us. */
  anyParty?: boolean;
  /** How far clocks may be apart; {@link clockSkewSeconds} unless told. */
  marginSeconds?: number;
  /** The longest subject, in characters; that of a person unless told. */
  longestSubject?: number;
  /** What to do about a refusal, where signing in again is not it. */
  hint?: string;
  now: Date;
}

/** Longer than any that names a person's groups; a keychain could not keep it either. */
export const longestIdToken: number = 16 * 1024;
/** OpenID Connect Core section 2. */
const longestPerson = 255;

/** The claims of a good ID token. Throws {@link IdTokenRefused}, or what fetching the issuer's keys throws. */
export async function judgeIdToken(token: string, expected: IdTokenExpectation): Promise<JWTPayload> {
  const { issuer, clientId, now, marginSeconds = clockSkewSeconds, longestSubject = longestPerson } = expected;
  const refuse = (flaw: IdTokenFlaw, why: string, time?: number) =>
    new IdTokenRefused(issuer, flaw, why, expected.hint, time);
  if (token.length > longestIdToken) {
    throw new IdTokenRefused(issuer, 'oversized', `longer than ${longestIdToken / 1024} KiB`, expected.hint ?? tooMuch);
  }
  const header = headerOf(token);
  if (header === undefined) throw refuse('not_a_token', 'it is not a signed JWT');
  const { alg, typ, kid } = header;
  if (typeof alg !== 'string' || !idTokenAlgorithms.includes(alg)) {
    throw refuse('algorithm', `its algorithm ${quote(alg)} is none that only the issuer can sign with`);
  }
  // An access token or a logout token of the same issuer is signed with the same key (RFC 8725 section 3.11).
  if (typ !== undefined && !/^(application\/)?jwt$/i.test(String(typ))) throw refuse('type', `it is a ${quote(typ)}`);

  const claims = await expected.keys
    .verify(token, {
      algorithms: [...idTokenAlgorithms],
      issuer,
      audience: clientId,
      requiredClaims: ['iss', 'aud', 'sub', 'exp', 'iat'],
      clockTolerance: marginSeconds,
      currentDate: now,
    })
    .catch((error: unknown) => {
      throw refusalOf(error, refuse, kid);
    });

  const other = expected.anyNonce === true ? otherKind(claims) : undefined;
  if (other !== undefined) throw refuse('type', `it is ${other}`);
  const { aud, sub, iat = 0 } = claims;
  // Left out in one of the ways in which providers do that.
  const azp = claims['azp'] === null || claims['azp'] === '' ? undefined : claims['azp'];
  if (expected.anyParty === true && Array.isArray(aud) && aud.length > 1) {
    throw refuse('audience', 'it is for others too (aud)');
  }
  if (Array.isArray(aud) && aud.length > 1 && azp === undefined) {
    throw refuse('authorized_party', 'it is for others too and does not say who asked for it (azp)');
  }
  if (azp !== undefined && azp !== clientId && expected.anyParty !== true) {
    throw refuse('authorized_party', `${quote(azp)} asked for it (azp), and not this client`);
  }
  if (typeof sub !== 'string' || sub === '' || sub.length > longestSubject || hasControls(sub)) {
    throw refuse('subject', 'it does not name a person (sub)');
  }
  if (iat > now.getTime() / 1000 + marginSeconds) throw refuse('issued_in_future', 'it was issued in the future', iat);
  const nonce = claims['nonce'];
  if (
    expected.anyNonce !== true &&
    nonce !== expected.nonce &&
    !(nonce === undefined && expected.nonceOptional === true)
  ) {
    throw refuse('nonce', 'it belongs to another sign-in (nonce)');
  }
  const { accessToken } = expected;
  const half = claims['at_hash'];
  if (accessToken !== undefined && half !== undefined && half !== null && half !== halfHashOf(accessToken, alg)) {
    throw refuse('access_token', 'it came with another access token (at_hash)');
  }
  const { authTime } = assuranceOf(claims);
  if (!saysNothing(claims['auth_time']) && authTime === undefined) {
    throw refuse('auth_time', 'it says in no way that is known when the person signed in (auth_time)');
  }
  if (expected.authTimeRequired && authTime === undefined) {
    throw new IdTokenRefused(
      issuer,
      'auth_time',
      'it does not say when the person signed in (auth_time), which was asked for',
      expected.hint ?? noAuthTime,
    );
  }
  if (authTime !== undefined && authTime > now.getTime() / 1000 + marginSeconds) {
    throw refuse('auth_time', 'the person signed in in the future (auth_time)', authTime);
  }
  return claims;
}

/**
 * Throws {@link IdTokenRefused} unless a refreshed token speaks of the same person for the same client as the one before
 * (OpenID Connect Core section 12.2). The one before may be old: it is only compared with. When the person signed in is not
 * compared: providers that say the time of the renewal are common, and whoever asks has both ({@link authTimeOf}).
 */
export function requireSamePerson(issuer: string, before: string, after: JWTPayload): void {
  const old = claimsIn(before);
  const differs = ['iss', 'sub'].filter((claim) => old[claim] === undefined || old[claim] !== after[claim]);
  const audience = listOf(after.aud);
  // It has to include the audience of the first one, and may be for more.
  if (old.aud === undefined || !listOf(old.aud).every((each) => audience.includes(each))) differs.push('aud');
  if (!saysNothing(old['azp']) && !saysNothing(after['azp']) && old['azp'] !== after['azp']) differs.push('azp');
  if (differs.length === 0) return;
  throw new IdTokenRefused(issuer, 'another_person', `the refreshed one differs in ${differs.join(', ')}`);
}

/** The claims of a token that nobody has judged, only to compare with. What cannot be read is nobody. */
export function claimsIn(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    return {};
  }
}

/**
 * What a token of the same issuer, key and client is instead, where its header does not say so and no nonce does: a logout token
 * (OpenID Connect Back-Channel Logout section 4), or an access token as Entra ID, Okta or Keycloak mark them.
 */
function otherKind(claims: JWTPayload): string | undefined {
  if (claims['events'] !== undefined) return 'a logout token (events)';
  if (claims['scp'] !== undefined) return 'an access token (scp)';
  const { typ } = claims;
  if (typeof typ === 'string' && /^(bearer|dpop|logout|refresh|offline)$/i.test(typ)) return `a ${quote(typ)} (typ)`;
  return undefined;
}

function listOf(audience: unknown): unknown[] {
  return Array.isArray(audience) ? audience : [audience];
}

/** Whether a claim is absent in one of the ways in which providers leave it out. */
function saysNothing(value: unknown): boolean {
  return value === undefined || value === null || value === 0;
}

/** The left half of a hash of the size that the signature uses (OpenID Connect Core section 3.1.3.6). */
function halfHashOf(accessToken: string, alg: string): string {
  const whole = hash(/256$/.test(alg) ? 'sha256' : /384$/.test(alg) ? 'sha384' : 'sha512', accessToken, 'buffer');
  return whole.subarray(0, whole.length / 2).toString('base64url');
}

function headerOf(token: string): Readonly<Record<string, unknown>> | undefined {
  // The signature of an unsigned token is empty: that is for the algorithm to refuse.
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) return undefined;
  try {
    const header: Readonly<Record<string, unknown>> = decodeProtectedHeader(token);
    decodeJwt(token);
    return header;
  } catch {
    return undefined;
  }
}

const claimFlaws: Readonly<Record<string, readonly [IdTokenFlaw, string]>> = {
  iss: ['issuer', 'it is of another issuer (iss)'],
  aud: ['audience', 'it is for another client (aud)'],
  sub: ['subject', 'it does not name a person (sub)'],
  exp: ['expired', 'it does not say when it expires (exp)'],
  iat: ['issued_in_future', 'it does not say when it was issued (iat)'],
  nbf: ['not_yet_valid', 'it is not valid yet (nbf)'],
};

function refusalOf(
  error: unknown,
  refuse: (flaw: IdTokenFlaw, why: string, time?: number) => IdTokenRefused,
  kid: unknown,
): unknown {
  if (error instanceof errors.JWTExpired) return refuse('expired', 'it has expired (exp)', error.payload.exp);
  if (error instanceof errors.JWTClaimValidationFailed) {
    const [flaw, why] =
      claimFlaws[error.claim] ?? (['not_a_token', `its ${quote(error.claim)} has the wrong type`] as const);
    return refuse(flaw, why, error.claim === 'nbf' ? error.payload.nbf : undefined);
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return refuse('unknown_key', `it is signed with the key ${quote(kid)}, which the issuer does not publish`);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return refuse('signature', 'its signature is not that of the issuer');
  }
  if (error instanceof AppError) return error;
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) {
    return refuse('not_a_token', 'it is not a JWT that can be read');
  }
  // A key of the issuer that no library takes for good: RSA of too few bits, a point off its curve, numbers that are none.
  return refuse('signature', `the key ${quote(kid)} that it names is too weak, of another kind, or no key`);
}

function hasControls(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\u0000-\u001f\u007f-\u009f]/.test(text);
}

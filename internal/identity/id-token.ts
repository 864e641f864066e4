/**
 * Judges an ID token in full (OpenID Connect Core sections 2 and 3.1.3.7): the same rules for one that came just now, one
 * that was kept, and one that a refresh brought. jose does the cryptography and most claims; the order, and what it
 * leaves to its callers, is here. Each rule has its own refusal.
 */
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
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
  | 'auth_time'
  | 'another_person'
  | 'claims';

const signInAgain = 'sign in again; if it stays, show this to whoever runs the identity provider';

/** An ID token that proves nothing (`identity_refused`). */
export class IdTokenRefused extends AppError {
  readonly flaw: IdTokenFlaw;

  constructor(issuer: string, flaw: IdTokenFlaw, why: string, hint: string = signInAgain) {
    super('identity_refused', `the ID token of ${quote(issuer)} is refused (${flaw}): ${why}`, { hint });
    this.flaw = flaw;
  }
}

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
  /** `max_age` was asked for: the token has to say when the person signed in. */
  authTimeRequired: boolean;
  /** Of a CI job: whoever asked for the token may be named (azp), and it is for nobody else but us. */
  anyParty?: boolean;
  /** What to do about a refusal, where signing in again is not it. */
  hint?: string;
  now: Date;
}

/** Longer than any that names a person's groups; a keychain could not keep it either. */
export const longestIdToken: number = 16 * 1024;
/** OpenID Connect Core section 2. */
const longestSubject = 255;

/** The claims of a good ID token. Throws {@link IdTokenRefused}, or what fetching the issuer's keys throws. */
export async function judgeIdToken(token: string, expected: IdTokenExpectation): Promise<JWTPayload> {
  const { issuer, clientId, now } = expected;
  const refuse = (flaw: IdTokenFlaw, why: string) => new IdTokenRefused(issuer, flaw, why, expected.hint);
  if (token.length > longestIdToken) throw refuse('oversized', `longer than ${longestIdToken / 1024} KiB`);
  const header = headerOf(token);
  if (header === undefined) throw refuse('not_a_token', 'it is not a signed JWT');
  const { alg, typ, kid } = header;
  if (typeof alg !== 'string' || !idTokenAlgorithms.includes(alg)) {
    throw refuse('algorithm', `its algorithm ${quote(alg)} is none that only the issuer can sign with`);
  }
  // An access token or a logout token of the same issuer is signed with the same key (RFC 8725 section 3.11).
  if (typ !== undefined && !/^(application\/)?jwt$/i.test(String(typ))) throw refuse('type', `it is a ${quote(typ)}`);

  const claims = await jwtVerify(token, expected.keys.find, {
    algorithms: [...idTokenAlgorithms],
    issuer,
    audience: clientId,
    requiredClaims: ['iss', 'aud', 'sub', 'exp', 'iat'],
    clockTolerance: clockSkewSeconds,
    currentDate: now,
  }).then(
    ({ payload }) => payload,
    (error: unknown) => {
      throw refusalOf(error, refuse, kid);
    },
  );

  const { aud, azp, sub, iat = 0 } = claims;
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
  if (iat > now.getTime() / 1000 + clockSkewSeconds) throw refuse('issued_in_future', 'it was issued in the future');
  const nonce = claims['nonce'];
  if (
    expected.anyNonce !== true &&
    nonce !== expected.nonce &&
    !(nonce === undefined && expected.nonceOptional === true)
  ) {
    throw refuse('nonce', 'it belongs to another sign-in (nonce)');
  }
  const { authTime } = assuranceOf(claims);
  if (!saysNothing(claims['auth_time']) && authTime === undefined) {
    throw refuse('auth_time', 'it says in no way that is known when the person signed in (auth_time)');
  }
  if (expected.authTimeRequired && authTime === undefined) {
    throw refuse('auth_time', 'it does not say when the person signed in (auth_time), which was asked for');
  }
  if (authTime !== undefined && authTime > now.getTime() / 1000 + clockSkewSeconds) {
    throw refuse('auth_time', 'the person signed in in the future (auth_time)');
  }
  return claims;
}

/**
 * Throws {@link IdTokenRefused} unless a refreshed token speaks of the same person for the same client as the one before
 * (OpenID Connect Core section 12.2). The one before may be old: it is only compared with.
 */
export function requireSamePerson(issuer: string, before: string, after: JWTPayload): void {
  let old: JWTPayload = {};
  try {
    old = decodeJwt(before);
  } catch {
    // What cannot be read is nobody, and nobody is not the same.
  }
  // The last two may be left out; auth_time says when the person signed in, and a refresh is no sign-in.
  const both = (claim: string) => !saysNothing(old[claim]) && !saysNothing(after[claim]);
  const compared = ['iss', 'sub', 'aud', ...['azp', 'auth_time'].filter(both)];
  const differs = compared.filter((claim) => !same(old, after, claim));
  if (differs.length === 0) return;
  throw new IdTokenRefused(issuer, 'another_person', `the refreshed one differs in ${differs.join(', ')}`);
}

function same(old: JWTPayload, after: JWTPayload, claim: string): boolean {
  const text = (value: unknown) => JSON.stringify(Array.isArray(value) ? value.toSorted() : [value]);
  return old[claim] !== undefined && text(old[claim]) === text(after[claim]);
}

/** Whether a claim is absent in one of the ways in which providers leave it out. */
function saysNothing(value: unknown): boolean {
  return value === undefined || value === null || value === 0;
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

function refusalOf(error: unknown, refuse: (flaw: IdTokenFlaw, why: string) => IdTokenRefused, kid: unknown): unknown {
  if (error instanceof errors.JWTExpired) return refuse('expired', 'it has expired (exp)');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refuse(...(claimFlaws[error.claim] ?? (['not_a_token', 'a claim in it has the wrong type'] as const)));
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return refuse('unknown_key', `it is signed with the key ${quote(kid)}, which the issuer does not publish`);
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return refuse('unknown_key', 'it does not say which of the keys of the issuer it is signed with');
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return refuse('signature', 'its signature is not that of the issuer');
  }
  if (error instanceof errors.JOSEError) return refuse('not_a_token', 'it is no JWT that can be read');
  // A key of the issuer that no library takes for good, such as RSA of too few bits.
  if (error instanceof TypeError) return refuse('signature', 'the key that it names is too weak or of another kind');
  return error;
}

function hasControls(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\u0000-\u001f\u007f-\u009f]/.test(text);
}

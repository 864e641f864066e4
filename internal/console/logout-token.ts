/**
 * What a provider says when a sign-in has ended there (OpenID Connect Back-Channel Logout 1.0, section 2.6). Judged in full: it is
 * signed with the key of ID tokens, and nothing that is one may pass for the other.
 */
import { errors } from 'jose';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { longestIdToken } from '../identity/id-token.ts';
import type { IssuerKeys } from '../identity/issuer-keys.ts';
import { idTokenAlgorithms } from '../oauth/id-token-algorithms.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import type { SignedOut } from './sessions.ts';

/** What a logout token has to be. */
interface LogoutTokenExpectation {
  issuer: string;
  clientId: string;
  keys: IssuerKeys;
  /** How far clocks may be apart. */
  marginSeconds: number;
}

/** What it says, and its own id. */
export interface LogoutToken extends SignedOut {
  id: string;
}

const event = 'http://schemas.openid.net/event/backchannel-logout';
/** How long ago it may have been made, in seconds: it is sent at once, and for so long it is remembered. */
export const longestWay = 600;
/** Enough for any id, subject or sign-in. */
const longestText = 255;

function refuse(why: string, cause?: unknown): AppError {
  return new AppError('identity_refused', `the logout token is refused: ${why}`, {
    hint: 'show this to whoever runs the identity provider (docs/console.md)',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Judges one by all but whether it was shown before. Throws `identity_refused`, and what fetching the keys throws. */
export async function judgeLogoutToken(token: string, expected: LogoutTokenExpectation): Promise<LogoutToken> {
  const { issuer, clientId, keys, marginSeconds } = expected;
  const now = clock.now();
  if (token === '' || token.length > longestIdToken) throw refuse('it is none');
  const claims = await keys
    .verify(token, {
      typ: 'logout+jwt',
      algorithms: [...idTokenAlgorithms],
      issuer,
      audience: clientId,
      requiredClaims: ['iss', 'aud', 'iat', 'exp', 'jti', 'events'],
      clockTolerance: marginSeconds,
      currentDate: now,
    })
    .catch((error: unknown) => {
      throw error instanceof errors.JOSEError || error instanceof TypeError ? refuse(reasonOf(error), error) : error;
    });
  const { jti: id, iat = 0, sub, sid, events } = { ...claims, sid: claims['sid'], events: claims['events'] };
  const age = now.getTime() / 1000 - iat;
  if (age < -marginSeconds || age > longestWay + marginSeconds) throw refuse('it is not of now (iat)');
  if (!isRecord(events) || !isRecord(events[event])) throw refuse('it is of something else (events)');
  // An ID token of a sign-in has one: it ends no other.
  if ('nonce' in claims) throw refuse('it has a nonce, and so is an ID token');
  if (!isText(id)) throw refuse('it has no id (jti)');
  if (![sub, sid].every((each) => each === undefined || isText(each))) throw refuse('sub or sid is no text');
  if (sub === undefined && sid === undefined) throw refuse('it names neither a person nor a sign-in (sub, sid)');
  return { id, issuer, subject: sub, signIn: sid as string | undefined, at: new Date(iat * 1000) };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= longestText;
}

function reasonOf(error: Error): string {
  if (error instanceof errors.JWTClaimValidationFailed) return `its ${quote(error.claim)} is another one, or not there`;
  if (error instanceof errors.JWTExpired) return 'it has expired (exp)';
  if (error instanceof errors.JWKSNoMatchingKey) return 'the issuer does not publish its key';
  return 'the issuer has not signed it';
}

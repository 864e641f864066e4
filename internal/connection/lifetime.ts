/** How long an access token lasts, as far as anybody says so. It is read for this question only and never trusted. Pure. */
import { decodeJwt } from 'jose/jwt/decode';
import type { Service } from '../config/definitions.ts';

/** What is known of a token's end. */
export interface Lifetime {
  /** From now on; undefined where nobody says. */
  seconds: number | undefined;
  /** What the person should know, in words. */
  warning?: string;
}

/** A hundred years: what is said to last longer does not expire, and may be no date at all. */
const longestSeconds = 100 * 365 * 24 * 3600;

/**
 * The lifetime of a fresh token: what its answer says (RFC 6749 section 5.1), else what the token itself says, where it is a
 * JWT (RFC 9068 section 2.2). No time at all is said of tokens that work all the same, and counts for nothing.
 */
export function lifetimeOf(
  { name, authorization }: Pick<Service, 'name' | 'authorization'>,
  said: number | undefined,
  { accessToken, refreshable }: { accessToken: string; refreshable: boolean },
  now: Date,
): Lifetime {
  const seconds = said === undefined || said <= 0 ? secondsOfJwt(accessToken, now) : said;
  if (seconds !== undefined) return { seconds: seconds > longestSeconds ? undefined : seconds };
  if (said !== undefined) {
    return { seconds, warning: `${name} gave the token no lifetime (${said} s): it is stored without one if it works` };
  }
  // What a token that never ends is renewed for nobody knows; a service whose own answers are known has none such.
  if (!refreshable || authorization.token_response !== 'standard') return { seconds };
  return {
    seconds,
    warning: `${name} does not say how long its token lasts, so the platform may renew it too late: if a session is turned away (401), run service-connection check ${name}`,
  };
}

/** Whole seconds that a JWT is good for from now on. A clock here that is wrong must not make a fresh token an old one. */
function secondsOfJwt(token: string, now: Date): number | undefined {
  try {
    const { exp, iat } = decodeJwt(token);
    if (exp === undefined || !Number.isFinite(exp)) return undefined;
    const left = exp - now.getTime() / 1000;
    const whole = iat === undefined || !Number.isFinite(iat) ? left : exp - iat;
    const seconds = Math.floor(left > 0 ? Math.min(left, whole) : whole);
    return seconds > 0 ? seconds : undefined;
  } catch {
    return undefined;
  }
}

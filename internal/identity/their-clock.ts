/** The clock of whoever signs tokens, as the Date of its answers says it (RFC 9110 section 6.6.1), beside that of this machine. */
import { clock } from '../clock/clock.ts';
import type { Fetch } from '../outside/http.ts';
import { type IdTokenFlaw, IdTokenRefused } from './id-token.ts';

/** What one run has seen of it. */
export interface TheirClock {
  /** The same fetch, whose answers are looked at. */
  watch(fetch: Fetch): Fetch;
  /** The same error, or where clocks that are apart explain it one that says so with both times. */
  explained(error: unknown): unknown;
}

/** The flaws that a clock which is wrong makes of a good token. */
const ofTime: readonly IdTokenFlaw[] = ['expired', 'not_yet_valid', 'issued_in_future', 'auth_time'];

/** Nothing seen yet. @param marginSeconds how far clocks may be apart */
export function theirClock(issuer: string, marginSeconds: number): TheirClock {
  /** By how much theirs is ahead, in milliseconds; undefined until it is known. */
  let ahead: number | undefined;
  return {
    watch: (fetch) => async (url, init) => {
      const response = await fetch(url, init);
      const told = timeOf(response.headers);
      // A cache can make theirs look late, and nothing can make it look early: the latest is nearest to the truth.
      if (told !== undefined) ahead = Math.max(ahead ?? Number.NEGATIVE_INFINITY, told - clock.now().getTime());
      return response;
    },
    explained(error) {
      if (ahead === undefined || Math.abs(ahead) <= marginSeconds * 1000) return error;
      if (!(error instanceof IdTokenRefused) || error.time === undefined || !ofTime.includes(error.flaw)) return error;
      const ours = clock.now();
      const theirs = new Date(ours.getTime() + ahead);
      const seconds = theirs.getTime() / 1000;
      // A token that is as old, or as early, by their clock is what it is, whatever ours says.
      const good =
        error.flaw === 'expired' ? error.time > seconds - marginSeconds : error.time <= seconds + marginSeconds;
      if (!good) return error;
      const times = `here it is ${secondsOnly(ours)}, and there ${secondsOnly(theirs)}`;
      return new IdTokenRefused(
        issuer,
        error.flaw,
        `${error.why}; the clocks are apart: ${times}`,
        'set the clock of this machine right, if it is the wrong one (identity.clock_margin forgives at most 5m); nothing that is kept was lost',
        error.time,
      );
    },
  };
}

/** When an answer was made, in milliseconds since 1970. What a cache gives away says beside it how old it is (RFC 9111 section 5.1). */
function timeOf(headers: Response['headers']): number | undefined {
  const made = Date.parse(headers.get('date') ?? '');
  const age = headers.get('age')?.trim() ?? '0';
  return Number.isNaN(made) || !/^\d{1,9}$/.test(age) ? undefined : made + Number(age) * 1000;
}

function secondsOnly(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

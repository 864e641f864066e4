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
  let apart: { theirs: Date; ours: Date } | undefined;
  return {
    watch: (fetch) => async (url, init) => {
      const response = await fetch(url, init);
      const theirs = new Date(response.headers.get('date') ?? Number.NaN);
      const ours = clock.now();
      if (!Number.isNaN(theirs.getTime())) {
        // A Date has whole seconds, and its answer was on the way for a while.
        const seconds = Math.abs(theirs.getTime() - ours.getTime()) / 1000;
        apart = seconds > marginSeconds ? { theirs, ours } : undefined;
      }
      return response;
    },
    explained(error) {
      if (apart === undefined || !(error instanceof IdTokenRefused) || !ofTime.includes(error.flaw)) return error;
      const { theirs, ours } = apart;
      const times = `here it is ${secondsOnly(ours)}, and there ${secondsOnly(theirs)}`;
      return new IdTokenRefused(
        issuer,
        error.flaw,
        `${error.why}; the clocks are apart: ${times}`,
        'set the clock of this machine right, if it is the wrong one (identity.clock_margin forgives at most 5m); nothing that is kept was lost',
      );
    },
  };
}

function secondsOnly(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

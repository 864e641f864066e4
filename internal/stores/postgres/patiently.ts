/** A database that is away for a moment: it restarts, fails over, or has no place free. */
import { clock } from '../../clock/clock.ts';
import { DatabaseUnavailable } from '../../outside/postgres.ts';

/** Longer than a restart takes; whoever asks a console waits no longer for an answer. */
const usualPatienceMs = 15_000;
const longestPauseMs = 500;

/**
 * Does something that is safe to do twice, and does it again while the database is away or nobody knows whether it was done.
 * Throws what the last try threw.
 */
export async function patiently<Result>(work: () => Promise<Result>, patienceMs = usualPatienceMs): Promise<Result> {
  const until = clock.monotonic() + patienceMs;
  for (let pauseMs = 25; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable) || !mayPass(error) || clock.monotonic() + pauseMs >= until)
        throw error;
      await clock.pause(pauseMs);
    }
  }
}

/** No answer, no connection, no room, a shutdown, a lock, a standby; never what stays wrong, such as a password. */
function mayPass({ state }: DatabaseUnavailable): boolean {
  return state === undefined || /^(08|40|53|57|55P03|25006)/.test(state);
}

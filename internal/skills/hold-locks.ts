/** Keeps two runs on one machine apart. Across machines nothing does: there, push.ts compares and settles. */
import { AppError } from '../errors/app-error.ts';
import { reviewedFile } from '../stores/files/reviewed-file.ts';
import type { Hold } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';

/** How long a run that is about to end is waited for. */
const mutexWaitMs = 60_000;

/** What a run holds while it is at work. */
interface HoldRequest {
  folders: readonly { lockFile: string }[];
  signal: AbortSignal;
  say(text: string): void;
}

/**
 * One run at a time works with a lock file. Returns what lets go of them. Throws `already_running`.
 */
export async function holdLocks({ folders, signal, say }: HoldRequest): Promise<() => Promise<void>> {
  const held: Hold[] = [];
  const release = async () => void (await Promise.all(held.map((mutex) => mutex.release())));
  try {
    // In one order, so that two runs over the same folders never wait for each other.
    for (const lockFile of [...new Set(folders.map((place) => place.lockFile))].sort()) {
      const file = reviewedFile(lockFile);
      let mutex = await file.hold({ signal, waitMs: 0 });
      if (!('release' in mutex)) {
        say(`another skill-sync works with ${quote(lockFile)}: waiting up to ${mutexWaitMs / 1000} s for it to end`);
        mutex = await file.hold({ signal, waitMs: mutexWaitMs });
      }
      if (!('release' in mutex)) {
        throw new AppError(
          'already_running',
          `another skill-sync works with ${quote(lockFile)} (${mutex.called}, since ${mutex.since})`,
        );
      }
      held.push(mutex);
    }
    return release;
  } catch (error) {
    await release();
    throw error;
  }
}

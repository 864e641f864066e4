/** Keeps two runs on one machine apart. Across machines nothing does: there, push.ts compares and settles. */
import { basename, dirname, join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { listFolder, removeFile } from '../outside/files.ts';
import { takeLock } from '../outside/lock.ts';
import { quote } from '../text/quote.ts';

/** How long a run that is about to end is waited for. */
const lockWaitMs = 60_000;

/** What a run holds while it is at work. */
interface HoldRequest {
  folders: readonly { lockFile: string }[];
  signal: AbortSignal;
  say(text: string): void;
}

/**
 * One run at a time works with a lock file. The file that says so lies beside it: who can write one can write the other.
 * Returns what lets go of them. Throws `already_running`.
 */
export async function holdLocks({ folders, signal, say }: HoldRequest): Promise<() => Promise<void>> {
  const held: { release(): Promise<void> }[] = [];
  const release = async () => void (await Promise.all(held.map((lock) => lock.release())));
  try {
    // In one order, so that two runs over the same folders never wait for each other.
    for (const lockFile of [...new Set(folders.map((place) => place.lockFile))].sort()) {
      const path = runningFileOf(lockFile);
      let lock = await takeLock({ path, signal, waitMs: 0 });
      if (!('release' in lock)) {
        say(`another skill-sync works with ${quote(lockFile)}: waiting up to ${lockWaitMs / 1000} s for it to end`);
        lock = await takeLock({ path, signal, waitMs: lockWaitMs });
      }
      if (!('release' in lock)) {
        throw new AppError(
          'already_running',
          `another skill-sync works with ${quote(lockFile)} (process ${lock.pid}, since ${lock.since})`,
        );
      }
      held.push(lock);
      await removeLeftovers(lockFile);
    }
    return release;
  } catch (error) {
    await release();
    throw error;
  }
}

function runningFileOf(lockFile: string): string {
  return join(dirname(lockFile), `.${basename(lockFile)}.running`);
}

/** What a killed run was writing beside the lock file. Whoever holds the lock is the only one who may write there. */
async function removeLeftovers(lockFile: string): Promise<void> {
  const folder = dirname(lockFile);
  const begins = [basename(lockFile), basename(runningFileOf(lockFile))].map((name) => `${name}.`);
  const isBegun = (name: string) => name.endsWith('.tmp') && begins.some((begin) => name.startsWith(begin));
  const entries = (await listFolder(folder)) ?? [];
  for (const { name } of entries.filter((entry) => isBegun(entry.name))) await removeFile(join(folder, name));
}

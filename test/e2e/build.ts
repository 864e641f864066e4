import { execFileSync } from 'node:child_process';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url));

const lock = join(root, 'node_modules', '.building');
const longestBuildMs = 60_000;

/** Builds the executables if a source is newer. Test files run side by side, so one builds while the others wait. */
export async function buildOnce(): Promise<void> {
  while (!(await mine())) await sleep(100);
  try {
    execFileSync(process.execPath, [join(root, 'test', 'ready.mjs'), '--build'], { stdio: 'ignore' });
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

/** Takes the lock; one that was left behind by a killed run counts for nothing. */
async function mine(): Promise<boolean> {
  try {
    await mkdir(lock);
    return true;
  } catch {
    const since = await stat(lock).catch(() => undefined);
    if (since !== undefined && Date.now() - since.mtimeMs > longestBuildMs) await rm(lock, { recursive: true });
    return false;
  }
}

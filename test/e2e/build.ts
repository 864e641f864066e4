import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { builtIn, type Locate } from '../demo/executables.ts';

/** The repository. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url));

const lock = join(root, 'node_modules', '.building');
const longestBuildMs = 60_000;

/** Builds the executables if a source is newer, then acts. Test files run side by side, so the others wait meanwhile. */
export async function whenBuilt<Result>(act: () => Promise<Result>): Promise<Result> {
  while (!(await mine())) await sleep(100);
  try {
    execFileSync(process.execPath, [join(root, 'test', 'ready.mjs'), '--build'], { stdio: 'ignore' });
    return await act();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

/** Built executables that nobody replaces while they are used. */
export interface BuiltCopy {
  readonly locate: Locate;
  remove(): Promise<void>;
}

/** Copies the built executables: a build that starts during a test takes `dist/` away for a moment. */
export async function copyOfBuild(): Promise<BuiltCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'built-'));
  await whenBuilt(() => cp(join(root, 'dist'), folder, { recursive: true }));
  return { locate: builtIn(folder), remove: () => rm(folder, { recursive: true, force: true }) };
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

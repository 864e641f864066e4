/** The other account that attacks, and what it sees of a browser. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Missing } from '../support/skip.ts';

/** The uid that attacks: `nobody`, everywhere. */
const thiefUid = 65534;

/** Why no other account can act here. */
export const cannotBeSomebodyElse: Missing | false =
  process.platform === 'linux' && process.getuid?.() === 0
    ? false
    : { reason: 'only root on Linux can act as another account of the machine', installable: false };

/** What the thief said of one address. */
export interface Theft {
  found: string;
  uid: number;
  /** The status of the last page that it saw; 0 where it saw none. */
  status: number;
  url: string;
  /** How many pages it passed: more than one where the start let it go on. */
  went: number;
}

/** A thief at work. */
export interface Thief {
  thefts: Theft[];
  stop(): Promise<void>;
}

/** Lets the other account loose. */
export async function startThief(): Promise<Thief> {
  const folder = await mkdtemp(join(tmpdir(), 'thief-'));
  await chmod(folder, 0o755);
  for (const path of ['thief.mjs', '../sandbox/visit.mjs']) {
    const copy = join(folder, path.split('/').at(-1) ?? '');
    await copyFile(fileURLToPath(new URL(path, import.meta.url)), copy);
    await chmod(copy, 0o644);
  }
  const child = spawn(
    'setpriv',
    [`--reuid=${thiefUid}`, `--regid=${thiefUid}`, '--clear-groups', process.execPath, join(folder, 'thief.mjs')],
    { cwd: '/', env: {}, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const thefts: Theft[] = [];
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject).once('exit', () => reject(new Error('the thief ended early')));
    lines.on('line', (line) => {
      const said = JSON.parse(line) as Theft | { ready: true };
      if ('ready' in said) resolve();
      else thefts.push(said);
    });
  });
  return {
    thefts,
    async stop() {
      child.removeAllListeners('exit');
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A process that has an address among its arguments for as long as a browser takes to start and to be looked at. */
export function standIn(address: string): ChildProcess {
  // It ends with the pipe that it reads from.
  return spawn('sh', ['-c', 'read line', 'stands for a browser', address], { stdio: ['pipe', 'ignore', 'ignore'] });
}

/** How long a browser takes until it asks for something: now before the thief, now after. */
export function startingTimeMs(race: number): number {
  return [0, 300, 20, 120, 600, 60][race % 6] ?? 0;
}

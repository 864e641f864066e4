/** Runs the built executable to its end or to its death at a given step, as one person on a machine of their own. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { type Locate, searchPath } from '../demo/executables.ts';
import type { PersonName } from '../sandbox/people.ts';
import type { Sandbox } from '../sandbox/start.ts';
import { visit } from '../sandbox/visit.mjs';
import { runCommand } from './command.ts';

/** What came of a run. */
export interface Ended {
  /** Undefined when it was killed. */
  exit: number | undefined;
  stdout: string;
  stderr: string;
}

/** A run that was killed, or not. */
export interface KilledRun extends Ended {
  /** Every step that was taken, the last one being that of its death. */
  steps: string[];
}

/** A person at a machine whose processes can be killed. */
export interface Killing {
  /** Where caches, state and settings of this machine are. */
  readonly folder: string;
  /** Runs the built executable in a process of its own; `killAt` counts its steps from 1, and 0 lets it live. */
  kill(argv: readonly string[], killAt: number, how?: Pick<Death, 'by' | 'of'>): Promise<KilledRun>;
  /** Runs the same command to its end, in this process, which is quicker. */
  run(argv: readonly string[]): Promise<Ended>;
  /** Makes the machine a new one. */
  forget(): Promise<void>;
  close(): void;
}

/** How a process is run to its death. */
export interface Death {
  environment: Readonly<Record<string, string>>;
  /** The file that its steps go to; it is emptied first. */
  log: string;
  /** Steps are counted from 1, and 0 lets it live. */
  killAt: number;
  /** Which steps are counted; all unless told. */
  of?: RegExp;
  /** `SIGINT` is Ctrl-C, after which it goes on to an end of its own. */
  by?: 'SIGKILL' | 'SIGINT';
}

/** Runs a built executable, found by {@link Locate}, to its end or to its death. */
export async function runToDeath(
  [program, ...before]: ReturnType<Locate>,
  argv: readonly string[],
  { environment, log, killAt, of, by = 'SIGKILL' }: Death,
): Promise<KilledRun> {
  await writeFile(log, '');
  const child = spawn(program, ['--import', preload, ...before, ...argv], {
    env: { ...environment, KILL_LOG: log, KILL_AT: String(killAt), KILL_OF: of?.source ?? '', KILL_BY: by },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve(code ?? undefined));
  });
  const [exit, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  // What it sent, and a browser that it started, may still be on their way: that is part of what the dead run left.
  if (exit === undefined) await sleep(30);
  return { exit, stdout, stderr, steps: (await readFile(log, 'utf8')).split('\n').filter(Boolean) };
}

const preload = fileURLToPath(new URL('kill-at.mjs', import.meta.url));

/** Seats a person. The browser is this process: a program that only passes the address on costs less than one more Node. */
export async function seat(sandbox: Sandbox, locate: Locate, person: PersonName): Promise<Killing> {
  const folder = join(sandbox.folder, `killed-${person}`);
  const visits = new Set<Promise<unknown>>();
  const server = createServer((socket) => {
    const visiting = text(socket)
      // Whoever is killed does not answer its browser.
      .then((address) => visit(address.trim(), { person }))
      .catch(() => {})
      .finally(() => visits.delete(visiting));
    visits.add(visiting);
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const browser = join(sandbox.folder, `browser-${person}`);
  await writeFile(
    browser,
    `#!/usr/bin/env bash\nexec 3<>/dev/tcp/127.0.0.1/${address.port} && printf '%s\\n' "$1" >&3\n`,
    { mode: 0o755 },
  );
  // Where the executable finds them by the variable below.
  const below = (name: string) => join(folder, name);
  const directories = { cache: below('cache'), config: below('config'), state: below('state') };
  let begun = 0;
  const environment = {
    PATH: searchPath,
    ...sandbox.environment,
    HOME: folder,
    TMPDIR: folder,
    MAI_HOME: folder,
    BROWSER: browser,
  };
  return {
    folder,
    async run(argv) {
      const { exit, stdout, stderr } = await runCommand(serviceConnection, argv, {
        environment: sandbox.environment,
        person,
        folder,
        directories,
      });
      return { exit, stdout, stderr };
    },
    async kill(argv, killAt, how = {}) {
      await mkdir(folder, { recursive: true });
      // Processes beside each other have a log each.
      const log = join(sandbox.folder, `steps-${person}-${begun++}`);
      const run = await runToDeath(locate('service-connection'), argv, { environment, log, killAt, ...how });
      await Promise.all(visits);
      return run;
    },
    forget: () => rm(folder, { recursive: true, force: true }),
    close: () => void server.close(),
  };
}

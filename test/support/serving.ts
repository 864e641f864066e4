/** Built consoles in processes of their own, which can be killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Locate, searchPath } from '../demo/executables.ts';
import type { Sandbox } from '../sandbox/start.ts';
import { freePort } from './console.ts';

/** A process that serves. */
export interface Serving {
  port: number;
  /** What it wrote about itself so far. */
  journal(): string;
  /** The most memory that it has had, in MiB. */
  peakMiB(): Promise<number>;
  /** Ends it: with SIGKILL nothing of it goes on. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Settles when it has ended, by whatever. */
  over: Promise<void>;
}

/** How one is started. */
export interface ServingSetting {
  /** A folder that another one has left; a new one unless told. */
  data?: string;
  /** Its database; none unless told. */
  database?: string;
  port?: number;
  /** Variables more. */
  environment?: Readonly<Record<string, string>>;
  doom?: Doom | undefined;
}

/** At which of its own steps a process is killed. */
export interface Doom {
  /** The steps that are counted, from 1; 0 lets it live. */
  of: RegExp;
  at: number;
  /** Nothing counts before a step that looks so. */
  from?: RegExp;
  /** The file that its steps go to. */
  log: string;
}

const preload = fileURLToPath(new URL('kill-at.mjs', import.meta.url));

/** Starts one, and waits until it listens. */
export async function startServing(
  sandbox: Sandbox,
  locate: Locate,
  { data, database, port: wanted, environment = {}, doom }: ServingSetting = {},
): Promise<Serving> {
  const port = wanted ?? (await freePort());
  const folder = data ?? (await mkdtemp(join(sandbox.folder, 'serving-')));
  const [program, ...before] = locate('service-connection');
  const words = [
    ...(doom ? ['--import', preload] : []),
    ...before,
    'serve',
    ...['--config', sandbox.configFolder],
    ...['--listen', `127.0.0.1:${port}`],
    ...['--data', folder],
  ];
  const child = spawn(program, words, {
    env: {
      PATH: searchPath,
      HOME: folder,
      ...sandbox.environment,
      ...(database !== undefined && { DATABASE_URL: database }),
      ...environment,
      ...(doom && {
        KILL_LOG: doom.log,
        KILL_AT: String(doom.at),
        KILL_OF: doom.of.source,
        KILL_FROM: doom.from?.source ?? '',
        KILL_DATABASE: database === undefined ? '' : new URL(database).port,
      }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pieces: string[] = [];
  const said: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (piece: string) => said.push(piece));
  const over = once(child, 'exit').then(() => {});
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      pieces.push(piece);
      if (piece.includes('"listening"')) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the console ended with ${code}: ${said.join('')}`)));
  });
  return {
    port,
    journal: () => pieces.join(''),
    async peakMiB() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
    },
    async end(signal) {
      child.kill(signal);
      await over;
    },
    over,
  };
}

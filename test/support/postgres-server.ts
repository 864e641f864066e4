/** A PostgreSQL server of the tests, on loopback: with a password, synced as a real one, and a database for each who asks. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openPostgres } from '../../internal/outside/postgres.ts';
import { Secret } from '../../internal/secret/secret.ts';
import { skipped } from './skip.ts';

/** Where Debian and others have it. */
const places = ['/usr/lib/postgresql', '/usr/local/pgsql'];
/** Its programs; undefined where there are none. */
const programs = await found();
/** Whether tests with a database are left out, with the reason printed. */
export const withoutPostgres: boolean = skipped(
  programs === undefined && { reason: 'there is no PostgreSQL here (package postgresql)', installable: true },
);

/** As long as nothing is said about its own, it must be nobody's by guessing. */
export const databasePassword = 'pw/of the:database@tests';

/** A server that runs. */
export interface PostgresServer {
  port: number;
  folder: string;
  pid(): number;
  /** The address of a database that is new. */
  database(): Promise<string>;
  /** One statement as its administrator. */
  ask<Row>(database: string, text: string): Promise<Row[]>;
  /** Ends it: as a machine without power does, or so that nothing has to be repaired at the next start. */
  end(how: 'crash' | 'shutdown'): Promise<void>;
  start(): Promise<void>;
  /** Runs one of its programs against a database. */
  run(program: string, args: readonly string[], input?: string): Promise<string>;
  close(): Promise<void>;
}

/** Starts one. */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  if (programs === undefined) throw new Error('there is no PostgreSQL here');
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'));
  const data = join(folder, 'data');
  const password = join(folder, 'password');
  await writeFile(password, databasePassword);
  await mkdir(data, { mode: 0o700 });
  // It does not run as root.
  const asRoot = process.getuid?.() === 0;
  if (asRoot) for (const each of [folder, data, password]) await chown(each, nobody, nobody);
  const asNobody = (program: string, args: readonly string[]): [string, string[]] => {
    const words = [join(programs, program), ...args];
    const [first = '', ...rest] = asRoot
      ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', ...words]
      : words;
    return [first, rest];
  };
  const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8', HOME: folder, PGPASSWORD: databasePassword };
  await promisify(execFile)(
    ...asNobody('initdb', [
      '-D',
      data,
      '-U',
      'console',
      '-A',
      'scram-sha-256',
      `--pwfile=${password}`,
      '--no-sync',
      '-E',
      'UTF8',
    ]),
    { env: environment, cwd: folder },
  );
  const port = await freePort();
  let server: ChildProcess | undefined;
  let databases = 0;
  const address = (name: string) =>
    `postgres://console:${encodeURIComponent(databasePassword)}@127.0.0.1:${port}/${name}?sslmode=disable`;
  const ask = async <Row>(name: string, text: string): Promise<Row[]> => {
    const database = await openPostgres(new Secret(address(name)));
    try {
      return await database.query<Row>(text);
    } finally {
      await database.close();
    }
  };
  const start = async () => {
    const own = [
      'listen_addresses=127.0.0.1',
      `port=${port}`,
      `unix_socket_directories=${folder}`,
      'shared_buffers=32MB',
    ];
    const [command, args] = asNobody('postgres', [
      '-D',
      data,
      ...[...own, ...settings].flatMap((each) => ['-c', each]),
    ]);
    server = spawn(command, args, { stdio: 'ignore', env: environment, cwd: folder });
    for (let tries = 0; ; tries += 1) {
      try {
        await ask('postgres', 'select 1');
        return;
      } catch (error) {
        if (tries > 1_000 || server.exitCode !== null) throw error;
        await sleep(50);
      }
    }
  };
  const end = async (signal: NodeJS.Signals) => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  };
  await start();
  return {
    port,
    folder,
    pid: () => server?.pid ?? 0,
    async database() {
      databases += 1;
      const name = `test_${databases}`;
      await ask('postgres', `create database ${name}`);
      return address(name);
    },
    ask,
    end: (how) => end(how === 'crash' ? 'SIGQUIT' : 'SIGINT'),
    start,
    async run(program, args, input = '') {
      const child = spawn(join(programs, program), [...args], {
        env: { ...environment, PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'console' },
      });
      child.stdin.end(input);
      const said: Buffer[] = [];
      const wrong: Buffer[] = [];
      child.stdout.on('data', (piece: Buffer) => said.push(piece));
      child.stderr.on('data', (piece: Buffer) => wrong.push(piece));
      const [code] = (await once(child, 'close')) as [number | null];
      if (code !== 0) throw new Error(`${program} ended with ${code}: ${Buffer.concat(wrong).toString()}`);
      return Buffer.concat(said).toString();
    },
    async close() {
      await end('SIGQUIT');
      await rm(folder, { recursive: true });
    },
  };
}

/** The account that nothing belongs to. */
const nobody = 65_534;

async function found(): Promise<string | undefined> {
  for (const place of places) {
    for (const version of (await readdir(place).catch((): string[] => [])).sort((a, b) => Number(b) - Number(a))) {
      const bin = join(place, version, 'bin');
      if ((await readdir(bin).catch((): string[] => [])).includes('initdb')) return bin;
    }
  }
  return undefined;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

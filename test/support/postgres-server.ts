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
  /** Starts a second one that has all that this one says is written, and only reads until it takes over. It ends with this one. */
  standby(): Promise<Standby>;
  /** Runs one of its programs against a database. */
  run(program: string, args: readonly string[], input?: string): Promise<string>;
  close(): Promise<void>;
}

/** A server that follows another one. */
export interface Standby {
  port: number;
  /** From now on it writes. */
  promote(): Promise<void>;
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
  const address = (name: string, at = port) =>
    `postgres://console:${encodeURIComponent(databasePassword)}@127.0.0.1:${at}/${name}?sslmode=disable`;
  const askAt = async <Row>(at: number, name: string, text: string): Promise<Row[]> => {
    const database = await openPostgres(new Secret(address(name, at)));
    try {
      return await database.query<Row>(text);
    } finally {
      await database.close();
    }
  };
  const ask = async <Row>(name: string, text: string): Promise<Row[]> => await askAt(port, name, text);
  const run = async (place: string, at: number, given: readonly string[]): Promise<ChildProcess> => {
    const own = [
      'listen_addresses=127.0.0.1',
      `port=${at}`,
      `unix_socket_directories=${folder}`,
      'shared_buffers=32MB',
    ];
    const [command, args] = asNobody('postgres', ['-D', place, ...[...own, ...given].flatMap((each) => ['-c', each])]);
    const started = spawn(command, args, { stdio: 'ignore', env: environment, cwd: folder });
    for (let tries = 0; ; tries += 1) {
      try {
        await askAt(at, 'postgres', 'select 1');
        return started;
      } catch (error) {
        if (tries > 1_000 || started.exitCode !== null) throw error;
        await sleep(50);
      }
    }
  };
  const start = async () => {
    server = await run(data, port, settings);
  };
  const ended = async (one: ChildProcess | undefined, signal: NodeJS.Signals) => {
    if (one === undefined || one.exitCode !== null || one.signalCode !== null) return;
    const over = once(one, 'exit');
    one.kill(signal);
    await over;
  };
  const end = (signal: NodeJS.Signals) => ended(server, signal);
  const standbys: ChildProcess[] = [];
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
    async standby() {
      const place = join(folder, 'standby');
      const copy = [
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-U',
        'console',
        '-D',
        place,
        '-R',
        '-c',
        'fast',
        '--no-sync',
      ];
      await promisify(execFile)(...asNobody('pg_basebackup', copy), { env: environment, cwd: folder });
      const own = await freePort();
      standbys.push(await run(place, own, settings));
      // What was said to be written is at both.
      await ask('postgres', `alter system set synchronous_standby_names = '*'`);
      await ask('postgres', 'select pg_reload_conf()');
      return {
        port: own,
        async promote() {
          await askAt(own, 'postgres', 'select pg_promote()');
        },
      };
    },
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
      for (const each of standbys) await ended(each, 'SIGQUIT');
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

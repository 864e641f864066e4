/**
 * A PostgreSQL database, by way of `pg`. Whatever is asked of it goes through one transaction wrapper, whose rules come from
 * what driver and server were seen to do under faults:
 *
 * - The server's own limits are shorter than the driver's. Where the driver gives up first, its ROLLBACK waits behind the
 *   statement that still runs, and whoever gets the connection next writes into a transaction that is lost.
 * - A connection is used again only after an error that the server reported (SQLSTATE). After any other it is thrown away.
 * - A write whose answer did not come may have been done: it is unknown, not failed. Only what is safe twice is tried again.
 * - COMMIT of a transaction that had failed succeeds, and says ROLLBACK: what it says is looked at.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { Client, type ClientConfig, DatabaseError, Pool, type PoolClient } from 'pg';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { isUrl } from '../text/url.ts';
import { readTrusted } from './trusted-file.ts';

/** What a statement may be given: JSON goes in as text. */
export type Value = string | number | boolean | null | Uint8Array | readonly string[] | readonly (string | null)[];

/** One statement, with its parameters; the rows that it gives. Throws {@link DatabaseUnavailable}. */
export type Query = <Row>(text: string, values?: readonly Value[]) => Promise<Row[]>;

/** How a transaction sees others: each statement what is committed by then, or all as if nobody else were there. */
export type Isolation = 'read committed' | 'serializable';

/** A database. */
export interface Database {
  /** Where it is, for messages: no password is in it. */
  where: string;
  /** One statement that is a transaction of its own. */
  query: Query;
  /**
   * Several statements, all or none. The work may be done several times where others are in the way, so it does nothing else.
   * Throws {@link DatabaseUnavailable}, and what the work throws: then nothing was written.
   */
  transaction<Result>(work: (query: Query) => Promise<Result>, isolation?: Isolation): Promise<Result>;
  /** Keeps one connection of its own open, beside all others, until it is closed. */
  lasting(session: LastingSession): Lasting;
  /** Lets statements end for a moment, and closes everything. */
  close(): Promise<void>;
}

/** What a connection is for that is kept open. */
export interface LastingSession {
  /** Done first on each connection; the session counts once it is done. */
  begin(query: Query): Promise<void>;
  /** Somebody notified. It is a hint: on a way that went silent nothing comes, and nobody says so. */
  notified(channel: string, payload: string): void;
}

/** A connection that is kept open. */
export interface Lasting {
  /** Whether it is there, as far as anybody knows. */
  isThere(): boolean;
  /** Settles once it is there for the first time. Throws {@link DatabaseUnavailable} where that does not come in time. */
  ready: Promise<void>;
  close(): Promise<void>;
}

/** A statement could not be carried out, or nobody knows whether it was. */
export class DatabaseUnavailable extends AppError {
  /** Whether it may have been carried out all the same. */
  readonly unknown: boolean;
  /** What the server said (SQLSTATE); undefined where it said nothing. */
  readonly state: string | undefined;

  constructor(where: string, why: string, { unknown, state, cause }: Failure) {
    const outcome = unknown ? '; whether it was written is not known' : '';
    const hint = state === undefined ? undefined : waysOut[state];
    super('database_unavailable', `the database ${quote(where)} ${why}${outcome}`, {
      cause,
      ...(hint !== undefined && { hint }),
    });
    this.unknown = unknown;
    this.state = state;
  }
}

/** What helps against what does not pass by itself (SQLSTATE). */
const waysOut: Readonly<Record<string, string>> = {
  '53100': 'have room made where the database keeps its files, then run the command again',
  '25006':
    'have the database write again, then run the command again: it is a standby, or was closed to writes, as when its disk is full',
};

interface Failure {
  unknown: boolean;
  state: string | undefined;
  cause: unknown;
}

/** Limits in milliseconds, in an order that matters: the server always gives up before the driver does. */
export interface Limits {
  connectMs: number;
  lockMs: number;
  statementMs: number;
  idleMs: number;
  driverMs: number;
}

const usualLimits: Limits = { connectMs: 3_000, lockMs: 4_000, statementMs: 5_000, idleMs: 10_000, driverMs: 7_000 };
/** The connections of one process beside the one that lasts. */
const mostConnections = 8;
/** A transaction that others were in the way of is done again so often. */
const mostAttempts = 8;
const heartbeatMs = 15_000;
const longestPauseMs = 1_000;
/** How long whatever is under way has when all is closed. */
const closingMs = 2_000;

/** How this process is called among others of several machines. */
export function thisProcess(): string {
  return `process ${process.pid} of ${hostname()}`;
}

/** Opens a database. Asks nothing yet. Throws `usage` for an address that is none, or is not safe. */
export async function openPostgres(address: Secret, limits: Limits = usualLimits): Promise<Database> {
  const { config, where } = await configurationOf(address, limits);
  const pool = new Pool({
    ...config,
    max: mostConnections,
    connectionTimeoutMillis: limits.connectMs,
    // Longer than most pauses of a console: a connection costs more than a statement.
    idleTimeoutMillis: 60_000,
  });
  // A connection that nobody uses may go; the next one who needs one gets another.
  pool.on('error', () => {});

  const checkedOut = async <Result>(use: (client: PoolClient) => Promise<Result>): Promise<Result> => {
    const client = await pool.connect().catch((cause: unknown) => {
      throw new DatabaseUnavailable(where, reasonOf(cause), { unknown: false, state: stateOf(cause), cause });
    });
    // Without a listener of its own an idle connection that the server ends would end this process.
    const gone = () => {};
    client.on('error', gone);
    let broken: Error | undefined;
    try {
      return await use(client);
    } catch (error) {
      // Whatever the server did not say itself: nobody knows in which state the connection is.
      if (!(error instanceof DatabaseError)) broken = error instanceof Error ? error : new Error('thrown away');
      throw error;
    } finally {
      client.off('error', gone);
      client.release(broken);
    }
  };

  return {
    where,
    async query(text, values) {
      try {
        return await checkedOut(async (client) => await rowsOf(client, text, values));
      } catch (cause) {
        throw translated(where, cause, isUnanswered(cause));
      }
    },
    async transaction(work, isolation = 'read committed') {
      for (let attempt = 1; ; attempt += 1) {
        let committing = false;
        try {
          return await checkedOut(async (client) => {
            try {
              await client.query(`begin isolation level ${isolation}`);
              const result = await work(async (text, values) => await rowsOf(client, text, values));
              committing = true;
              const { command } = await client.query('commit');
              if (command !== 'COMMIT') throw new RolledBack();
              return result;
            } catch (error) {
              // Where this fails too, the connection goes with it.
              if (error instanceof DatabaseError && !isConnectionLost(error)) await client.query('rollback');
              throw error;
            }
          });
        } catch (cause) {
          const inTheWay = cause instanceof DatabaseError && (cause.code === '40001' || cause.code === '40P01');
          if (inTheWay && attempt < mostAttempts) continue;
          // Without a COMMIT nothing is ever written.
          throw translated(where, cause, committing && isUnanswered(cause));
        }
      }
    },
    lasting: (session) => keptOpen(config, { where, limits, ...session }),
    async close() {
      await Promise.race([pool.end(), clock.pause(closingMs)]);
    },
  };
}

/** A transaction of which an earlier statement had failed. */
class RolledBack extends Error {
  override readonly name: string = 'RolledBack';
}

/** What each statement is called on every connection, so that a server reads and plans it there once. Ours are few, and their texts fixed. */
const names = new Map<string, string>();

async function rowsOf<Row>(client: Client | PoolClient, text: string, values?: readonly Value[]): Promise<Row[]> {
  if (values === undefined) return (await client.query(text)).rows as Row[];
  const name = names.get(text) ?? `s${names.size}`;
  names.set(text, name);
  return (await client.query({ name, text, values: values.map(parameter) })).rows as Row[];
}

function parameter(value: Value): unknown {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
}

/** What of ours is thrown inside a transaction stays what it is. */
function translated(where: string, cause: unknown, unknown: boolean): unknown {
  if (cause instanceof AppError || cause instanceof TypeError) return cause;
  return new DatabaseUnavailable(where, reasonOf(cause), { unknown, state: stateOf(cause), cause });
}

function stateOf(cause: unknown): string | undefined {
  return cause instanceof DatabaseError ? cause.code : undefined;
}

/** Whether the server never said how it ended: it broke off, was shut down meanwhile, or took too long. */
function isUnanswered(cause: unknown): boolean {
  if (cause instanceof DatabaseError) return isConnectionLost(cause);
  return !(cause instanceof AppError) && !(cause instanceof RolledBack);
}

function isConnectionLost({ code = '' }: DatabaseError): boolean {
  return code.startsWith('57P') || code.startsWith('08');
}

/** Why, in our words where the driver has few: what the server says is text from outside. */
function reasonOf(cause: unknown): string {
  if (cause instanceof DatabaseError) return `refuses: ${quote(cause.message)}${cause.code ? ` (${cause.code})` : ''}`;
  if (cause instanceof RolledBack) return 'took back what was asked of it';
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (typeof code === 'string') return `cannot be reached: ${quote(code)}`;
  const said = cause instanceof Error ? cause.message : '';
  if (/timeout/i.test(said)) return 'does not answer in time';
  return /SSL|TLS|certificate/i.test(said) ? `cannot be reached safely: ${quote(said)}` : 'broke off';
}

interface KeptOpen extends LastingSession {
  where: string;
  limits: Limits;
}

/** A connection of its own that is opened again whenever it is lost, and looked at now and then: a silent way tells nobody. */
function keptOpen(config: ClientConfig, { where, limits, begin, notified }: KeptOpen): Lasting {
  const over = new AbortController();
  let there = false;
  let first: { resolve(): void; reject(error: unknown): void } | undefined;
  const ready = new Promise<void>((resolve, reject) => {
    first = { resolve, reject };
  });
  ready.catch(() => {});

  const once = async (): Promise<void> => {
    const client = new Client({ ...config, connectionTimeoutMillis: limits.connectMs });
    const lost = new AbortController();
    client.on('error', () => lost.abort());
    client.on('end', () => lost.abort());
    client.on('notification', ({ channel, payload = '' }) => notified(channel, payload));
    try {
      await client.connect();
      await begin(async (text, values) => await rowsOf(client, text, values));
      there = true;
      first?.resolve();
      while (!lost.signal.aborted && !over.signal.aborted) {
        await clock.pause(heartbeatMs, AbortSignal.any([lost.signal, over.signal]));
        if (!lost.signal.aborted && !over.signal.aborted) await client.query('select 1');
      }
    } finally {
      there = false;
      // What does not end by itself is cut: the server lets go of what the session held.
      await Promise.race([client.end().catch(() => {}), clock.pause(closingMs)]);
    }
  };
  const running = (async () => {
    const began = clock.monotonic();
    for (let pauseMs = 50; !over.signal.aborted; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      const wasThere = await once().then(
        () => true,
        (cause: unknown) => {
          if (clock.monotonic() - began > limits.driverMs) first?.reject(translated(where, cause, false));
          return false;
        },
      );
      if (wasThere) pauseMs = 50;
      await clock.pause(pauseMs, over.signal);
    }
  })();
  return {
    isThere: () => there,
    ready,
    async close() {
      over.abort();
      await Promise.race([running, clock.pause(closingMs)]);
    },
  };
}

/** What an address may say beside where the database is. */
const known = new Set(['host', 'sslmode', 'sslrootcert']);
const longestCertificates = 512 * 1024;

/**
 * What the driver is given: everything that it would look for in the environment otherwise. Whatever leaves this machine is
 * TLS to a server whose certificate is good for its name, whatever weaker `sslmode` is asked for.
 */
async function configurationOf(address: Secret, limits: Limits): Promise<{ config: ClientConfig; where: string }> {
  const url = parsed(address.reveal());
  const { searchParams: parameters } = url;
  for (const name of parameters.keys()) {
    // Not which: after a password that is not encoded, it is a part of that (P3).
    if (!known.has(name))
      throw new AppError('usage', 'the address of the database says more than where it is', { hint });
  }
  const host = parameters.get('host') ?? decoded(url.hostname).replace(/^\[|\]$/g, '');
  const database = decoded(url.pathname.slice(1));
  const user = decoded(url.username);
  if (host === '' || host.includes(',') || database === '' || user === '') {
    throw new AppError('usage', 'the address of the database does not name one host, one database and a user', {
      hint,
    });
  }
  const port = url.port === '' ? 5432 : Number(url.port);
  const password = new Secret(decoded(url.password));
  const mode = parameters.get('sslmode');
  const local =
    host.startsWith('/') || host === 'localhost' || host === '::1' || (isIP(host) === 4 && /^127\./.test(host));
  if (mode === 'no-verify' || (mode === 'disable' && !local)) {
    throw new AppError(
      'usage',
      `the database at ${quote(host)} is not on this machine, and sslmode is ${quote(mode)}`,
      {
        hint: 'leave sslmode out: TLS is used, and the certificate judged; sslrootcert=<file> names another authority',
      },
    );
  }
  const authority = parameters.get('sslrootcert');
  const tls = !local || (mode !== null && mode !== 'disable') || authority !== null;
  return {
    where: host.startsWith('/') ? `${host} ${database}` : `${host}:${port}/${database}`,
    config: {
      host,
      port,
      database,
      user,
      // As a function it is asked for in the environment and in files of the account by nobody.
      password: () => password.reveal(),
      ssl: tls && { rejectUnauthorized: true, ...(authority !== null && { ca: await certificatesIn(authority) }) },
      application_name: 'managed-agents-console',
      statement_timeout: limits.statementMs,
      lock_timeout: limits.lockMs,
      idle_in_transaction_session_timeout: limits.idleMs,
      query_timeout: limits.driverMs,
      keepAlive: true,
      // Nothing of ours is looked up by a path that others could put something into.
      options:
        '-c search_path=pg_catalog -c default_transaction_isolation=read\\ committed -c default_transaction_read_only=off -c timezone=UTC',
    },
  };
}

const hint =
  'it is such as postgres://<user>:<password>@<host>:5432/<database>, encoded as in any URL, with host, sslmode and sslrootcert alone behind a ?; see docs/console.md';

function parsed(text: string): URL {
  const isOne = isUrl(text) && /^postgres(ql)?:\/\//.test(text);
  if (!isOne) throw new AppError('usage', 'what is given as the address of the database is none', { hint });
  return new URL(text);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new AppError('usage', 'the address of the database has a part that cannot be decoded', { hint });
  }
}

async function certificatesIn(path: string): Promise<string> {
  const trust = {
    longestBytes: longestCertificates,
    rootToo: true,
    links: true,
    forbidden: 0o022,
    correction: 'chmod go-w',
  };
  const text = await readTrusted(path, trust);
  if (text !== undefined) return text;
  throw new AppError('usage', `there is no file with certificates at ${quote(path)} (sslrootcert)`);
}

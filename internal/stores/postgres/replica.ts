/**
 * One of the processes that share a database, as the others know it: a number, and an advisory lock on a connection of its own
 * that says it lives. The lock goes with the process, however that ends.
 */
import { clock } from '../../clock/clock.ts';
import { type Database, type Query, thisProcess } from '../../outside/postgres.ts';
import { patiently } from './patiently.ts';
import { locks } from './schema.ts';

/** One replica, seen from itself. */
export interface Replica {
  number: number;
  /** In words, for messages. */
  called: string;
  database: Database;
  /** Whether its lock is held, as far as it knows: others take one without for dead. */
  isThere(): boolean;
  /** Has somebody told what others say in a channel. Only a hint: whoever needs to know looks as well. */
  onHint(channel: string, tell: (payload: string) => void): void;
  /** How long after a start of the server nobody is taken for dead: all have to connect again. */
  graceMs: number;
  /**
   * Whether it was there itself for so long that whoever is not is dead. What ended its own connection, such as a standby that
   * takes over, may have ended everybody's.
   */
  isSure(): boolean;
  close(): Promise<void>;
}

/** How a replica is there. */
export interface ReplicaSetting {
  /** What others write letters to it with. */
  key: string;
  graceMs?: number;
}

/** The channel in which replicas tell each other that there is something to look at. */
const channel = 'console';
const usualGraceMs = 15_000;

/** Takes a number and is there from then on. Throws {@link DatabaseUnavailable}. */
export async function openReplica(
  database: Database,
  { key, graceMs = usualGraceMs }: ReplicaSetting,
): Promise<Replica> {
  const called = thisProcess();
  const [row] = await patiently(
    async () =>
      await database.query<{ number: number }>(
        'insert into console.replicas (called, key) values ($1::text, $2::text) returning number',
        [called, key],
      ),
  );
  const number = Number(row?.number);
  const told = new Map<string, (payload: string) => void>();
  let [began, backAt] = [false, Number.NEGATIVE_INFINITY];
  const lasting = database.lasting({
    async begin(query) {
      // The one before may be a moment about to end: it is ours all the same.
      await query('select pg_advisory_lock($1::integer, $2::integer)', [locks.replica, number]);
      await query(
        `insert into console.replicas (number, called, key) overriding system value
         values ($1::integer, $2::text, $3::text) on conflict (number) do nothing`,
        [number, called, key],
      );
      await query(`listen ${channel}`);
      if (began) backAt = clock.monotonic();
      began = true;
      // Whatever was said while nobody listened is looked at now.
      for (const tell of told.values()) tell('');
    },
    notified(_channel, payload) {
      const [what = '', ...rest] = payload.split(' ');
      told.get(what)?.(rest.join(' '));
    },
  });
  try {
    await lasting.ready;
  } catch (error) {
    await lasting.close();
    throw error;
  }
  return {
    number,
    called,
    database,
    graceMs,
    isThere: () => lasting.isThere(),
    isSure: () => lasting.isThere() && clock.monotonic() - backAt >= graceMs,
    onHint: (what, tell) => void told.set(what, tell),
    async close() {
      await database.query('delete from console.replicas where number = $1::integer', [number]).catch(() => {});
      await lasting.close();
    },
  };
}

/** Whether a replica lives, asked by another inside a transaction. Where the server has just started, nobody is dead yet. */
export async function lives(query: Query, number: number, { graceMs, isSure }: Replica): Promise<boolean> {
  if (!isSure()) return true;
  const [found] = await query<{ dead: boolean }>(
    `select now() - pg_postmaster_start_time() > make_interval(secs => $3::float8 / 1000)
            and pg_try_advisory_xact_lock_shared($1::integer, $2::integer) as dead`,
    [locks.replica, number, graceMs],
  );
  return found?.dead !== true;
}

/** Says in a channel that there is something to look at: an id, and nothing more. */
export async function hint(query: Query, what: string, payload: string): Promise<void> {
  await query('select pg_notify($1::text, $2::text)', [channel, `${what} ${payload}`]);
}

/**
 * Texts that are kept in rows: one each, by a digest of its key. Who holds one is a row as well, and counts as long as the
 * replica that took it lives; who writes while they hold writes only as long as they do.
 */
import { randomUUID } from 'node:crypto';
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Query } from '../../outside/postgres.ts';
import type { Hold, Holder, KeptText, KeptTexts, Stores, Waiting } from '../kept-text.ts';
import { digestsOf } from '../key-digest.ts';
import { patiently } from './patiently.ts';
import { lives, type Replica } from './replica.ts';

const longestPauseMs = 100;
/** How long the database may be away when a text is let go: whoever did the work waits for it, and then nobody does. */
const soonMs = 5_000;
const laterMs = 600_000;

/** The stores of a database. What they throw beside what the port says: `database_unavailable`, `already_running`. */
export function rowStores(replica: Replica): Stores {
  /** What this process holds: of its own it knows better than any lock. */
  const tokens = new Set<string>();
  const kept = (kind: keyof Stores): KeptTexts => keptRows(kind, replica, tokens);
  return {
    vaults: kept('vaults'),
    creations: kept('creations'),
    journals: kept('journals'),
    sessions: kept('sessions'),
    approvals: kept('approvals'),
    quotas: kept('quotas'),
    identities: kept('identities'),
    tokenStatus: kept('tokenStatus'),
    refreshFailures: kept('refreshFailures'),
    notices: kept('notices'),
    toldEvents: kept('toldEvents'),
    confirmations: kept('confirmations'),
    signIns: kept('signIns'),
    localAccess: kept('localAccess'),
    issuerKeys: kept('issuerKeys'),
  };
}

function keptRows(kind: keyof Stores, replica: Replica, tokens: Set<string>): KeptTexts {
  const { database } = replica;
  const row = (...digests: readonly [string, ...string[]]): KeptText => {
    const [digest] = digests;
    const where = `${database.where} ${kind}/${digest}`;
    let held: string | undefined;
    return {
      where,
      async read() {
        const [found] = await patiently(() =>
          database.query<{ text: Buffer }>(
            `select text from console.texts where kind = $1::text and key = any($2::text[])
             order by key = $3::text desc limit 1`,
            [kind, digests, digest],
          ),
        );
        return found?.text.toString('utf8');
      },
      async write(text) {
        const written = await patiently(() =>
          database.query(
            `with mine as (
               select 1 from console.holds where kind = $1::text and key = $2::text and token = $4::uuid for share
             )
             insert into console.texts (kind, key, text)
             select $1::text, $2::text, $3::bytea where $4::uuid is null or exists (select 1 from mine)
             on conflict (kind, key) do update set text = excluded.text
             returning 1`,
            [kind, digest, Buffer.from(text, 'utf8'), held ?? null],
          ),
        );
        if (written.length === 0) throw takenOver(where);
      },
      // What another one has taken over meanwhile is theirs, and stays.
      async remove() {
        await patiently(() =>
          database.query(
            `with mine as (
               select 1 from console.holds where kind = $1::text and key = $2::text and token = $4::uuid for share
             )
             delete from console.texts where kind = $1::text and key = any($3::text[])
             and ($4::uuid is null or exists (select 1 from mine))`,
            [kind, digest, digests, held ?? null],
          ),
        );
      },
      async hold({ waitMs, signal }: Waiting): Promise<Hold | Holder> {
        const token = randomUUID();
        const until = clock.monotonic() + waitMs;
        const letGo = async (patienceMs: number) => {
          tokens.delete(token);
          if (held === token) held = undefined;
          const gone = 'delete from console.holds where kind = $1::text and key = $2::text and token = $3::uuid';
          await patiently(() => database.query(gone, [kind, digest, token]), patienceMs);
        };
        // To others it is held as long as this replica lives: it is not left behind because the database was away for long.
        const letGoLater = () => void letGo(laterMs).catch(() => {});
        // Before the row is there: what is not among them is nobody's to this process.
        tokens.add(token);
        try {
          const taking = { kind, digest, token, replica, tokens };
          // Mostly nobody has it: one statement, and one commit.
          const isFree = await patiently(() => takeFree(database.query, taking));
          for (let pauseMs = 5; !isFree; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
            const holder = await patiently(() => database.transaction((query) => take(query, taking)));
            if (holder === undefined) break;
            if (signal.aborted || clock.monotonic() >= until) {
              tokens.delete(token);
              return holder;
            }
            await clock.pause(pauseMs, signal);
          }
        } catch (error) {
          letGoLater();
          throw error;
        }
        held = token;
        return { release: () => letGo(soonMs).catch(letGoLater) };
      },
    };
  };
  const those = async (table: 'texts' | 'holds') => {
    const found = await patiently(() =>
      database.query<{ key: string }>(`select key from console.${table} where kind = $1::text`, [kind]),
    );
    return found.map(({ key }) => row(key));
  };
  return { at: (key) => row(...digestsOf(key)), all: () => those('texts'), held: () => those('holds') };
}

interface Taking {
  kind: string;
  digest: string;
  token: string;
  replica: Replica;
  tokens: ReadonlySet<string>;
}

function holdOf({ kind, digest, token, replica: { number, called } }: Taking) {
  return [kind, digest, token, number, called, clock.now().toISOString()];
}

/** Takes a text that nobody holds. */
async function takeFree(query: Query, taking: Taking): Promise<boolean> {
  const taken = await query(
    `insert into console.holds (kind, key, token, replica, called, since)
     values ($1::text, $2::text, $3::uuid, $4::integer, $5::text, $6::timestamptz)
     on conflict (kind, key) do nothing returning 1`,
    holdOf(taking),
  );
  return taken.length === 1;
}

/** Takes a text, or says who holds it. Doing it again with the same token is as good as once. */
async function take(query: Query, taking: Taking): Promise<Holder | undefined> {
  const { kind, digest, token, replica, tokens } = taking;
  for (;;) {
    if (await takeFree(query, taking)) return undefined;
    // Whoever takes it meanwhile waits here, so that exactly one finds the dead one in it.
    const [row] = await query<{ token: string; replica: number; called: string; since: string }>(
      `select token::text, replica, called, (extract(epoch from since) * 1000)::bigint::text as since
       from console.holds where kind = $1::text and key = $2::text for update`,
      [kind, digest],
    );
    if (row === undefined) continue;
    if (row.token === token) return undefined;
    const isHeld = row.replica === replica.number ? tokens.has(row.token) : await lives(query, row.replica, replica);
    if (isHeld) return { called: row.called, since: new Date(Number(row.since)).toISOString() };
    await query(
      `update console.holds set token = $3::uuid, replica = $4::integer, called = $5::text, since = $6::timestamptz
       where kind = $1::text and key = $2::text`,
      holdOf(taking),
    );
    return undefined;
  }
}

function takenOver(where: string): AppError {
  return new AppError(
    'already_running',
    `another replica works with ${where} by now: this one was not there for a while`,
    {
      hint: 'run the command again: it goes on from what is there',
    },
  );
}

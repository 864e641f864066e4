/** What a console keeps in PostgreSQL: the same contracts as in files, and what only a database does. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { inTimeOf, machineClock } from '../../internal/clock/clock.ts';
import { importFolder } from '../../internal/console/import-folder.ts';
import { keptInDatabase } from '../../internal/console/in-database.ts';
import { recallGone, signedOutEvent } from '../../internal/console/sessions.ts';
import { sessionsInDatabase } from '../../internal/console/sessions-in-database.ts';
import { type Database, type Limits, openPostgres } from '../../internal/outside/postgres.ts';
import type { Entry } from '../../internal/record/line.ts';
import { recordIn } from '../../internal/record/log.ts';
import { recordInDatabase } from '../../internal/record/postgres-log.ts';
import { Secret } from '../../internal/secret/secret.ts';
import { fileStores } from '../../internal/stores/files/kept-files.ts';
import type { Key } from '../../internal/stores/kept-text.ts';
import { rowStores } from '../../internal/stores/postgres/kept-rows.ts';
import { openReplica, type Replica } from '../../internal/stores/postgres/replica.ts';
import { migrate } from '../../internal/stores/postgres/schema.ts';
import { databasePassword, type PostgresServer, startPostgres, withoutPostgres } from '../support/postgres-server.ts';
import { recordContract } from '../support/record-contract.ts';
import { soon } from '../support/soon.ts';
import { storeContract } from '../support/store-contract.ts';
import { watchedLine } from '../support/watched-line.ts';

let server: PostgresServer;

describe.skipIf(withoutPostgres)('in PostgreSQL', () => {
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());

  const { signal } = new AbortController();
  const waiting = { waitMs: 0, signal };
  const opened = async (address: string, limits?: Limits): Promise<Database> =>
    await openPostgres(new Secret(address), limits);
  const replicaOf = async (address: string, graceMs = 0): Promise<Replica> =>
    await openReplica(await opened(address), { key: '{}', graceMs });
  const closed = async ({ database, close }: Replica) => {
    await close();
    await database.close();
  };
  /** A database with our tables, until the test is over. */
  const made = async (limits?: Limits) => {
    const address = await server.database();
    const database = await opened(address, limits);
    await migrate(database);
    onTestFinished(() => database.close());
    return { address, database };
  };
  /** The process of a replica is killed: its connections go, and nothing is let go. */
  const kill = async ({ database, number, close }: Replica) => {
    await server.ask(
      new URL(`http://${database.where}`).pathname.slice(1),
      `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = ${number}`,
    );
    await close();
    await database.close();
  };
  /** Limits of a test that waits for them. */
  const short: Limits = { connectMs: 2_000, lockMs: 400, statementMs: 500, idleMs: 3_000, driverMs: 800 };

  describe('stores', () => {
    let address: string;
    let one: Replica;
    let two: Replica;
    beforeAll(async () => {
      address = await server.database();
      const first = await opened(address);
      await migrate(first);
      await first.close();
      [one, two] = [await replicaOf(address), await replicaOf(address)];
    });
    afterAll(async () => {
      await closed(one);
      await closed(two);
    });

    storeContract('in rows', async () => {
      await one.database.query('truncate console.texts, console.holds');
      const open = [rowStores(one), rowStores(two)];
      return {
        open: () => open.shift() ?? rowStores(one),
        async dieHolding(kind, key) {
          const third = await replicaOf(address);
          await rowStores(third)[kind].at(key).hold(waiting);
          await kill(third);
        },
      };
    });
  });

  recordContract('the record', async () => {
    const address = await server.database();
    const databases = [await opened(address), await opened(address)];
    for (const each of databases) await migrate(each);
    const open = [...databases];
    return {
      open: () => recordInDatabase(open.shift() ?? (databases[0] as Database)),
      async close() {
        for (const each of databases) await each.close();
      },
    };
  });

  describe('a statement', () => {
    const table = async (database: Database) => {
      await database.query('create table console.notes (text text primary key)');
      return async () =>
        (await database.query<{ text: string }>('select text from console.notes order by text')).map(
          ({ text }) => text,
        );
    };

    test('that the driver gives up takes nothing of the next one with it, and is unknown, not failed', async () => {
      const { address, database } = await made();
      const notes = await table(database);
      // As the driver alone would have it, without the server’s own limit.
      const impatient = await opened(address, { ...short, statementMs: 0 });
      onTestFinished(() => impatient.close());
      const slow = impatient.query(`insert into console.notes select 'slow' from pg_sleep(1.5)`);
      await expect(slow).rejects.toMatchObject({ code: 'database_unavailable', unknown: true });
      const within = impatient.transaction(async (query) => {
        await query(`insert into console.notes values ('in between')`);
        await query('select pg_sleep(1.5)');
      });
      await expect(within).rejects.toMatchObject({ unknown: false });
      await impatient.transaction((query) => query(`insert into console.notes values ('next')`));
      await expect.poll(notes, { timeout: 5_000 }).toEqual(['next', 'slow']);
    });

    test('that takes too long is ended by the server first: then it has surely failed', async () => {
      const { address, database } = await made();
      const notes = await table(database);
      const hasty = await opened(address, short);
      onTestFinished(() => hasty.close());
      const slow = hasty.query(`insert into console.notes select 'slow' from pg_sleep(3)`);
      await expect(slow).rejects.toMatchObject({ code: 'database_unavailable', unknown: false, state: '57014' });
      await hasty.query(`insert into console.notes values ('next')`);
      expect(await notes()).toEqual(['next']);
    });

    test('sees what is committed by then, whatever the database is set to; whoever was in the way is tried again', async () => {
      const { address, database } = await made();
      const name = new URL(address).pathname.slice(1);
      await database.query(`alter database ${name} set default_transaction_isolation = 'serializable'`);
      const [one, two] = [await opened(address), await opened(address)];
      onTestFinished(async () => {
        await one.close();
        await two.close();
      });
      const level = 'show transaction_isolation';
      expect(await one.query(level)).toEqual([{ transaction_isolation: 'read committed' }]);
      expect(await one.transaction((query) => query(level))).toEqual([{ transaction_isolation: 'read committed' }]);
      await one.query('create table console.counts (name text primary key, count integer)');
      await one.query(`insert into console.counts values ('a', 0)`);
      const count = async (database: Database, isolation: 'read committed' | 'serializable') =>
        await database.transaction(async (query) => {
          const [row] = await query<{ count: number }>(
            `select count from console.counts ${isolation === 'serializable' ? '' : 'for update'}`,
          );
          await sleep(20);
          await query('update console.counts set count = $1::integer', [(row?.count ?? 0) + 1]);
        }, isolation);
      const all = Array.from({ length: 6 }, (_, index) =>
        count(index % 2 === 0 ? one : two, index < 3 ? 'serializable' : 'read committed'),
      );
      await Promise.all(all);
      expect(await one.query('select count from console.counts')).toEqual([{ count: 6 }]);
    });

    test('of a transaction that had failed is not taken for done', async () => {
      const { database } = await made();
      const notes = await table(database);
      const hidden = database.transaction(async (query) => {
        await query(`insert into console.notes values ('a')`);
        await query('select 1 / 0').catch(() => {});
      });
      await expect(hidden).rejects.toMatchObject({ code: 'database_unavailable', unknown: false });
      expect(await notes()).toEqual([]);
    });
  });

  describe('an address', () => {
    const refusal = async (address: string) => {
      const error = await openPostgres(new Secret(address)).then(
        (database) => database.query('select 1').finally(() => database.close()),
        (error: unknown) => error,
      );
      return error instanceof Error ? error : new Error('it was taken');
    };

    test.each([
      ['mysql://a:secret-word@h/b', 'is none'],
      ['postgres://a:secret-word@h,i/b', 'does not name one host'],
      ['postgres://a:secret-word@h/', 'does not name one host'],
      ['postgres://a:secret-word@db.example/b?sslmode=disable', 'is not on this machine'],
      ['postgres://a:secret-word@127.0.0.1/b?sslmode=no-verify', 'is not on this machine'],
      ['postgres://a:secret-word@db.example/b?options=-c%20fsync%3Doff', 'says more than where it is'],
      ['postgres://a:12?secret-word=3@db.example/b', 'says more than where it is'],
      ['postgres://a:secret-word@db.example/b?sslrootcert=/none/at-all.pem', 'no file with certificates'],
    ])('is refused, and said without its password: %s [P3]', async (address, said) => {
      const error = await refusal(address);
      expect([error.message, 'code' in error && error.code]).toEqual([expect.stringContaining(said), 'usage']);
      expect(JSON.stringify([error.message, error.stack])).not.toContain('secret-word');
    });

    test('with another password opens nothing, and neither of them is said [P3]', async () => {
      const address = (await server.database()).replace(encodeURIComponent(databasePassword), 'another-word');
      const database = await opened(address);
      onTestFinished(() => database.close());
      const error = await database.query('select 1').catch((error: unknown) => error as Error);
      expect(error).toMatchObject({ code: 'database_unavailable', state: '28P01' });
      for (const word of [databasePassword, 'another-word'])
        expect(String((error as Error).message)).not.toContain(word);
    });

    test('off this machine is never reached without TLS', async () => {
      // A server without TLS, by a name that is none of loopback’s.
      const address = (await server.database()).replace('127.0.0.1', '0.0.0.0').replace('?sslmode=disable', '');
      const database = await opened(address);
      onTestFinished(() => database.close());
      await expect(database.query('select 1')).rejects.toThrow('cannot be reached safely');
    });
  });

  describe('the tables', () => {
    test('are made once, whoever comes at the same time', async () => {
      const address = await server.database();
      const several = await Promise.all(Array.from({ length: 4 }, () => opened(address)));
      onTestFinished(async () => {
        for (const each of several) await each.close();
      });
      await Promise.all(several.map(migrate));
      const [first] = several;
      expect(await first?.query('select step from console.migrations')).toEqual([{ step: 1 }]);
      expect(await first?.query(`select 1 from pg_locks where locktype = 'advisory'`)).toEqual([]);
    });

    test('of a later version are left alone, and so is a server that keeps nothing', async () => {
      const { database } = await made();
      await database.query('insert into console.migrations values (99, now())');
      await expect(migrate(database)).rejects.toMatchObject({
        code: 'config_invalid',
        message: expect.stringContaining('of a later version'),
      });
      await server.ask('postgres', 'alter system set fsync = off');
      await server.ask('postgres', 'select pg_reload_conf()');
      onTestFinished(async () => {
        await server.ask('postgres', 'alter system reset fsync');
        await server.ask('postgres', 'select pg_reload_conf()');
      });
      await expect.poll(() => migrate(database).catch((error: Error) => error.message)).toContain('fsync is off');
    });
  });

  describe('who holds a text', () => {
    const key: Key = { workspace: { address: 'https://api.example', id: 'w' }, name: 'n' };

    test('and was taken for dead writes no more once another one has it', async () => {
      const { address } = await made();
      const [one, two] = [await replicaOf(address), await replicaOf(address)];
      onTestFinished(async () => {
        await closed(one);
        await closed(two);
      });
      const text = rowStores(one).journals.at(key);
      const held = await text.hold(waiting);
      await text.write('mine');
      await one.close();
      const other = rowStores(two).journals.at(key);
      const taken = await other.hold(waiting);
      expect(taken).toHaveProperty('release');
      await other.write('theirs');
      await expect(text.write('mine again')).rejects.toMatchObject({ code: 'already_running' });
      await text.remove();
      expect(await other.read()).toBe('theirs');
      // What is no longer theirs is not let go either.
      if ('release' in held) await held.release();
      expect(await rowStores(two).journals.held()).toHaveLength(1);
    });

    test('is not taken for dead by one whose own connection was just lost: all of them may have been, by a failover', async () => {
      const { address, database } = await made();
      const graceMs = 1_500;
      const [one, two] = [await replicaOf(address, graceMs), await replicaOf(address, graceMs)];
      onTestFinished(() => closed(two));
      await sleep(graceMs);
      await rowStores(one).journals.at(key).hold(waiting);
      // As far as others see, it is not there.
      await closed(one);
      const lock = `from pg_locks join pg_database on pg_database.oid = database
        where locktype = 'advisory' and objid = ${two.number} and datname = current_database()`;
      const pid = async () => (await database.query<{ pid: number }>(`select pid ${lock}`))[0]?.pid ?? 0;
      const before = await pid();
      await database.query(`select pg_terminate_backend(pid) ${lock}`);
      await expect.poll(async () => ![0, before].includes(await pid()), { timeout: 5_000 }).toBe(true);
      const text = rowStores(two).journals.at(key);
      expect(await text.hold(waiting)).toHaveProperty('called', one.called);
      await expect.poll(() => text.hold(waiting), { timeout: 2 * graceMs }).toHaveProperty('release');
    });

    test('keeps it while the server starts again, and is there again by itself', async () => {
      const { address } = await made();
      const [one, two] = [await replicaOf(address, 60_000), await replicaOf(address, 60_000)];
      onTestFinished(async () => {
        await closed(one);
        await closed(two);
      });
      const text = rowStores(one).journals.at(key);
      await text.hold(waiting);
      await server.end('shutdown');
      const writing = text.write('meanwhile');
      await server.start();
      await writing;
      // The other one may be there first: nobody is dead yet.
      expect(await rowStores(two).journals.at(key).hold(waiting)).toHaveProperty('called', one.called);
      await expect.poll(() => one.isThere(), { timeout: 10_000 }).toBe(true);
      expect(await rowStores(two).journals.at(key).read()).toBe('meanwhile');
    });
  });

  describe('a replica', () => {
    test('that is told of something while it starts hears of all that comes after, and of what lies behind a broken letter', async () => {
      const { address, database } = await made();
      const kept = async () =>
        await keptInDatabase(new Secret(address), { importFrom: undefined, sessionSeconds: undefined });
      const [one, two] = [await kept(), await kept()];
      onTestFinished(async () => {
        await one.close();
        await two.close();
      });
      const [heard, failures]: [string[], unknown[]] = [[], []];
      await two.sessions.letGo({ subject: 'before' });
      // Until it was told.
      await sleep(300);
      await database.query(`insert into console.letters (replica, body) select number, 'broken' from console.replicas`);
      one.peers.receive({
        take: ({ run }) => run.endsWith('mine'),
        show: ({ run }) => (run.endsWith('mine') ? { secret: 'a word for one' } : undefined),
        letGo: ({ subject }) => void heard.push(subject),
        signOut: ({ signIn }) => void heard.push(String(signIn)),
        failed: (error) => void failures.push(error),
      });
      await two.sessions.letGo({ subject: 'after' });
      await two.sessions.signOut({ issuer: 'https://login.example', subject: undefined, signIn: 's', at: new Date() });
      await expect.poll(() => heard, { timeout: 5_000 }).toEqual(['before', 'after', 's']);
      const person = { kind: 'sso' as const, issuer: 'https://login.example', subject: 'a' };
      expect(await two.peers.send({ run: one.peers.nameOf('mine'), person })).toBe(true);
      expect(await two.peers.send({ run: one.peers.nameOf('other'), person })).toBe(false);
      const letters: string[] = [];
      const looked = two.peers.look({ run: one.peers.nameOf('mine'), person });
      while (letters.length === 0) {
        const found = await database.query<{ answer: string }>(
          'select answer from console.letters where answer is not null',
        );
        letters.push(...found.map(({ answer }) => answer));
        if ((await Promise.race([looked.then(() => 'over'), sleep(1)])) === 'over') break;
      }
      expect(await looked).toEqual({ secret: 'a word for one' });
      expect(letters.join()).not.toContain('a word');
      expect(await two.peers.look({ run: one.peers.nameOf('other'), person })).toBeUndefined();
      // One that takes nothing now may take it a moment later: that is not said to be refused. Time runs faster here.
      const deaf = await kept();
      onTestFinished(() => deaf.close());
      const faster = {
        ...machineClock,
        monotonic: () => 20 * machineClock.monotonic(),
        pause: (ms: number, signal?: AbortSignal) => machineClock.pause(ms / 20, signal),
      };
      const sent = inTimeOf(faster, () => two.peers.send({ run: deaf.peers.nameOf('mine'), person }));
      await expect(sent).rejects.toMatchObject({ code: 'console_refused' });
      expect(await database.query('select body from console.letters where body <> $1::text', ['broken'])).toEqual([]);
      await two.sessions.letGo({ subject: 'last' });
      await expect.poll(() => heard, { timeout: 5_000 }).toEqual(['before', 'after', 's', 'last']);
      expect(failures).toEqual([]);
    });
  });

  test('sign-ins of which the database knows that they ended are not ended again at each start', async () => {
    const { database } = await made();
    const sessions = sessionsInDatabase(database);
    const log = recordInDatabase(database);
    const ended = (sign_in: string | undefined, subject: string | undefined, happened: string): Entry => {
      const from = 'https://login.example';
      return { kind: 'heard', what: signedOutEvent, id: `${sign_in} ${happened}`, from, happened, subject, sign_in };
    };
    await log.append(ended('one', undefined, '2026-11-30T10:00:00.000Z'));
    await log.append(ended(undefined, 'ada', '2026-11-30T10:00:00.000Z'));
    const rows = async () =>
      await database.query<{ written: string; at: Date }>(
        'select key, xmin::text as written, at from console.signed_out order by key',
      );
    await recallGone(sessions, log);
    const before = await rows();
    expect(before).toHaveLength(2);
    await recallGone(sessions, log);
    expect(await rows()).toEqual(before);
    await log.append(ended(undefined, 'ada', '2026-11-30T11:00:00.000Z'));
    await recallGone(sessions, log);
    expect((await rows()).map(({ at }) => at.getUTCHours())).toEqual([11, 10]);
  });

  describe('the record', () => {
    const entry = (id: string): Entry => ({ kind: 'outcome', id, outcome: 'success', attempts: 1 });
    const intent = (id: string): Entry => ({
      kind: 'intent',
      id,
      act: 'vault.create',
      actor: { kind: 'person', proof: 'sso', issuer: 'https://id.example', subject: 'ada', label: 'Ada' },
      target: { kind: 'vault', id: undefined, label: 'Ada' },
    });
    const faultsOf = async (database: Database) =>
      (await recordInDatabase(database).verify()).findings.filter(({ severity }) => severity === 'fault');

    test('has every line once, also where the server goes while it is written [P7]', async () => {
      const { address, database } = await made();
      const other = await opened(address);
      onTestFinished(() => other.close());
      const logs = [recordInDatabase(database), recordInDatabase(other)] as const;
      const written: Promise<unknown>[] = [];
      const ids = Array.from({ length: 60 }, (_, index) => `act-${index}`);
      const writing = (async () => {
        for (const [index, id] of ids.entries()) {
          written.push(logs[index % 2 === 0 ? 0 : 1].append(intent(id)));
          await sleep(10);
        }
      })();
      await sleep(200);
      await server.end('shutdown');
      await server.start();
      await writing;
      await Promise.all(written);
      const seen: string[] = [];
      const { findings } = await logs[0].verify(({ entry: { ...each } }) => {
        if (each.kind === 'intent') seen.push(each.id);
      });
      expect(findings.filter(({ severity }) => severity === 'fault')).toEqual([]);
      expect(seen.toSorted()).toEqual(ids.toSorted());
    });

    test('of which nobody knows whether a line was written has it once, and the next one follows it [P7]', async () => {
      const { database } = await made();
      let lost = 0;
      let unsaid = 0;
      /** Says nothing of the first commit that it made, and of the second try to write in one statement. */
      const silent: Database = {
        ...database,
        async query(text, values) {
          const rows = await database.query<never>(text, values);
          if (!text.includes('update console.record_head')) return rows;
          unsaid += 1;
          if (unsaid !== 2) return rows;
          return await (await opened('postgres://a@127.0.0.1:1/b')).query('select 1');
        },
        async transaction(work, isolation) {
          const result = await database.transaction(work, isolation);
          lost += 1;
          if (lost > 1) return result;
          const gone = await opened('postgres://a@127.0.0.1:1/b').then((none) => none.query('select 1'));
          throw gone;
        },
      };
      const log = recordInDatabase(silent);
      await log.append(intent('a'));
      await recordInDatabase(silent).append(entry('a'));
      expect([lost, unsaid]).toEqual([3, 0]);
      // It has not seen the line of the other one; then it writes its own, and hears nothing of that.
      await log.append(intent('b'));
      await log.append(entry('b'));
      expect([lost, unsaid]).toEqual([4, 3]);
      const kinds: string[] = [];
      await recordInDatabase(database).verify((line) => kinds.push(line.entry.kind));
      const all = ['began', 'intent', 'outcome', 'intent', 'outcome'];
      expect([kinds, await faultsOf(database)]).toEqual([all, []]);
    });

    test('has a line once whose first try comes late, when a later one was given up too [P7]', async () => {
      const { address, database } = await made();
      const lines = async () =>
        (await database.query<{ line: string }>('select line from console.record_lines order by count')).map(
          ({ line }) => line,
        );
      let isWatched = false;
      const fates: string[] = [];
      const line = await watchedLine(server.port, async (piece) => {
        const what = !isWatched
          ? undefined
          : piece.includes('with mine as (')
            ? 'first try'
            : piece.includes('for update')
              ? 'later try'
              : /^Q[\s\S]{4}commit/.test(piece)
                ? 'commit'
                : undefined;
        if (what === undefined) return 'pass';
        fates.push(what);
        if (what === 'first try') return 'hold';
        if (what === 'commit' && fates.length === 3) return 'cut';
        // The second try has ended without a trace. Now the first one comes, before the third looks.
        if (what === 'later try' && fates.length === 4) {
          const before = (await lines()).length;
          line.release();
          await soon(async () => expect((await lines()).length).toBe(before + 1));
        }
        return 'pass';
      });
      onTestFinished(() => line.close());
      const there = new URL(address);
      there.port = String(line.port);
      const other = await opened(there.href);
      onTestFinished(() => other.close());
      const log = recordInDatabase(other);
      await log.append(intent('a'));
      isWatched = true;
      await log.append(entry('a'));
      isWatched = false;
      expect(fates.slice(0, 4)).toEqual(['first try', 'later try', 'commit', 'later try']);
      await log.append(intent('b'));
      const kinds = (await lines()).map((text) => (JSON.parse(text) as { kind: string }).kind);
      expect([kinds, await faultsOf(database)]).toEqual([['began', 'intent', 'outcome', 'intent'], []]);
    });

    test('only grows; what was changed or taken away all the same is found [P7]', async () => {
      const { database } = await made();
      const log = recordInDatabase(database);
      for (const id of ['a', 'b', 'c']) await log.append(intent(id));
      for (const change of [
        `update console.record_lines set line = '{}'`,
        'delete from console.record_lines',
        'truncate console.record_lines',
      ]) {
        await expect(database.query(change)).rejects.toThrow('the record only grows');
      }
      await database.query('alter table console.record_lines disable trigger all');
      const { line } = (
        await database.query<{ line: string }>('select line from console.record_lines where count = 3')
      )[0] as { line: string };
      await database.query('update console.record_lines set line = $1::text where count = 3', [
        line.replace('Ada', 'Eve'),
      ]);
      expect(await faultsOf(database)).toEqual([
        expect.objectContaining({ what: expect.stringContaining('not the one that was written') }),
      ]);
      await database.query('update console.record_lines set line = $1::text where count = 3', [line]);
      expect(await faultsOf(database)).toEqual([]);
      await database.query('delete from console.record_lines where count = 4');
      expect(await faultsOf(database)).toEqual([
        expect.objectContaining({ what: expect.stringContaining('missing at the end') }),
      ]);
    });

    test('that cannot be written ends what it would announce [P7]', async () => {
      const { database } = await made();
      await database.query('alter table console.record_head rename to elsewhere');
      await expect(recordInDatabase(database).append(intent('a'))).rejects.toMatchObject({ code: 'record_unwritable' });
    });

    test('of a folder is the same in a database, piece for piece, and goes on there; twice is once', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'moved-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const state = join(folder, 'state');
      await mkdir(state, { mode: 0o700 });
      const files = fileStores({ cache: join(folder, 'cache'), state });
      const key: Key = { workspace: { address: 'https://api.example', id: 'w' }, name: 'n' };
      await files.journals.at(key).write('a journal');
      await files.sessions.at(key).write('an attempt');
      await files.sessions.at(key).hold(waiting);
      const log = recordIn({ folder: join(state, 'record'), largestFile: 1024 });
      for (const id of ['a', 'b', 'c', 'd']) await log.append(intent(id));
      await log.checkpoints.keep(3, 'three');
      await log.checkpoints.keepKey('a key');
      await log.cursor('siem').write('here');
      const [last = ''] = (await readdir(join(state, 'record')))
        .filter((name) => name.endsWith('.jsonl'))
        .sort()
        .reverse()
        .map((name) => join(state, 'record', name));
      expect(last).not.toContain('000001');
      // A crash left a piece in the middle, and one at the end.
      await writeFile(last, `${await readFile(last, 'utf8')}{"act":"half of a li`);
      await log.append(intent('e'));
      await writeFile(last, `${await readFile(last, 'utf8')}{"act":"another half`);
      const before: string[] = [];
      await log.verify((_line, written) => before.push(written));
      const { address, database } = await made();
      await importFolder(database, folder);
      await expect(importFolder(database, folder)).rejects.toMatchObject({ code: 'usage' });
      const moved = recordInDatabase(database);
      const after: string[] = [];
      const { findings } = await moved.verify((_line, written) => after.push(written));
      expect(after.slice(0, -1)).toEqual(before);
      expect(JSON.parse(after.at(-1) ?? '')).toMatchObject({ kind: 'repaired' });
      expect(findings.filter(({ severity }) => severity === 'fault')).toEqual([]);
      expect([
        (await moved.checkpoints.last())?.count,
        await moved.checkpoints.key(),
        await moved.cursor('siem').read(),
      ]).toEqual([3, 'a key', 'here']);
      await moved.append(intent('f'));
      const replica = await replicaOf(address);
      onTestFinished(() => closed(replica));
      const rows = rowStores(replica);
      expect([await rows.journals.at(key).read(), await rows.sessions.at(key).read()]).toEqual([
        'a journal',
        'an attempt',
      ]);
      expect((await rows.sessions.held()).map(({ where }) => where)).toEqual([rows.sessions.at(key).where]);

      // A dump has it whole, and so has the database that it is put back into.
      const dump = await server.run('pg_dump', ['--format=plain', new URL(address).pathname.slice(1)]);
      const restored = await server.database();
      await server.run('psql', ['-q', '-v', 'ON_ERROR_STOP=1', '-d', new URL(restored).pathname.slice(1)], dump);
      const again = await opened(restored);
      onTestFinished(() => again.close());
      await migrate(again);
      const [here, there] = [await moved.verify(), await recordInDatabase(again).verify()];
      expect([there.head, there.findings.filter(({ severity }) => severity === 'fault')]).toEqual([here.head, []]);
      await recordInDatabase(again).append(intent('g'));
      expect(await faultsOf(again)).toEqual([]);
    });

    test('of a folder with a fault is not moved', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'moved-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const record = join(folder, 'state', 'record');
      await mkdir(join(folder, 'state'), { mode: 0o700 });
      const log = recordIn({ folder: record });
      for (const id of ['a', 'b']) await log.append(intent(id));
      const path = join(record, 'record-000001.jsonl');
      await writeFile(path, (await readFile(path, 'utf8')).replace('"label":"Ada"', '"label":"Eve"'));
      const { database } = await made();
      await expect(importFolder(database, folder)).rejects.toMatchObject({ code: 'record_altered' });
      expect((await recordInDatabase(database).verify()).lines).toBe(0);
    });
  });
});

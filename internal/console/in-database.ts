/**
 * What a console of several replicas keeps in PostgreSQL, opened as a whole. Letters between replicas may hold the code of a
 * sign-in or a secret that somebody typed: each is encrypted (RFC 7516) to a key that the receiving process has made for itself
 * alone and keeps nowhere, as is what one is answered with, and is deleted once it was taken. No database, log or backup of it has
 * what is in one (P3).
 */
import { CompactEncrypt, compactDecrypt, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { openPostgres } from '../outside/postgres.ts';
import { recordInDatabase } from '../record/postgres-log.ts';
import type { Secret } from '../secret/secret.ts';
import { rowStores } from '../stores/postgres/kept-rows.ts';
import { patiently } from '../stores/postgres/patiently.ts';
import { hint, lives, openReplica, type Replica } from '../stores/postgres/replica.ts';
import { migrate } from '../stores/postgres/schema.ts';
import { importFolder } from './import-folder.ts';
import type { Kept } from './kept.ts';
import { goneHint, type Letter, type Peers, type Receiver } from './peers.ts';
import { keyOf } from './sessions.ts';
import {
  heardInDatabase,
  lately,
  latelySignedOut,
  proofsInDatabase,
  sessionsInDatabase,
} from './sessions-in-database.ts';

/** How often each replica looks, whether or not it was told: what it is told is a hint alone. */
const lookEveryMs = 1_000;
/** How long whoever sent an answer waits for it to be taken. */
const deliveryMs = 10_000;
const longestPauseMs = 200;
/** What was said of people in this time is looked through; far longer than a replica goes without looking. */
const latelyMs = 3_600_000;

const [letterHint, answeredHint] = ['letter', 'answered'];
type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
const algorithm = { alg: 'ECDH-ES', enc: 'A256GCM' } as const;

/** Opens it, and brings the tables to what this version knows. Throws what {@link openPostgres} and {@link migrate} do. */
export async function keptInDatabase(
  address: Secret,
  { importFrom, sessionSeconds }: { importFrom: string | undefined; sessionSeconds: number | undefined },
): Promise<Kept> {
  const database = await openPostgres(address);
  try {
    await migrate(database);
    if (importFrom !== undefined) await importFolder(database, importFrom);
    const { publicKey, privateKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256' });
    const key = await exportJWK(publicKey);
    const replica = await openReplica(database, { key: JSON.stringify(key) });
    const peers = peersIn(replica, { key, privateKey });
    return {
      stores: rowStores(replica),
      record: recordInDatabase(database),
      sessions: sessionsInDatabase(database, sessionSeconds),
      seen: proofsInDatabase(database),
      heard: heardInDatabase(database),
      peers,
      async close() {
        await peers.close();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** A letter as it is sent: one that asks says to which key the answer is encrypted. */
type Sent = Letter & { to?: JWK };

function peersIn(replica: Replica, { key: own, privateKey }: { key: JWK; privateKey: PrivateKey }): Peers {
  const { database, number } = replica;
  const over = new AbortController();
  /** Those who wait to hear of a letter of theirs. */
  const waiting = new Map<string, AbortController>();
  let receiver: Receiver | undefined;
  let looking: Promise<void> | undefined;
  let again = false;
  const taken = new Map<string, string>();
  /** What was said lately, and is acted on once. */
  let known: ReadonlySet<string> = new Set();

  const answerTo = (to: Receiver) => async (letter: Sent) => {
    if (letter.to === undefined) return to.take(letter) ? 'taken' : 'refused';
    const shown = to.show(letter);
    return shown === undefined ? 'refused' : await sealed(shown, letter.to);
  };
  const takeLetters = async (to: Receiver) => {
    const letters = await database.query<{ id: string; body: string }>(
      'select id::text, body from console.letters where replica = $1::integer and answer is null order by letters.id',
      [number],
    );
    for (const { id, body } of letters) {
      // What was taken and could not be said so is not taken twice.
      // One that this process cannot open is refused: those behind it are to come through.
      const answer = taken.get(id) ?? (await opened<Sent>(body, privateKey).then(answerTo(to), () => 'refused'));
      taken.set(id, answer);
      await database.transaction(async (query) => {
        await query('update console.letters set answer = $2::text where id = $1::bigint', [id, answer]);
        await hint(query, answeredHint, id);
      });
    }
    for (const id of taken.keys()) if (taken.size > 1_000) taken.delete(id);
  };
  const lookAtGone = async (to: Receiver) => {
    const [gone, signedOut] = [await lately(database, latelyMs), await latelySignedOut(database, latelyMs)];
    const said = new Map<string, () => void>([
      ...gone.map(({ who, at }) => [`${keyOf(who)} ${at}`, () => to.letGo(who)] as const),
      ...signedOut.map((ended) => [JSON.stringify(ended), () => to.signOut(ended)] as const),
    ]);
    for (const [name, act] of said) if (!known.has(name)) act();
    known = new Set(said.keys());
  };
  /** One look at a time; whoever comes meanwhile has it done once more. */
  const look = () => {
    // Told before anybody receives: the first look of whoever does sees that too.
    if (receiver === undefined || over.signal.aborted) return;
    again = true;
    looking ??= (async () => {
      while (again && receiver !== undefined && !over.signal.aborted) {
        again = false;
        try {
          await takeLetters(receiver);
          await lookAtGone(receiver);
        } catch (error) {
          if (!over.signal.aborted) receiver.failed(error);
        }
      }
      looking = undefined;
    })();
  };
  const keepLooking = async () => {
    for (let looks = 1; !over.signal.aborted; looks += 1) {
      look();
      // Letters that nobody came for: their senders gave up long before.
      if (looks % 60 === 0) {
        await database
          .query(`delete from console.letters where at < now() - interval '5 minutes'`)
          .catch((error: unknown) => receiver?.failed(error));
      }
      await clock.pause(lookEveryMs, over.signal);
    }
  };
  for (const what of [letterHint, goneHint]) replica.onHint(what, look);
  replica.onHint(answeredHint, (id) => waiting.get(id)?.abort());

  /** Sends a letter, and gives what is answered; undefined where nobody is there to. */
  const answered = async (letter: Sent): Promise<string | undefined> => {
    const to = Number(/^r(\d{1,9})_/.exec(letter.run)?.[1] ?? 0);
    if (to === 0 || to === number) return undefined;
    const [row] = await patiently(() =>
      database.query<{ key: string }>('select key from console.replicas where number = $1::integer', [to]),
    );
    if (row === undefined) return undefined;
    const body = await sealed(letter, JSON.parse(row.key) as JWK);
    const id = await database.transaction(async (query) => {
      if (!(await lives(query, to, replica))) return undefined;
      const [put] = await query<{ id: string }>(
        'insert into console.letters (replica, body) values ($1::integer, $2::text) returning id::text',
        [to, body],
      );
      await hint(query, letterHint, String(to));
      return put?.id;
    });
    if (id === undefined) return undefined;
    const until = clock.monotonic() + deliveryMs;
    try {
      for (
        let pauseMs = 20;
        clock.monotonic() < until && !over.signal.aborted;
        pauseMs = Math.min(longestPauseMs, pauseMs * 2)
      ) {
        const told = new AbortController();
        waiting.set(id, told);
        const [found] = await patiently(() =>
          database.query<{ answer: string | null }>('select answer from console.letters where id = $1::bigint', [id]),
        );
        if (found === undefined) return undefined;
        if (found.answer !== null) return found.answer;
        await clock.pause(pauseMs, AbortSignal.any([told.signal, over.signal]));
      }
      // It may be taken a moment later: that is no refusal.
      throw new AppError('console_refused', 'the replica that has this run does not say whether it took that');
    } finally {
      waiting.delete(id);
      await patiently(() => database.query('delete from console.letters where id = $1::bigint', [id]));
    }
  };

  return {
    nameOf: (id) => `r${number}_${id}`,
    send: async (letter) => (await answered(letter)) === 'taken',
    async look(whose) {
      const answer = await answered({ ...whose, to: own });
      return answer === undefined || answer === 'refused' ? undefined : await opened(answer, privateKey);
    },
    receive(to) {
      receiver = to;
      void keepLooking();
    },
    isThere: () => replica.isThere(),
    async close() {
      over.abort();
      await looking;
      await replica.close();
    },
  };
}

async function sealed(value: unknown, key: JWK): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify(value));
  return await new CompactEncrypt(text).setProtectedHeader(algorithm).encrypt(await importJWK(key, algorithm.alg));
}

async function opened<Value>(body: string, key: PrivateKey): Promise<Value> {
  const { plaintext } = await compactDecrypt(body, key, {
    keyManagementAlgorithms: [algorithm.alg],
    contentEncryptionAlgorithms: [algorithm.enc],
  });
  return JSON.parse(new TextDecoder().decode(plaintext)) as Value;
}

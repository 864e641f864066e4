/** The key of the checkpoints of a record, and making one of them by hand or in passing. */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { type CheckpointKey, checkpointKey, isDue, newCheckpointKey, writeCheckpoint } from '../record/checkpoint.ts';
import type { Head } from '../record/line.ts';
import { verifierKey } from '../record/note.ts';
import type { RecordLog } from '../record/record-log.ts';
import { type KeptSecret, SecretUnavailable } from '../stores/kept-secret.ts';
import { quote } from '../text/quote.ts';
import type { Ports } from './ports.ts';

/** A checkpoint that was made. */
export interface MadeCheckpoint {
  note: string;
  where: string;
  count: number;
  hash: string;
  /** The key that it can be verified with, in the form that public tools take. */
  key: string;
}

type KeyPorts = Pick<Ports, 'secrets' | 'record'>;

/** Where the key of a record is kept. Throws `keychain_unavailable` where secrets are not kept at all. */
export async function keyPlace({ secrets }: KeyPorts, log: string): Promise<KeptSecret> {
  const place = (await secrets())?.(`record checkpoint key ${log}`);
  if (place !== undefined) return place;
  throw new AppError('keychain_unavailable', 'a checkpoint has to be signed, and this run keeps no key', {
    hint: 'a console keeps none, and elsewhere MAI_KEYCHAIN has to be left out; without a key, keep the line that audit verify ends with elsewhere',
  });
}

/** The key that is kept there; undefined where none was made yet. Throws `keychain_unavailable`. */
export async function readKey(place: KeptSecret, log: string): Promise<CheckpointKey | undefined> {
  const kept = await unlessUnavailable(() => place.read());
  try {
    return kept && checkpointKey(log, kept);
  } catch (cause) {
    throw new AppError('keychain_unavailable', `${place.called} holds something else than the key of checkpoints`, {
      cause,
      hint: 'take it out of the keychain, and the file checkpoint.vkey out of the folder of the record; then make a new one',
    });
  }
}

/** Makes a key and keeps both halves. Throws `keychain_unavailable`, and `record_altered` where another one is there. */
export async function makeKey(record: RecordLog, place: KeptSecret, log: string): Promise<CheckpointKey> {
  const { key, kept } = newCheckpointKey(log);
  if (!(await record.checkpoints.keepKey(verifierKey(key)))) throw keyIsGone(record, place);
  await unlessUnavailable(() => place.write(kept));
  return key;
}

/** Signs where the chain ends. Throws `record_altered` where the key beside the record is another one. */
export async function sign(record: RecordLog, key: CheckpointKey, head: Head): Promise<MadeCheckpoint> {
  if (!(await record.checkpoints.keepKey(verifierKey(key)))) {
    throw new AppError('record_altered', `the key beside the record in ${quote(record.where)} is not its own`);
  }
  const note = writeCheckpoint(head, key);
  const where = await record.checkpoints.keep(head.count, note);
  return { note, where, count: head.count, hash: head.hash, key: verifierKey(key) };
}

/** Makes the next checkpoint where one is due and a key was made once. Throws as {@link sign} and {@link readKey} do. */
export async function signWhereDue(ports: KeyPorts, head: Head): Promise<void> {
  const record = await ports.record();
  const last = await record.checkpoints.last();
  // Nobody asked for the first one yet.
  if (last === undefined || !isDue(last, head, clock.now())) return;
  const key = await readKey(await keyPlace(ports, head.log), head.log);
  if (key !== undefined) await sign(record, key, head);
}

function keyIsGone(record: RecordLog, place: KeptSecret): AppError {
  return new AppError(
    'record_altered',
    `there is a key beside the record in ${quote(record.where)}, and ${place.called} does not hold its private half`,
    {
      hint: 'verify with that key what it has signed; then put checkpoint.vkey and the checkpoints elsewhere, and make a new one',
    },
  );
}

async function unlessUnavailable<Result>(act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (cause) {
    if (!(cause instanceof SecretUnavailable)) throw cause;
    throw new AppError(
      'keychain_unavailable',
      `the key of the checkpoints cannot be reached: ${quote(cause.message)}`,
      {
        cause,
      },
    );
  }
}

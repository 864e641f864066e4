/**
 * Checkpoints: signed notes that say how many lines the record had and what the last of them was. They are worth what is
 * kept elsewhere of them, and of the key: whoever can write the record could write both anew.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Secret } from '../secret/secret.ts';
import type { Head } from './line.ts';
import { type NoteKey, openNote, signNote } from './note.ts';

/** A checkpoint that was read. */
export interface Checkpoint {
  count: number;
  /** SHA-256 of that line, in hex. */
  hash: string;
}

/** A key that signs checkpoints of one record. */
export interface CheckpointKey extends NoteKey {
  privateKey: KeyObject;
}

/** The last line of our notes: what the hash is of. Other checkpoints of this form hold the root of a tree. */
const kind = 'sha256 chain';

/** What the key of a record is called, and its checkpoints with it (C2SP tlog-checkpoint: origin). */
export function originOf(log: string): string {
  return `managed-agents-interface/record/${log}`;
}

/** A new key, and how it is kept. */
export function newCheckpointKey(log: string): { key: CheckpointKey; kept: Secret } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const kept = new Secret(privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'));
  return { key: { name: originOf(log), publicKey, privateKey }, kept };
}

/** The key that was kept. Throws `TypeError` for what is none. */
export function checkpointKey(log: string, kept: Secret): CheckpointKey {
  const privateKey = createPrivateKey({ key: Buffer.from(kept.reveal(), 'base64'), format: 'der', type: 'pkcs8' });
  return { name: originOf(log), privateKey, publicKey: createPublicKey(privateKey) };
}

/** The note of a checkpoint (C2SP tlog-checkpoint, of a chain): origin, count, hash, and what it is the hash of, a line each. */
export function writeCheckpoint({ log, count, hash }: Head, key: CheckpointKey): string {
  const text = `${originOf(log)}\n${count}\n${Buffer.from(hash, 'hex').toString('base64')}\n${kind}\n`;
  return signNote(text, key, key.privateKey);
}

/** Reads a checkpoint that this key signed; undefined for anything else, also for one of another record. */
export function readCheckpoint(note: string, key: NoteKey): Checkpoint | undefined {
  const [origin = '', count = '', hash = '', of = '', ...more] = (openNote(note, key) ?? '').split('\n');
  const bytes = Buffer.from(hash, 'base64');
  if (origin !== key.name || of !== kind || more.join('') !== '') return undefined;
  if (!/^[1-9]\d{0,15}$/.test(count) || bytes.length !== 32 || bytes.toString('base64') !== hash) return undefined;
  return { count: Number(count), hash: bytes.toString('hex') };
}

/** How many lines or how many milliseconds after a checkpoint the next one is due. */
const dueAfter = { lines: 1000, ms: 24 * 60 * 60 * 1000 };

/** Whether the next checkpoint is due. */
export function isDue(last: { count: number; at: Date }, head: Head, now: Date): boolean {
  return head.count - last.count >= dueAfter.lines || now.getTime() - last.at.getTime() >= dueAfter.ms;
}

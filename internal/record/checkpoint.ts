/** Checkpoints: signed notes that say how many lines the record had and what its last one was. */
import type { KeyObject } from 'node:crypto';
import type { Head } from './line.ts';
import { type NoteKey, openNote, signNote } from './note.ts';

/** A checkpoint that was read. */
export interface Checkpoint {
  /** Whose record: the name of the key, and the record's own id. */
  origin: string;
  count: number;
  /** SHA-256 of the last line, in hex. */
  hash: string;
}

/** The note of a checkpoint: origin, count and hash, a line each (C2SP tlog-checkpoint, with the head of a chain as its hash). */
export function writeCheckpoint({ log, count, hash }: Head, key: NoteKey, privateKey: KeyObject): string {
  const text = `${key.name}/${log}\n${count}\n${Buffer.from(hash, 'hex').toString('base64')}\n`;
  return signNote(text, key, privateKey);
}

/** Reads a checkpoint that this key signed; undefined for anything else. */
export function readCheckpoint(note: string, key: NoteKey): Checkpoint | undefined {
  const [origin = '', count = '', hash = '', ...more] = (openNote(note, key) ?? '').split('\n');
  const bytes = Buffer.from(hash, 'base64');
  if (!/^[1-9]\d{0,15}$/.test(count) || bytes.length !== 32 || bytes.toString('base64') !== hash) return undefined;
  return more.join('') === '' && origin !== ''
    ? { origin, count: Number(count), hash: bytes.toString('hex') }
    : undefined;
}

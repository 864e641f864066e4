/** What checkpoints say of a record, and what even they leave open. Pure. */
import { type Checkpoint, originOf, readCheckpoint } from './checkpoint.ts';
import type { NoteKey } from './note.ts';
import type { KeptNote } from './record-log.ts';
import type { Verified } from './verify.ts';

/** One note, and what it says of the record. */
export interface JudgedCheckpoint {
  from: string;
  /** Undefined where no key that counts has signed it. */
  count: number | undefined;
  verdict: 'agrees' | 'line changed' | 'lines missing' | 'not signed';
}

/** A note that was opened with the keys that count. */
export interface OpenedNote {
  from: string;
  checkpoint: Checkpoint | undefined;
}

/** Opens notes with the keys that count. */
export function openCheckpoints(notes: readonly KeptNote[], keys: readonly NoteKey[]): OpenedNote[] {
  return notes.map(({ from, note }) => {
    const opened = keys.map((key) => readCheckpoint(note, key)).find((checkpoint) => checkpoint !== undefined);
    return { from, checkpoint: opened };
  });
}

/** Holds checkpoints against a record. */
export function judgeCheckpoints(
  { head, hashes }: Pick<Verified, 'head' | 'hashes'>,
  notes: readonly OpenedNote[],
): JudgedCheckpoint[] {
  return notes.map(({ from, checkpoint }) => {
    if (checkpoint === undefined) return { from, count: undefined, verdict: 'not signed' };
    const { count, hash } = checkpoint;
    if (count > (head?.count ?? 0)) return { from, count, verdict: 'lines missing' };
    return { from, count, verdict: hashes.get(count) === hash ? 'agrees' : 'line changed' };
  });
}

/** What a checkpoint found wrong, in words; undefined where it agrees. */
export function whatIsWrong({ count = 0, verdict }: JudgedCheckpoint, lines: number): string | undefined {
  switch (verdict) {
    case 'agrees':
      return undefined;
    case 'not signed':
      return 'no key that counts has signed this checkpoint of this record';
    case 'lines missing':
      return `there were ${count} lines when this was signed, and there are ${lines}: ${count - lines} are missing at the end, or more`;
    case 'line changed':
      return `line ${count} is not the one that was signed: it, or some before it, were written anew`;
  }
}

/** What was there to verify with. */
export interface Evidence {
  head: Verified['head'];
  judged: readonly JudgedCheckpoint[];
  /** Whether the keys were given by whoever verifies, and not found beside the record. */
  keysGiven: boolean;
  /** Whether checkpoints were given that are kept elsewhere. */
  notesGiven: boolean;
}

/** What nobody can know from this, in words. */
export function whatStaysOpen({ head, judged, keysGiven, notesGiven }: Evidence): string[] {
  if (head === undefined) return [];
  const signed = Math.max(0, ...judged.filter(({ verdict }) => verdict === 'agrees').map(({ count }) => count ?? 0));
  const after = head.count - signed;
  return [
    ...(signed === 0
      ? [
          'whether whoever can write these files wrote all of it anew, or left out its end: no checkpoint agrees with it (setup-session audit checkpoint)',
        ]
      : [
          ...(keysGiven
            ? []
            : [
                'whether whoever can write these files changed the key beside them, too: give the key that you kept elsewhere (--key)',
              ]),
          ...(after === 0
            ? []
            : [`whether the ${after} lines after line ${signed} were written anew, and how many there were once`]),
        ]),
    ...(notesGiven
      ? []
      : [
          'whether files and checkpoints together were put back to an earlier state: give a checkpoint that you kept elsewhere (--checkpoint)',
        ]),
    'whether the clock of this machine was right, and whether what was said to be on the disk was there',
  ];
}

/** Whether a key is the one of this record. */
export function isKeyOf({ name }: NoteKey, log: string): boolean {
  return name === originOf(log);
}

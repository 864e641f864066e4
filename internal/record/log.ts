/**
 * The record of one machine: a chain of lines in files that only grow. A line is on the disk before what it announces is
 * asked for; what arrives together is written together. Several processes write to one chain, one after the other.
 */
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { clock, giveWay } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { type AppendOnlyFile, openAppendOnly } from '../outside/append-only.ts';
import { readText, writeText } from '../outside/files.ts';
import { type Lock, takeLock } from '../outside/lock.ts';
import { requireOwnFolder } from '../outside/trusted-file.ts';
import { sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import { recordFiles } from './files.ts';
import { checkpointsIn } from './kept-checkpoints.ts';
import { type Entry, type Head, inLines, noHash, readLine, writeLine } from './line.ts';
import type { RecordLog } from './record-log.ts';

/** Where a record is, and how it is written. */
export interface RecordPlace {
  /** The folder; it has to be this account's alone. */
  folder: string;
  /** How large a file may become before the next one begins, in bytes. */
  largestFile?: number;
}

/** One write, and a line of it. */
const largestBatch = 256 * 1024;
const usualLargestFile = 64 * 1024 * 1024;
/** How long another process may write before we give up. */
const lockPatienceMs = 10_000;

/** The name of the nth file of a record. */
function fileName(index: number): string {
  return `record-${String(index).padStart(6, '0')}.jsonl`;
}

interface Waiting {
  entry: Entry;
  done(head: Head): void;
  failed(error: unknown): void;
}

/** The record in a folder. Nothing is open between two lines, unless one follows the other at once. */
export function recordIn({ folder, largestFile = usualLargestFile }: RecordPlace): RecordLog {
  const waiting: Waiting[] = [];
  let isWriting = false;
  let broken: { by: unknown } | undefined;

  const writeAll = async () => {
    // Whoever can write in the folder above could put another in its place.
    for (const each of [dirname(folder), folder]) await requireOwnFolder(each);
    const lock = await hold(join(folder, 'record.lock'));
    try {
      let open = await openLast(folder);
      try {
        while (waiting.length > 0) {
          // What a crash left at the end of a file is told in that file: the next one begins after a whole line.
          if (open.size >= largestFile && !open.unended) open = await further(folder, open);
          const entries = waiting.map(({ entry }) => entry);
          const heads = await put(open, entries);
          for (const [index, { done }] of waiting.splice(0, heads.length).entries()) done(heads[index] as Head);
          // Whoever waited for one line often has the next: then it needs no lock of its own.
          if (waiting.length === 0) await giveWay();
        }
      } finally {
        await open.file.close();
      }
    } finally {
      await lock.release();
    }
  };
  const write = async () => {
    isWriting = true;
    // What came while the lock was given back has nobody else.
    while (waiting.length > 0 && broken === undefined) await writeAll().catch((by: unknown) => (broken = { by }));
    isWriting = false;
    // After a write that failed nobody knows what the disk has: nothing more is announced in this run.
    for (const { failed } of broken === undefined ? [] : waiting.splice(0)) failed(broken?.by);
  };

  return {
    where: folder,
    verify: async (...how) => await (await import('./verify.ts')).verifyRecord(folder, ...how),
    checkpoints: checkpointsIn(folder),
    cursor(name) {
      const path = join(folder, `export-${name}.json`);
      return { read: () => readText(path), write: (text) => writeText(path, text, 'private') };
    },
    append: (entry) =>
      new Promise<Head>((resolve, reject) => {
        const failed = (error: unknown) => reject(unwritable(folder, error));
        // Nothing comes between the parts of one entry: they are waiting one behind the other.
        const lines = inLines(entry);
        for (const [index, line] of lines.entries()) {
          waiting.push({ entry: line, done: index === lines.length - 1 ? resolve : () => {}, failed });
        }
        if (!isWriting) void write();
      }),
  };
}

interface OpenFile {
  name: string;
  file: AppendOnlyFile;
  head: Head;
  size: number;
  /** A piece that a crash left behind the last line. */
  torn: Buffer | undefined;
  /** Whether what is there has no end of line. */
  unended: boolean;
}

/** Also after an interruption: what is carried out to its end is announced too. */
async function hold(path: string): Promise<Lock> {
  const { signal } = new AbortController();
  const lock = await takeLock({ path, signal, waitMs: lockPatienceMs });
  if ('release' in lock) return lock;
  throw new Error(`process ${lock.pid} has been writing to it since ${lock.since}`);
}

/** The file that lines go to, with its first line. */
async function openLast(folder: string): Promise<OpenFile> {
  const [name = fileName(1), before] = (await recordFiles(folder)).reverse();
  const open = await openAt(folder, name);
  if (open.head.count > 0) return open;
  try {
    if (before === undefined) await put(open, [{ kind: 'began' }]);
    // A crash came between the file and its first line.
    else await goOnFrom(open, before, await headAt(folder, before));
    return open;
  } catch (error) {
    await open.file.close();
    throw error;
  }
}

/** The next file, which goes on with the chain. */
async function further(folder: string, full: OpenFile): Promise<OpenFile> {
  const next = await openAt(folder, fileName(Number(full.name.slice(7, 13)) + 1));
  try {
    await goOnFrom(next, full.name, full.head);
  } catch (error) {
    await next.file.close();
    throw error;
  }
  await full.file.close();
  return next;
}

/** Has a file without a line go on where another one ends. */
async function goOnFrom(open: OpenFile, before: string, head: Head): Promise<void> {
  Object.assign(open, { head });
  await put(open, [{ kind: 'continued', file: before }]);
}

/** Where the chain of a file ends that nobody writes to any more. Throws where it has no line. */
async function headAt(folder: string, name: string): Promise<Head> {
  const { file, head } = await openAt(folder, name);
  await file.close();
  if (head.count === 0) throw new Error(`${name} has no line: setup-session audit verify says more`);
  return head;
}

/** Opens a file and reads its end. Throws where its last whole line is none of ours. */
async function openAt(folder: string, name: string): Promise<OpenFile> {
  const file = await openAppendOnly(join(folder, name));
  try {
    const size = await file.size();
    const from = Math.max(0, size - 2 * largestBatch);
    const tail = await file.read(from, size - from);
    const end = tail.lastIndexOf(0x0a) + 1;
    const piece = end === tail.length ? undefined : tail.subarray(end);
    // Only its end is missing: it is a line all the same.
    if (piece !== undefined && readLine(piece.toString('utf8')) !== undefined) {
      return { name, file, head: headOf(piece), size, torn: undefined, unended: true };
    }
    const opened = { name, file, size, torn: piece, unended: piece !== undefined };
    if (end > 0) return { ...opened, head: headOf(tail.subarray(tail.lastIndexOf(0x0a, end - 2) + 1, end - 1)) };
    if (size > tail.length) throw new Error('its last line is longer than any line of ours');
    return { ...opened, head: { log: randomUUID(), count: 0, hash: noHash } };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Where a chain ends that ends with this line. */
function headOf(bytes: Uint8Array): Head {
  const line = readLine(Buffer.from(bytes).toString('utf8'));
  if (line === undefined) throw new Error('its last line is none of ours: setup-session audit verify says more');
  return { log: line.log, count: line.count, hash: sha256(bytes) };
}

/** Writes as many of these as fit into one write, after what has to be said of the file itself. Gives the head that each makes. */
async function put(open: OpenFile, entries: readonly Entry[]): Promise<Head[]> {
  const { torn } = open;
  const repaired: Entry[] = torn === undefined ? [] : [{ kind: 'repaired', bytes: torn.length, digest: sha256(torn) }];
  const lines: Buffer[] = [];
  const heads: Head[] = [];
  let [head, length] = [open.head, 0];
  for (const entry of [...repaired, ...entries]) {
    const line = writeLine(head, entry, clock.now().toISOString());
    const bytes = Buffer.from(`${line.text}\n`, 'utf8');
    if (lines.length > repaired.length && length + bytes.length > largestBatch) break;
    lines.push(bytes);
    length += bytes.length;
    ({ head } = line);
    heads.push(head);
  }
  // The piece is ended, not removed: who reads the record sees it.
  const bytes = Buffer.concat(open.unended ? [Buffer.from('\n'), ...lines] : lines);
  await open.file.append(bytes);
  Object.assign(open, { head, size: open.size + bytes.length, torn: undefined, unended: false });
  return heads.slice(repaired.length);
}

function unwritable(folder: string, cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new AppError('record_unwritable', `the record in ${quote(folder)} cannot be written: ${why}`, { cause });
}

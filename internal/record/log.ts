/**
 * The record of one machine: a chain of lines in files that only grow. A line is on the disk before what it announces is
 * asked for; what arrives together is written together. Several processes write to one chain, one after the other, and wait
 * for the disk beside each other: it keeps a file up to its end, so whoever waits has waited for every line before theirs.
 */
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { clock, giveWay } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { type AppendOnlyFile, openAppendOnly } from '../outside/append-only.ts';
import { fileSize } from '../outside/files.ts';
import { type Mutex, takeMutex } from '../outside/mutex.ts';
import { requireOwnFolder } from '../outside/trusted-file.ts';
import { sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import { cursorIn, filesIn } from './files.ts';
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
/** Where a file is read from, before its end: the last line begins behind the first of these, and never before the second. */
const [usualEnd, longestEnd] = [16 * 1024, 2 * largestBatch];
/** How long another process may write before we give up. */
const mutexPatienceMs = 10_000;
/**
 * Who keeps it open keeps the mutex for a moment after a line, in case the next one follows: a process that is stopped while it
 * has it keeps everybody from writing. Not for long on end: on another machine it would be taken for left behind.
 */
const [keptForNextMs, longestHeldMs] = [3, 1_000];
/** How many writes may be ahead of the disk. */
const mostAhead = 1_000;

/** The name of the nth file of a record. */
function fileName(index: number): string {
  return `record-${String(index).padStart(6, '0')}.jsonl`;
}

interface Waiting {
  entry: Entry;
  written: (() => void) | undefined;
  done(head: Head): void;
  failed(error: unknown): void;
}

/** What was written together and the disk may not have yet; its file stays open until it has. */
interface Batch {
  file: AppendOnlyFile;
  lines: Waiting[];
  heads: Head[];
}

/** The record in a folder. Nothing is open between two lines, unless one follows the other at once, or somebody keeps it so. */
export function recordIn({ folder, largestFile = usualLargestFile }: RecordPlace): RecordLog {
  const waiting: Waiting[] = [];
  const unkept: Batch[] = [];
  let isWriting = false;
  let isKeeping = false;
  let keeping = Promise.resolve();
  let broken: { by: unknown } | undefined;
  const pace = { pauseMs: 1 };
  let keepers = 0;
  let wake = () => {};

  /**
   * Has the disk keep what was written, in its order: each batch by a wait that began after it was written, and never by one
   * that began after another had failed. One wait at a time: two beside each other take the disk as long each as one of both.
   */
  const keepAll = async () => {
    isKeeping = true;
    try {
      for (let [first] = unkept; first !== undefined; [first] = unkept) {
        const { file } = first;
        const other = unkept.findIndex((batch) => batch.file !== file);
        const count = other === -1 ? unkept.length : other;
        await file.onDisk();
        for (const { lines, heads } of unkept.splice(0, count)) {
          for (const [index, { done }] of lines.entries()) done(heads[index] as Head);
          // It has kept all that was asked of it.
          closeQuietly(file);
        }
      }
    } catch (by) {
      broken ??= { by };
      const unsaid = unkept.splice(0);
      for (const { failed } of unsaid.flatMap(({ lines }) => lines)) failed(by);
      for (const { file } of unsaid) closeQuietly(file);
    } finally {
      // At once: what is written from now on has to begin it anew.
      isKeeping = false;
      wake();
    }
  };
  /** Whoever waits for the disk is written together once it has what is before: only who does not is written meanwhile. */
  const isDue = () => {
    if (broken !== undefined) return true;
    if (isKeeping) return unkept.length < mostAhead && waiting.some(({ written }) => written !== undefined);
    return waiting.length > 0 || keepers === 0;
  };
  /** Until something is to be written, or nobody keeps it open any more. Gives the mutex, where it was kept meanwhile. */
  const untilDue = async (held: Mutex | undefined): Promise<Mutex | undefined> => {
    let mutex = held;
    const until = clock.monotonic() + keptForNextMs;
    while (!isDue()) {
      let stop = () => {};
      let isOver = false;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (mutex === undefined || keepers === 0) return;
        stop = clock.after(Math.max(0, until - clock.monotonic()), () => {
          isOver = true;
          resolve();
        });
      });
      stop();
      if (!isOver || isDue()) continue;
      await mutex?.release();
      mutex = undefined;
    }
    return mutex;
  };
  const failIfBroken = () => {
    if (broken !== undefined) throw broken.by;
  };

  const writeAll = async () => {
    // Whoever can write in the folder above could put another in its place.
    for (const each of [dirname(folder), folder]) await requireOwnFolder(each);
    let open: OpenFile | undefined;
    let mutex: Mutex | undefined;
    let heldFrom = 0;
    try {
      while (waiting.length > 0) {
        let isAlone = true;
        if (mutex === undefined || open === undefined) {
          mutex = await hold(join(folder, 'record.lock'), pace);
          heldFrom = clock.monotonic();
          const now = await asItEnds(folder, open);
          isAlone = now === open;
          open = now;
        }
        const heads: Head[] = [];
        do {
          // What a crash left at the end of a file is told in that file: the next one begins after a whole line.
          if (open.size >= largestFile && !open.unended) {
            // The system tells a failure once: the wait that hears of it has to be over.
            await keeping;
            failIfBroken();
            open = await further(folder, open);
          }
          failIfBroken();
          heads.push(...put(open, waiting, heads.length));
          // Nothing comes between the parts of one entry.
        } while (heads.length < waiting.length && goesOn(waiting[heads.length - 1]));
        const lines = waiting.splice(0, heads.length);
        open.file.share();
        unkept.push({ file: open.file, lines, heads });
        if (!isKeeping) keeping = keepAll();
        for (const { written } of lines) written?.();
        // Others wait for their turn to write, not for our disk; alone, nothing is gained by giving the turn back.
        const isLong = keepers > 0 && clock.monotonic() - heldFrom > longestHeldMs;
        if (!isAlone || isLong || (await mutex.isAskedFor())) {
          await mutex.release();
          mutex = undefined;
        }
        mutex = await untilDue(mutex);
        failIfBroken();
        // Whoever waited for one line often has the next: then the file is open already.
        if (waiting.length === 0) await giveWay();
      }
    } finally {
      try {
        open?.file.close();
      } finally {
        await mutex?.release();
      }
    }
  };
  const write = async () => {
    isWriting = true;
    // What came while the mutex was given back has nobody else.
    while (waiting.length > 0 && broken === undefined) await writeAll().catch((by: unknown) => (broken ??= { by }));
    // What was written before a write that failed may be kept all the same.
    if (broken !== undefined) await keeping;
    isWriting = false;
    // After a write that failed nobody knows what the disk has: nothing more is announced in this run.
    for (const { failed } of broken === undefined ? [] : waiting.splice(0)) failed(broken?.by);
  };

  return {
    where: folder,
    verify: async (...how) => await (await import('./verify.ts')).verifyRecord(folder, ...how),
    reading: async () => {
      const { growingFiles, RecordReading } = await import('./verify.ts');
      return new RecordReading(growingFiles(folder));
    },
    checkpoints: checkpointsIn(folder),
    cursor: (name) => cursorIn(folder, name),
    append: (entry, written) =>
      new Promise<Head>((resolve, reject) => {
        const failed = (error: unknown) => reject(unwritable(folder, error));
        // Nothing comes between the parts of one entry: they are waiting one behind the other.
        const lines = inLines(entry);
        for (const [index, line] of lines.entries()) {
          const isLast = index === lines.length - 1;
          waiting.push({
            entry: line,
            written: isLast ? written : undefined,
            done: isLast ? resolve : () => {},
            failed,
          });
        }
        wake();
        if (!isWriting) void write();
      }),
    keepOpen() {
      keepers += 1;
      return () => {
        keepers -= 1;
        wake();
      };
    },
  };
}

function closeQuietly(file: AppendOnlyFile): void {
  try {
    file.close();
  } catch {
    // What became of its lines was told.
  }
}

/** Whether the next part of the same entry has to follow. */
function goesOn(written: Waiting | undefined): boolean {
  return written?.entry.kind === 'part' && written.entry.part < written.entry.parts;
}

interface OpenFile extends End {
  name: string;
  file: AppendOnlyFile;
}

/** How a file ends. */
interface End {
  head: Head;
  size: number;
  /** A piece that a crash left behind the last line. */
  torn: Buffer | undefined;
  /** Whether what is there has no end of line. */
  unended: boolean;
}

/** Also after an interruption: what is carried out to its end is announced too. */
async function hold(path: string, pace: { pauseMs: number }): Promise<Mutex> {
  const { signal } = new AbortController();
  const mutex = await takeMutex({ path, signal, waitMs: mutexPatienceMs, ask: true, pace });
  if ('release' in mutex) return mutex;
  throw new Error(`process ${mutex.pid} has been writing to it since ${mutex.since}`);
}

/** What was open, if lines still go there, as it ends now that others may have written to it; else the file that they go to. */
async function asItEnds(folder: string, open: OpenFile | undefined): Promise<OpenFile> {
  if (open === undefined) return await openLast(folder);
  // What is open may be under no name any more, and only who opens a file on a network disk is told what others have written.
  const now = (await fileSize(join(folder, nameAfter(open)))) === undefined ? reopened(folder, open) : undefined;
  if (now !== undefined) return now;
  const last = await openLast(folder);
  open.file.close();
  return last;
}

/** The same, where nobody has written to it; else the file of this name as it ends. Undefined where that has no line. */
function reopened(folder: string, open: OpenFile): OpenFile | undefined {
  const file = openAppendOnly(join(folder, open.name));
  let end: End | undefined;
  try {
    if (file.size() !== open.size) end = endOf(file);
  } catch (error) {
    file.close();
    throw error;
  }
  if (end?.head.count === 0) {
    file.close();
    return undefined;
  }
  const before = open.file;
  open.file = file;
  before.close();
  return end === undefined ? open : { ...open, ...end };
}

/** The file that lines go to, with its first line. */
async function openLast(folder: string): Promise<OpenFile> {
  const { all, unkept } = await filesIn(folder);
  const [name = fileName(1), before] = all.reverse();
  // Another one than that, whose lines are worth as much: opening it is enough.
  for (const each of unkept) if (each !== name) openAppendOnly(join(folder, each)).close();
  const open = openAt(folder, name);
  if (open.head.count > 0) return open;
  try {
    if (before === undefined) put(open, [{ entry: { kind: 'began' } }]);
    // A crash came between the file and its first line.
    else goOnFrom(open, before, headAt(folder, before));
    return open;
  } catch (error) {
    open.file.close();
    throw error;
  }
}

function nameAfter({ name }: OpenFile): string {
  return fileName(Number(name.slice(7, 13)) + 1);
}

/** The next file, which goes on with the chain. */
async function further(folder: string, full: OpenFile): Promise<OpenFile> {
  // What others wait for in the next file is worth nothing without this one.
  full.file.onDiskNow();
  const next = openAt(folder, nameAfter(full));
  try {
    goOnFrom(next, full.name, full.head);
  } catch (error) {
    next.file.close();
    throw error;
  }
  full.file.close();
  return next;
}

/** Has a file without a line go on where another one ends. */
function goOnFrom(open: OpenFile, before: string, head: Head): void {
  Object.assign(open, { head });
  put(open, [{ entry: { kind: 'continued', file: before } }]);
}

/** Where the chain of a file ends that nobody writes to any more. Throws where it has no line. */
function headAt(folder: string, name: string): Head {
  const { file, head } = openAt(folder, name);
  file.close();
  if (head.count === 0) throw new Error(`${name} has no line: setup-session audit verify says more`);
  return head;
}

/** Opens a file and reads its end. Throws where its last whole line is none of ours. */
function openAt(folder: string, name: string): OpenFile {
  const file = openAppendOnly(join(folder, name));
  try {
    return { name, file, ...endOf(file) };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Reads how a file ends: first where it has lines of the usual length. Throws where its last whole line is none of ours. */
function endOf(file: AppendOnlyFile, length = usualEnd): End {
  const size = file.size();
  const from = Math.max(0, size - length);
  const tail = file.read(from, size - from);
  const end = tail.lastIndexOf(0x0a) + 1;
  const piece = end === tail.length ? undefined : tail.subarray(end);
  const begin = end === 0 ? 0 : tail.subarray(0, end - 1).lastIndexOf(0x0a) + 1;
  if (begin === 0 && from > 0 && length < longestEnd) return endOf(file, longestEnd);
  // Only its end is missing: it is a line all the same.
  if (piece !== undefined && readLine(piece.toString('utf8')) !== undefined) {
    return { head: headOf(piece), size, torn: undefined, unended: true };
  }
  const ended = { size, torn: piece, unended: piece !== undefined };
  if (end > 0) return { ...ended, head: headOf(tail.subarray(begin, end - 1)) };
  if (from > 0) throw new Error('its last line is longer than any line of ours');
  return { ...ended, head: { log: randomUUID(), count: 0, hash: noHash } };
}

/** Where a chain ends that ends with this line. */
function headOf(bytes: Uint8Array): Head {
  const line = readLine(Buffer.from(bytes).toString('utf8'));
  if (line === undefined) throw new Error('its last line is none of ours: setup-session audit verify says more');
  return { log: line.log, count: line.count, hash: sha256(bytes) };
}

/** Writes as many of these, from one on, as fit into one write, after what has to be said of the file itself. Gives the head that each makes. */
function put(open: OpenFile, entries: readonly { entry: Entry }[], from = 0): Head[] {
  const { torn } = open;
  const at = clock.now().toISOString();
  // A piece is ended, not removed: who reads the record sees it.
  let text = open.unended ? '\n' : '';
  let { head } = open;
  if (torn !== undefined) {
    const repaired = writeLine(head, { kind: 'repaired', bytes: torn.length, digest: sha256(torn) }, at);
    text += `${repaired.text}\n`;
    ({ head } = repaired);
  }
  const heads: Head[] = [];
  for (let index = from, length = 0; index < entries.length; index += 1) {
    const line = writeLine(head, (entries[index] as { entry: Entry }).entry, at);
    length += Buffer.byteLength(line.text) + 1;
    if (heads.length > 0 && length > largestBatch) break;
    text += `${line.text}\n`;
    ({ head } = line);
    heads.push(head);
  }
  const bytes = Buffer.from(text, 'utf8');
  open.file.append(bytes);
  Object.assign(open, { head, size: open.size + bytes.length, torn: undefined, unended: false });
  return heads;
}

function unwritable(folder: string, cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new AppError('record_unwritable', `the record in ${quote(folder)} cannot be written: ${why}`, { cause });
}

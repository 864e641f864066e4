/**
 * Whether a record is whole: every line its own canonical form, each naming the one before, from the first file to the last.
 * Needs no platform and no key. It knows what was changed inside; that lines are missing at the end only checkpoints can tell.
 */
import { join } from 'node:path';
import { FileError, fileSize } from '../outside/files.ts';
import { readLines } from '../outside/read-lines.ts';
import { sha256 } from '../text/canonical.ts';
import { filesIn, recordFiles } from './files.ts';
import { type Entry, type Head, type Line, noHash, readLine, readParts } from './line.ts';

/** What was found. A `fault` is a line that is not what was written; a `notice` is for somebody to know. */
export interface Finding {
  severity: 'fault' | 'notice';
  file: string;
  /** Where it is in its file, from 1. */
  line: number;
  what: string;
}

/** What a record is worth. */
export interface Verified {
  /** Where the chain ends; undefined where there is no line. */
  head: Head | undefined;
  /** How many lines were read that are ours. */
  lines: number;
  findings: Finding[];
  /** The hashes of the lines that were wanted, by their count. */
  hashes: ReadonlyMap<number, string>;
}

/** No line of ours comes near so many bytes. */
export const longestLine = 1024 * 1024;
/** More of one severity say nothing new. */
const mostFindings = 100;

/**
 * Reads a record and judges it. `take` sees every line that is whole, also behind a fault; the lines of an entry in parts as one,
 * with a `continued` among them, and parts that no entry came of as the last of them. Throws `file_system`.
 */
export async function verifyRecord(
  folder: string,
  take: (line: Line, written: string) => void = () => {},
  wanted: ReadonlySet<number> = new Set(),
): Promise<Verified> {
  const judge = new Judge(take, wanted);
  for (const name of await recordFiles(folder)) {
    judge.begin(name);
    for await (const lines of readLines(join(folder, name), longestLine)) {
      for (const { bytes, ended } of lines) judge.take(bytes, ended);
    }
  }
  const verified = judge.end();
  for (const file of (await filesIn(folder)).unkept) {
    const what =
      'the disk once did not keep what was written here: until a run writes to it again, a loss of power may take lines';
    verified.findings.push({ severity: 'notice', file, line: 1, what });
  }
  return verified;
}

/** A line with the file that it is of; also what is none of ours. */
export interface RecordedLine {
  file: string;
  bytes: Uint8Array;
  /** False for the end of a file that has no end of line. */
  ended?: boolean;
}

/** The same of lines that come from anywhere, in their order. Throws what reading them does. */
export async function verifyLines(
  source: AsyncIterable<readonly RecordedLine[]>,
  take: (line: Line, written: string) => void = () => {},
  wanted: ReadonlySet<number> = new Set(),
): Promise<Verified> {
  const judge = new Judge(take, wanted);
  let name: string | undefined;
  for await (const lines of source) {
    for (const { file, bytes } of lines) {
      if (file !== name) judge.begin(file);
      name = file;
      judge.take(bytes, true);
    }
  }
  return judge.end();
}

/** A line that is whole, and how it stands there; of an entry in parts the last of them, with all of their lines. */
export interface ReadEntry {
  line: Line;
  written: string;
}

/** A record that is read on from where it was read to. What stands at its end and is not whole yet is left to the next time. */
export class RecordReading {
  readonly #added: () => AsyncIterable<readonly RecordedLine[]>;
  readonly #judge: Judge;
  #seen: ReadEntry[] = [];
  #file: string | undefined;

  /** `added` gives the lines behind those that it gave before; all of a piece were taken where it is asked for the next. */
  constructor(added: () => AsyncIterable<readonly RecordedLine[]>) {
    this.#added = added;
    this.#judge = new Judge((line, written) => this.#seen.push({ line, written }), new Set());
  }

  /** What was added, from the first line on where nothing was read before, in pieces. Throws what reading does. */
  async *more(): AsyncGenerator<readonly ReadEntry[], void, undefined> {
    for await (const lines of this.#added()) {
      for (const { file, bytes, ended = true } of lines) {
        if (file !== this.#file) this.#judge.begin(file);
        this.#file = file;
        this.#judge.take(bytes, ended);
      }
      yield this.#taken();
    }
  }

  /** The parts at the very end of an entry that is not whole, for whoever reads no further. */
  rest(): readonly ReadEntry[] {
    this.#judge.end();
    return this.#taken();
  }

  /** Whether something that was read is not as it was written. */
  get isAltered(): boolean {
    return this.#judge.hasFaults;
  }

  #taken(): ReadEntry[] {
    const seen = this.#seen;
    this.#seen = [];
    return seen;
  }
}

/** The lines of files that grow, each once: every call gives those behind the ones before. Throws `file_system`. */
export function growingFiles(folder: string): () => AsyncIterable<readonly RecordedLine[]> {
  let [file, through] = ['', 0];
  return async function* () {
    const names = (await recordFiles(folder)).filter((name) => name >= file);
    const size = file === '' ? 0 : await fileSize(join(folder, file));
    if (size === undefined || size < through) {
      throw new FileError('could not read on', join(folder, file), new Error('it has less than what was read of it'));
    }
    for (const name of names) {
      if (name !== file) [file, through] = [name, 0];
      for await (const lines of readLines(join(folder, name), longestLine, through)) {
        // What has no end yet is being written, unless another file follows.
        const added = lines.filter(({ ended }) => ended || name !== names.at(-1));
        through = added.at(-1)?.through ?? through;
        if (added.length > 0) yield added.map(({ bytes, ended }) => ({ file: name, bytes, ended }));
      }
    }
  };
}

type Part = Extract<Entry, { kind: 'part' }>;

class Judge {
  private head: Head | undefined;
  private lines = 0;
  private readonly findings: Finding[] = [];
  private readonly said = { fault: 0, notice: 0 };
  private file = '';
  private before = '';
  private line = 0;
  /** Whether the file has had the line that says where it goes on from; a crash may have come before it. */
  private isJoined = true;
  /** A line that is none, which the next one has to explain. */
  private torn: { bytes: number; digest: string; line: number } | undefined;
  /** The parts so far of an entry that is longer than a line. */
  private parts: Part[] = [];
  /** Lines that nobody has seen yet, as they stand there, and the last of them: an entry may come of them. */
  private unseen: { line: Line; written: string } | undefined;
  private firstPart = 0;
  private lastAt = '';
  private readonly intents = new Map<string, number>();
  private readonly seen: (line: Line, written: string) => void;

  private readonly wanted: ReadonlySet<number>;
  private readonly hashes = new Map<number, string>();

  constructor(seen: (line: Line, written: string) => void, wanted: ReadonlySet<number>) {
    this.seen = seen;
    this.wanted = wanted;
  }

  begin(file: string): void {
    this.settleTorn();
    [this.before, this.file, this.line] = [this.file, file, 0];
    this.isJoined = this.before === '';
  }

  take(bytes: Uint8Array, ended: boolean): void {
    this.line += 1;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    const line = ended ? readLine(text) : undefined;
    if (line === undefined) {
      this.settleTorn();
      this.torn = { bytes: bytes.byteLength, digest: sha256(bytes), line: this.line };
      return;
    }
    const { entry } = line;
    if (this.torn !== undefined && isRepairOf(entry, this.torn)) {
      this.say('notice', 'a crash left a piece of a line before this one', this.torn.line);
      this.torn = undefined;
    }
    this.settleTorn();
    this.judgePlace(line);
    const whole = this.wholeOf(entry);
    if (whole !== undefined) this.judgeEntry(whole);
    if (line.at < this.lastAt) this.say('notice', 'the clock went back');
    this.lastAt = line.at;
    this.head = { log: line.log, count: line.count, hash: sha256(bytes) };
    if (this.wanted.has(line.count)) this.hashes.set(line.count, this.head.hash);
    this.lines += 1;
    if (whole === entry) {
      this.seen(line, text);
      return;
    }
    const written = this.unseen === undefined ? text : `${this.unseen.written}\n${text}`;
    this.unseen = whole === undefined ? { line, written } : undefined;
    if (whole !== undefined) this.seen({ ...line, entry: whole }, written);
  }

  get hasFaults(): boolean {
    return this.said.fault > 0;
  }

  end(): Verified {
    this.settleParts();
    if (this.torn !== undefined) {
      this.say('notice', 'the last line is not whole: a run was cut off, and the next one will say so', this.torn.line);
    }
    for (const line of this.intents.values()) this.say('notice', 'nothing says how this act ended', line);
    return { head: this.head, lines: this.lines, findings: this.findings, hashes: this.hashes };
  }

  private judgePlace({ log, count, previous, entry }: Line): void {
    const { head } = this;
    if (head === undefined) {
      // Where a crash left a piece of the very first line, the record begins with that.
      const begins = entry.kind === 'began' || entry.kind === 'repaired';
      if (count !== 1 || previous !== noHash || !begins) this.say('fault', 'lines are missing before this one');
      return;
    }
    if (log !== head.log) this.say('fault', 'this line is of another record');
    else if (count !== head.count + 1) {
      this.say(
        'fault',
        `this is line ${count} of the record, after line ${head.count}: lines are missing, doubled or moved`,
      );
    } else if (previous !== head.hash) this.say('fault', 'the line before this one is not the one that was written');
    const joins = entry.kind === 'continued';
    if (joins ? this.isJoined || entry.file !== this.before : !this.isJoined && entry.kind !== 'repaired') {
      this.say('fault', 'files are missing or out of order before this line');
    }
    if (entry.kind !== 'repaired') this.isJoined = true;
  }

  private judgeEntry(entry: Entry): void {
    if (entry.kind === 'intent') {
      if (this.intents.has(entry.id)) this.say('fault', 'an act that was announced twice');
      this.intents.set(entry.id, this.line);
    }
    if (entry.kind === 'outcome' && !this.intents.delete(entry.id))
      this.say('fault', 'an outcome of an act that was never announced');
  }

  /** An entry that was too long for one line, at its last part; undefined before. Every other entry is whole. */
  private wholeOf(entry: Entry): Entry | undefined {
    // A further file may begin between two parts.
    if (entry.kind === 'continued' && this.unseen !== undefined) return undefined;
    if (entry.kind !== 'part') {
      this.settleParts();
      return entry;
    }
    if (entry.part === 1) this.settleParts();
    if (entry.part !== this.parts.length + 1 || entry.part > entry.parts) {
      this.say('fault', 'this part of an entry does not belong to those before it');
      return undefined;
    }
    if (entry.part === 1) this.firstPart = this.line;
    this.parts.push(entry);
    if (entry.part < entry.parts) return undefined;
    const whole = readParts(this.parts);
    this.parts = [];
    if (whole === undefined) this.say('fault', 'the parts up to this one are not those of one entry');
    return whole;
  }

  private settleParts(): void {
    if (this.parts.length > 0) this.say('notice', 'a run was cut off within this entry', this.firstPart);
    if (this.unseen !== undefined) this.seen(this.unseen.line, this.unseen.written);
    this.parts = [];
    this.unseen = undefined;
  }

  private settleTorn(): void {
    if (this.torn !== undefined) this.say('fault', 'this is no line of a record', this.torn.line);
    this.torn = undefined;
  }

  private say(severity: Finding['severity'], what: string, line = this.line): void {
    // Counted apart: however much there is to notice, no fault is left out for it.
    this.said[severity] += 1;
    if (this.said[severity] <= mostFindings) this.findings.push({ severity, file: this.file, line, what });
  }
}

function isRepairOf(entry: Entry, torn: { bytes: number; digest: string }): boolean {
  return entry.kind === 'repaired' && entry.bytes === torn.bytes && entry.digest === torn.digest;
}

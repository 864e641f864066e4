/**
 * The record of all replicas in one database: one chain. Whoever writes has the row with its end, so that each line follows
 * the one that was there, and what arrives together in one replica is written together. A write of which nobody knows whether
 * it was done is looked for, under the same row, before it is done again: a line is never there twice.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { Database, Query } from '../outside/postgres.ts';
import { readLines } from '../outside/read-lines.ts';
import { patiently } from '../stores/postgres/patiently.ts';
import { sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import { type Cursor, cursorIn, cursorsIn, recordFiles } from './files.ts';
import { checkpointsIn } from './kept-checkpoints.ts';
import { type Entry, type Head, inLines, readLine, writeLine } from './line.ts';
import type { Checkpoints, RecordLog } from './record-log.ts';
import { longestLine, type RecordedLine, type Verified } from './verify.ts';

/** Lines that are written at once, and lines that are read at once. */
const largestBatch = 500;
const largestRead = 200;

interface Waiting {
  entry: Entry;
  done(head: Head): void;
  failed(error: unknown): void;
}

/** What is known of the end of the chain. Before the first line there is no log yet. */
interface End {
  head: Head;
  file: string;
}

/** The record in a database. */
export function recordInDatabase(database: Database): RecordLog {
  const waiting: Waiting[] = [];
  let isWriting = false;
  let known: End | undefined;

  const write = async () => {
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, largestBatch);
      try {
        const { heads, end } = await appendLines(
          database,
          batch.map(({ entry }) => entry),
          known,
        );
        known = end;
        for (const [index, { done }] of batch.entries()) done(heads[index] as Head);
      } catch (error) {
        // What waits behind it came later and may still be written: the database may be there again.
        for (const { failed } of batch) failed(error);
      }
    }
    isWriting = false;
  };

  return {
    where: database.where,
    verify: async (take, wanted) => await verifyInDatabase(database, take, wanted),
    reading: async () => {
      const { RecordReading } = await import('./verify.ts');
      let read = 0;
      return new RecordReading(async function* () {
        const { head } = await patiently(() => endOf(database.query, ''));
        for await (const { lines, through } of linesBetween(database, read, head.count)) {
          read = through;
          yield lines;
        }
        if (read < head.count) throw shorter(database, head.count, read);
      });
    },
    async since(count, take) {
      const { head } = await patiently(() => endOf(database.query, ''));
      if (count === undefined) return head.count;
      for await (const { lines } of linesBetween(database, count, head.count)) {
        for (const { bytes } of lines) {
          const line = readLine(Buffer.from(bytes).toString('utf8'));
          if (line !== undefined) take?.(line);
        }
      }
      return head.count;
    },
    checkpoints: checkpointsInDatabase(database),
    cursor: (name) => mark(database, `export-${name}`),
    append: (entry) =>
      new Promise<Head>((resolve, reject) => {
        const failed = (error: unknown) => reject(unwritable(database.where, error));
        const lines = inLines(entry);
        for (const [index, line] of lines.entries()) {
          waiting.push({ entry: line, done: index === lines.length - 1 ? resolve : () => {}, failed });
        }
        if (!isWriting) void write();
      }),
  };
}

/** Whether there is a line already. */
export async function holdsRecord(database: Database): Promise<boolean> {
  return (await endOf(database.query, '')).head.count > 0;
}

/** What was written, or is about to be: the head that each line makes, and where that ends. */
interface Written {
  first: string;
  count: number;
  heads: Head[];
  end: End;
}

/** So often lines are written behind the end that is known, before everybody else has to wait for this one. */
const mostGuesses = 2;

/** Appends lines, all or none. `known` is where the chain was seen to end last; it may have grown since. */
async function appendLines(
  database: Database,
  entries: readonly Entry[],
  known: End | undefined,
): Promise<Pick<Written, 'heads' | 'end'>> {
  /**
   * What earlier tries were about to write. Nobody knows whether they did, and the first may do so last: a statement that was
   * given up can still be on its way.
   */
  const tried: Written[] = [];
  return await patiently(async () => {
    let guess = tried.length === 0 ? known : undefined;
    for (let guesses = 0; guess !== undefined && guess.head.count > 0 && guesses < mostGuesses; guesses += 1) {
      const made = writtenAfter(guess, entries);
      tried.push(made.written);
      const found = await putBehind(database.query, guess, made);
      if (found === undefined) return made.written;
      // That one is known: it wrote nothing.
      tried.pop();
      guess = found;
    }
    return await database.transaction(async (query) => {
      // Whoever was writing has ended once this row is ours, well or not.
      const end = await endOf(query, 'for update');
      if (tried.length > 0) {
        const there = await query<{ count: string; line: string }>(
          'select count::text, line from console.record_lines where count = any($1::bigint[])',
          [tried.map(({ count }) => String(count))],
        );
        const lines = new Map(there.map(({ count, line }) => [Number(count), line]));
        const done = tried.find(({ count, first }) => lines.get(count) === first);
        if (done !== undefined) return done;
      }
      const made = writtenAfter(end, entries);
      tried.push(made.written);
      await put(query, {
        file: end.file,
        texts: made.texts,
        torn: made.texts.map(() => null),
        from: end.head.count,
        head: made.written.end.head,
      });
      return made.written;
    });
  });
}

/** The lines behind an end. The very first ones begin the chain. */
function writtenAfter({ head, file }: End, entries: readonly Entry[]): { texts: string[]; written: Written } {
  const began: Entry[] = head.count === 0 ? [{ kind: 'began' }] : [];
  const start = head.count === 0 ? { ...head, log: randomUUID() } : head;
  const { texts, heads } = linesAfter(start, [...began, ...entries]);
  const written = {
    first: texts[0] ?? '',
    count: head.count + 1,
    heads: heads.slice(began.length),
    end: { head: heads.at(-1) ?? head, file },
  };
  return { texts, written };
}

function linesAfter(start: Head, entries: readonly Entry[]): { texts: string[]; heads: Head[] } {
  const texts: string[] = [];
  const heads: Head[] = [];
  let head = start;
  for (const entry of entries) {
    const line = writeLine(head, entry, clock.now().toISOString());
    ({ head } = line);
    texts.push(line.text);
    heads.push(head);
  }
  return { texts, heads };
}

interface Put {
  file: string;
  texts: readonly string[];
  torn: readonly (string | null)[];
  /** How many lines there are before these. */
  from: number;
  head: Head;
}

/** The lines and the new end in one statement. Two of one count cannot be. */
async function put(query: Query, { file, texts, torn, from, head }: Put): Promise<void> {
  await query(
    `with added as (
       insert into console.record_lines (count, file, line, torn)
       select $1::bigint + place, $2::text, line, decode(torn, 'base64')
       from unnest($3::text[], $4::text[]) with ordinality as given (line, torn, place)
     )
     update console.record_head set log = $5::uuid, count = $6::bigint, hash = $7::text, file = $2::text`,
    [String(from), file, texts, torn, head.log, String(head.count), head.hash],
  );
}

/**
 * The same in one statement that is a transaction of its own, where the chain ends as it was seen to. Undefined where it did;
 * else nothing was written, and it says where it ends.
 */
async function putBehind(
  query: Query,
  { head, file }: End,
  { texts, written }: { texts: readonly string[]; written: Written },
): Promise<End | undefined> {
  const { head: made } = written.end;
  const rows = await query<EndRow & { put: boolean }>(
    `with mine as (
       update console.record_head set log = $4::uuid, count = $5::bigint, hash = $6::text
       where count = $1::bigint and hash = $7::text and file = $2::text returning 1
     ), added as (
       insert into console.record_lines (count, file, line)
       select $1::bigint + place, $2::text, line from unnest($3::text[]) with ordinality as given (line, place)
       where exists (select 1 from mine)
     )
     select log::text, count::text, hash, file, exists (select 1 from mine) as put from console.record_head`,
    [String(head.count), file, texts, made.log, String(made.count), made.hash, head.hash],
  );
  const end = endIn(rows);
  return rows[0]?.put === true ? undefined : end;
}

interface EndRow {
  log: string | null;
  count: string;
  hash: string;
  file: string;
}

async function endOf(query: Query, lock: 'for update' | ''): Promise<End> {
  return endIn(await query<EndRow>(`select log::text, count::text, hash, file from console.record_head ${lock}`));
}

function endIn([row]: readonly EndRow[]): End {
  if (row === undefined) throw new AppError('record_altered', 'the row with the end of the record is gone');
  return { head: { log: row.log ?? '', count: Number(row.count), hash: row.hash }, file: row.file };
}

/** What stands in the table, judged as what stands in files; and whether it ends where the last write said. */
async function verifyInDatabase(
  database: Database,
  take?: Parameters<RecordLog['verify']>[0],
  wanted?: ReadonlySet<number>,
): Promise<Verified> {
  const { verifyLines } = await import('./verify.ts');
  const { head, file } = await patiently(() => endOf(database.query, ''));
  const verified = await verifyLines(linesUpTo(database, head.count), take, wanted);
  const { head: found } = verified;
  const isEnd = found === undefined ? head.count === 0 : found.count === head.count && found.hash === head.hash;
  if (!isEnd) {
    const what = `lines are missing at the end: the last write made ${head.count} of them`;
    verified.findings.push({ severity: 'fault', file, line: (found?.count ?? 0) + 1, what });
  }
  return verified;
}

async function* linesUpTo(database: Database, last: number): AsyncGenerator<RecordedLine[]> {
  for await (const { lines } of linesBetween(database, 0, last)) yield lines;
}

/** The lines behind one count, up to another one, and the count of the last of each piece. */
async function* linesBetween(
  database: Database,
  behind: number,
  last: number,
): AsyncGenerator<{ lines: RecordedLine[]; through: number }> {
  for (let after = behind; ; ) {
    const rows = await patiently(() =>
      database.query<{ count: string; file: string; line: string; torn: Buffer | null }>(
        `select count::text, file, line, torn from console.record_lines
         where count > $1::bigint and count <= $2::bigint order by record_lines.count limit $3::integer`,
        [String(after), String(last), largestRead],
      ),
    );
    const end = rows.at(-1);
    if (end === undefined) return;
    after = Number(end.count);
    const lines = rows.flatMap(({ file, line, torn }) => [
      ...(torn === null ? [] : [{ file, bytes: torn }]),
      { file, bytes: Buffer.from(line, 'utf8') },
    ]);
    yield { lines, through: after };
  }
}

function shorter({ where }: Database, said: number, found: number): AppError {
  const what = `the record in ${quote(where)} has ${found} lines, and the last write made ${said} of them`;
  return new AppError('record_altered', what, { hint: 'see what is wrong with it: setup-session audit verify' });
}

/**
 * Puts a record that was in files into a database without a line, byte for byte: its chain, its files' names and its checkpoints
 * stay as they were. A piece that a crash left at the very end is told as the next writer would have told it. Gives where it
 * ends. Throws `record_altered` for a record that has a fault, and where the database has lines already.
 */
export async function importRecord(database: Database, folder: string): Promise<Head | undefined> {
  const { verifyRecord } = await import('./verify.ts');
  const fault = (await verifyRecord(folder)).findings.find(({ severity }) => severity === 'fault');
  if (fault !== undefined) {
    throw new AppError('record_altered', `${quote(folder)}, ${fault.file}, line ${fault.line}: ${fault.what}`);
  }
  const head = await database.transaction(async (query) => {
    const { head: there } = await endOf(query, 'for update');
    if (there.count > 0)
      throw new AppError('record_altered', `the database ${quote(database.where)} has a record already`);
    let [end, torn]: [Head, Uint8Array | undefined] = [there, undefined];
    let batch: { file: string; line: Uint8Array; torn: string | null }[] = [];
    const flush = async (file: string) => {
      if (batch.length === 0) return;
      await put(query, {
        file,
        texts: batch.map(({ line }) => Buffer.from(line).toString('utf8')),
        torn: batch.map((each) => each.torn),
        from: end.count - batch.length,
        head: end,
      });
      batch = [];
    };
    let last = '';
    for (const file of await recordFiles(folder)) {
      for await (const lines of readLines(join(folder, file), longestLine)) {
        for (const { bytes } of lines) {
          // What is read next may be in the same place.
          const line = Uint8Array.from(bytes);
          const read = readLine(Buffer.from(line).toString('utf8'));
          if (read === undefined) {
            torn = line;
            continue;
          }
          batch.push({ file, line, torn: base64Of(torn) });
          [end, torn] = [{ log: read.log, count: read.count, hash: sha256(line) }, undefined];
          if (batch.length >= largestBatch) await flush(file);
        }
      }
      await flush(file);
      last = file;
    }
    if (torn === undefined) return end;
    const told: Entry = { kind: 'repaired', bytes: torn.byteLength, digest: sha256(torn) };
    const { texts, heads } = linesAfter(end, [told]);
    await put(query, { file: last, texts, torn: [base64Of(torn)], from: end.count, head: heads[0] ?? end });
    return heads[0] ?? end;
  });
  const [from, to] = [checkpointsIn(folder), checkpointsInDatabase(database)];
  for (const { from: name, note } of await from.all()) await to.keep(Number(/\d+/.exec(name)?.[0]), note);
  const key = await from.key();
  if (key !== undefined) await to.keepKey(key);
  for (const name of await cursorsIn(folder)) {
    const text = await cursorIn(folder, name).read();
    if (text !== undefined) await mark(database, `export-${name}`).write(text);
  }
  return head.count === 0 ? undefined : head;
}

function base64Of(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : Buffer.from(bytes).toString('base64');
}

function checkpointsInDatabase(database: Database): Checkpoints {
  const key = mark(database, 'checkpoint.vkey');
  return {
    async all() {
      const rows = await patiently(() =>
        database.query<{ count: string; note: string }>('select count::text, note from console.record_notes'),
      );
      return rows.map(({ count, note }) => ({ from: `checkpoint ${count}`, note }));
    },
    async last() {
      const [row] = await patiently(() =>
        database.query<{ count: string; at: string }>(
          `select count::text, (extract(epoch from at) * 1000)::bigint::text as at
           from console.record_notes order by record_notes.count desc limit 1`,
        ),
      );
      return row && { count: Number(row.count), at: new Date(Number(row.at)) };
    },
    async keep(count, note) {
      await patiently(() =>
        database.query(
          'insert into console.record_notes (count, note) values ($1::bigint, $2::text) on conflict (count) do nothing',
          [String(count), note],
        ),
      );
      return `${database.where} checkpoint ${count}`;
    },
    key: () => key.read(),
    async keepKey(verifierKey) {
      await patiently(() =>
        database.query(
          'insert into console.record_marks (name, text) values ($1::text, $2::text) on conflict (name) do nothing',
          ['checkpoint.vkey', verifierKey],
        ),
      );
      // Whoever was first: a second statement reads what won.
      return (await key.read()) === verifierKey;
    },
  };
}

/** A small text of the record's own. */
function mark(database: Database, name: string): Cursor {
  return {
    async read() {
      const [row] = await patiently(() =>
        database.query<{ text: string }>('select text from console.record_marks where name = $1::text', [name]),
      );
      return row?.text;
    },
    async write(text) {
      await patiently(() =>
        database.query(
          `insert into console.record_marks (name, text) values ($1::text, $2::text)
           on conflict (name) do update set text = excluded.text`,
          [name, text],
        ),
      );
    },
  };
}

function unwritable(where: string, cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const hint = cause instanceof AppError ? cause.hint : undefined;
  return new AppError('record_unwritable', `the record in ${quote(where)} cannot be written: ${why}`, {
    cause,
    ...(hint !== undefined && { hint: `nothing was done; ${hint}` }),
  });
}

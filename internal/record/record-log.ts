/**
 * The record behind one port: lines that are only ever added, and can be read and judged. Files of one machine implement it
 * (log.ts); a database can. What every implementation has to do is test/support/record-contract.ts.
 */
import type { Cursor } from './files.ts';
import type { Entry, Head, Line } from './line.ts';
import type { RecordReading, Verified } from './verify.ts';

/** A record. */
export interface RecordLog {
  /** Where it is, for messages. */
  where: string;
  /**
   * Resolves, with the end of the chain that it makes, when the line is on the disk. Throws `record_unwritable`: then nothing that
   * it announces may be done. `written` is called once the line outlives this process, for whoever need not wait until it
   * outlives the machine; not at all where that is one and the same.
   */
  append(entry: Entry, written?: () => void): Promise<Head>;
  /** Reads all of it and judges it. `take` sees every line that is whole, and how it is written, also behind a fault, an entry in parts as one; the hashes of the lines `wanted` are kept. Throws `file_system`. */
  verify(take?: (line: Line, written: string) => void, wanted?: ReadonlySet<number>): Promise<Verified>;
  /** Reads it from its first line, and each further time from where it was read to. */
  reading(): Promise<RecordReading>;
  /** The lines behind a count, as they are written and unjudged, and the count of the last one; without a count, that of the last alone. Left out where one process writes all of it. */
  since?(count: number | undefined, take?: (line: Line) => void): Promise<number>;
  /**
   * Keeps what it writes to open until what this returns is called: whoever appends all day pays for opening once. Others
   * write meanwhile. Left out where nothing is opened.
   */
  keepOpen?(): () => void;
  checkpoints: Checkpoints;
  /** How far a sink has come, by a name of its own. */
  cursor(name: string): Cursor;
}

/** A checkpoint that is kept somewhere. */
export interface KeptNote {
  /** Where, for messages. */
  from: string;
  note: string;
}

/** The checkpoints beside a record. Every call throws `file_system` where it cannot be carried out. */
export interface Checkpoints {
  all(): Promise<KeptNote[]>;
  /** The one of the most lines, and when it was made. */
  last(): Promise<{ count: number; at: Date } | undefined>;
  /** Keeps a note; of one count the first stays. Says where it is. */
  keep(count: number, note: string): Promise<string>;
  /** The public key beside the record, in the form that public tools take. */
  key(): Promise<string | undefined>;
  /** Keeps it; false where another one is there. */
  keepKey(verifierKey: string): Promise<boolean>;
}

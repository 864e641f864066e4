/**
 * The record behind one port: lines that are only ever added, and can be read and judged. Files of one machine implement it
 * (log.ts); a database can. What every implementation has to do is test/support/record-contract.ts.
 */
import type { Entry, Line } from './line.ts';
import type { Verified } from './verify.ts';

/** A record. */
export interface RecordLog {
  /** Where it is, for messages. */
  where: string;
  /** Resolves when the line is on the disk. Throws `record_unwritable`: then nothing that it announces may be done. */
  append(entry: Entry): Promise<void>;
  /** Reads all of it and judges it. `take` sees every line that is whole, also behind a fault. Throws `file_system`. */
  verify(take?: (line: Line) => void): Promise<Verified>;
}

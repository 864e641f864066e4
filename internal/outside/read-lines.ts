/** A file, line by line, as bytes: what is judged by its digest must not have become text before. */
import { createReadStream } from 'node:fs';

/** A line without its end; `ended` is false for a last one that has none. */
export interface ReadLine {
  bytes: Uint8Array;
  ended: boolean;
}

const pieceBytes = 1024 * 1024;

/** The lines of a file. Throws the system's error where it cannot be read. */
export async function* readLines(path: string): AsyncGenerator<ReadLine, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of createReadStream(path, { highWaterMark: pieceBytes })) {
    const bytes = rest.length === 0 ? (piece as Buffer) : Buffer.concat([rest, piece as Buffer]);
    let from = 0;
    for (let to = bytes.indexOf(0x0a); to >= 0; to = bytes.indexOf(0x0a, from)) {
      yield { bytes: bytes.subarray(from, to), ended: true };
      from = to + 1;
    }
    rest = bytes.subarray(from);
  }
  if (rest.length > 0) yield { bytes: rest, ended: false };
}

/** A file, line by line, as bytes: what is judged by its digest must not have become text before. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { FileError } from './files.ts';

/** A line without its end; `ended` is false for a last one that has none. */
export interface ReadLine {
  bytes: Uint8Array;
  ended: boolean;
  /** Where the next one begins, in bytes from the begin of the file. */
  through: number;
}

const pieceBytes = 1024 * 1024;

/**
 * The lines of an ordinary file behind a place, as many at once as there are in a piece of it: to wait for each costs more than
 * to read it. One longer than `longest` bytes comes in pieces of that length, as if each were a line. Throws `file_system`; a
 * pipe in its place is not waited for.
 */
export async function* readLines(
  path: string,
  longest: number,
  behind = 0,
): AsyncGenerator<ReadLine[], void, undefined> {
  const failed = (cause: unknown) => new FileError('could not read', path, cause);
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((cause: unknown) => {
    throw failed(cause);
  });
  try {
    if (!(await file.stat()).isFile()) throw failed(new Error('it is not an ordinary file'));
    let rest: Buffer = Buffer.alloc(0);
    /** Where the rest begins. */
    let place = behind;
    for (;;) {
      const at = place + rest.length;
      const { bytesRead, buffer } = await file.read(Buffer.alloc(pieceBytes), 0, pieceBytes, at).catch((cause) => {
        throw failed(cause);
      });
      if (bytesRead === 0) break;
      const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      const lines: ReadLine[] = [];
      let from = 0;
      for (let to = bytes.indexOf(0x0a); to >= 0; to = bytes.indexOf(0x0a, from)) {
        lines.push({ bytes: bytes.subarray(from, to), ended: true, through: place + to + 1 });
        from = to + 1;
      }
      for (; bytes.length - from > longest; from += longest) {
        lines.push({ bytes: bytes.subarray(from, from + longest), ended: true, through: place + from + longest });
      }
      rest = bytes.subarray(from);
      place += from;
      yield lines;
    }
    if (rest.length > 0) yield [{ bytes: rest, ended: false, through: place + rest.length }];
  } finally {
    await file.close();
  }
}

/**
 * A file that only grows, of this account alone: opened for appending, written in single writes (the promise form of
 * appendFile makes several of a large text, and two processes' pieces then mix). All but the wait for the disk is done at
 * once: whoever holds a lock meanwhile gives it back sooner than any thread would have begun.
 */
import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** A file that is open for appending. Every method throws the system's error. */
export interface AppendOnlyFile {
  size(): number;
  /** The bytes from a place to the end, or as many as there are room for. */
  read(from: number, length: number): Buffer;
  /** Writes all of it in one write. Throws where less was written. */
  append(bytes: Uint8Array): void;
  /** Waits until the disk has all that was written to the file by anybody. */
  onDisk(): Promise<void>;
  /** The same, while everything waits: nothing may be written elsewhere before. */
  onDiskNow(): void;
  /** It stays open until it was closed once more. */
  share(): void;
  close(): void;
}

/** Less was written than was given: the disk is full, or a limit is reached. */
class WrittenInPart extends Error {
  override readonly name: string = 'WrittenInPart';
}

/** Others may neither read nor write it. */
const modeOfFile = 0o600;
const forbidden = 0o077;

/** What the name of a mark ends with: the disk once did not keep what was written to the file before it. */
export const unkeptMark = '.unkept';
const pieceBytes = 1024 * 1024;

/**
 * Opens a file, or makes it; whoever does so is the only one who writes to it. Throws where it is a link, no ordinary file,
 * somebody else's, or open to others. Where the disk once did not keep what was written to it, all of it is written again
 * first, and it throws where the disk does not keep that.
 */
export function openAppendOnly(path: string): AppendOnlyFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  const file = openSync(path, flags | (constants.O_NONBLOCK ?? 0), modeOfFile);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new Error('it is not an ordinary file');
    const own = process.getuid?.();
    if (own !== undefined && (stats.uid !== own || (stats.mode & forbidden) !== 0)) {
      throw new Error(
        `it belongs to uid ${stats.uid} with mode ${(stats.mode & 0o777).toString(8)}; chmod 600 it if it is yours`,
      );
    }
    // A file that was just made has to be found again after a crash.
    if (stats.size === 0) syncFolder(dirname(path));
    writeAgainWhereUnkept(path);
  } catch (error) {
    closeSync(file);
    throw error;
  }
  let users = 1;
  return {
    size: () => fstatSync(file).size,
    read(from, length) {
      const buffer = Buffer.allocUnsafe(length);
      return buffer.subarray(0, readSync(file, buffer, 0, length, from));
    },
    append(bytes) {
      const bytesWritten = writeSync(file, bytes);
      if (bytesWritten !== bytes.byteLength) {
        throw new WrittenInPart(`${bytesWritten} of ${bytes.byteLength} bytes were written`);
      }
    },
    onDisk: () =>
      new Promise((resolve, reject) =>
        fdatasync(file, (error) => {
          if (error === null) resolve();
          else {
            markUnkept(path);
            reject(error);
          }
        }),
      ),
    onDiskNow() {
      try {
        fdatasyncSync(file);
      } catch (error) {
        markUnkept(path);
        throw error;
      }
    },
    share() {
      users += 1;
    },
    close() {
      users -= 1;
      if (users === 0) closeSync(file);
    },
  };
}

/**
 * The system tells a failure to those who had the file open, and takes what is in memory for written from then on: whoever
 * opens it later would be told that the disk has it. So they are told by a file beside it.
 */
function markUnkept(path: string): void {
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    closeSync(openSync(path + unkeptMark, flags, modeOfFile));
    syncFolder(dirname(path));
  } catch {
    // Whoever wrote is told of the failure itself; that the next one is told too is all that is lost.
  }
}

/** Writes every byte in its own place, so that the system takes none of them for written, and waits for the disk. */
function writeAgainWhereUnkept(path: string): void {
  if (lstatSync(path + unkeptMark, { throwIfNoEntry: false }) === undefined) return;
  const file = openSync(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0));
  try {
    const buffer = Buffer.allocUnsafe(pieceBytes);
    for (let at = 0; ; ) {
      const length = readSync(file, buffer, 0, pieceBytes, at);
      if (length === 0) break;
      if (writeSync(file, buffer, 0, length, at) !== length)
        throw new WrittenInPart(`${path} was written again in part`);
      at += length;
    }
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
  unlinkSync(path + unkeptMark);
}

function syncFolder(path: string): void {
  try {
    const folder = openSync(path, constants.O_RDONLY);
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch {
    // Not every system opens folders; the file itself is on the disk either way once it is synced.
  }
}

/**
 * A file that only grows, of this account alone: opened for appending, written in single writes (the promise form of
 * appendFile makes several of a large text, and two processes' pieces then mix), and on the disk before a write is done.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A file that is open for appending. Every method throws the system's error. */
export interface AppendOnlyFile {
  size(): Promise<number>;
  /** The bytes from a place to the end, or as many as there are room for. */
  read(from: number, length: number): Promise<Buffer>;
  /** Writes all of it in one write and waits until the disk has it. Throws where less was written. */
  append(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Less was written than was given: the disk is full, or a limit is reached. */
class WrittenInPart extends Error {
  override readonly name: string = 'WrittenInPart';
}

/** Others may neither read nor write it. */
const modeOfFile = 0o600;
const forbidden = 0o077;

/** Opens a file, or makes it. Throws where it is a link, no ordinary file, somebody else's, or open to others. */
export async function openAppendOnly(path: string): Promise<AppendOnlyFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  const file = await open(path, flags | (constants.O_NONBLOCK ?? 0), modeOfFile);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error('it is not an ordinary file');
    const own = process.getuid?.();
    if (own !== undefined && (stats.uid !== own || (stats.mode & forbidden) !== 0)) {
      throw new Error(
        `it belongs to uid ${stats.uid} with mode ${(stats.mode & 0o777).toString(8)}; chmod 600 it if it is yours`,
      );
    }
    // A file that was just made has to be found again after a crash.
    if (stats.size === 0) await syncFolder(dirname(path));
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    size: async () => (await file.stat()).size,
    async read(from, length) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, from);
      return buffer.subarray(0, bytesRead);
    },
    async append(bytes) {
      const { bytesWritten } = await file.write(bytes);
      if (bytesWritten !== bytes.byteLength) {
        throw new WrittenInPart(`${bytesWritten} of ${bytes.byteLength} bytes were written`);
      }
      await file.datasync();
    },
    close: () => file.close(),
  };
}

async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle | undefined;
  try {
    folder = await open(path, constants.O_RDONLY);
    await folder.sync();
  } catch {
    // Not every system opens folders; the file itself is on the disk either way once it is synced.
  } finally {
    await folder?.close();
  }
}

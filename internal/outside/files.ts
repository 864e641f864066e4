/** The disk: the only file that reads or writes it, apart from the account database of the operating system. */
import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { copyFile, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { clock, giveWay } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';

/** `file_system`: what could not be done to which file. Where many files are gone through, it is told of beside the others. */
export class FileError extends AppError {
  override readonly name: string = 'FileError';
  /** The system's word for the reason, such as `EACCES`, or ours. */
  readonly reason: string;

  constructor(what: string, path: string, cause: unknown, hint?: string) {
    const reason = cause instanceof NoFile ? cause.message : reasonOf(cause);
    super('file_system', `${what} ${quote(path)}: ${reason}`, { cause, ...(hint !== undefined && { hint }) });
    this.reason = reason;
  }
}

/** A pipe, a socket or a device where a file should be. */
class NoFile extends Error {
  override readonly name: string = 'NoFile';
}

/**
 * Opening a pipe waits for somebody at its other end, in a thread that nothing interrupts: nothing here is opened so.
 * (Windows knows no such flag, and no pipes among its files.)
 */
const unwaited = constants.O_NONBLOCK ?? 0;

/** The UTF-8 text of a file, or undefined where there is none. Throws `file_system` for anything else, never waits for a pipe. */
export async function readText(path: string): Promise<string | undefined> {
  return (await readBytes(path))?.toString('utf8');
}

/** The bytes of a file, or undefined where there is none. Throws `file_system` for anything else, such as more than `longestBytes`. */
export async function readBytes(path: string, longestBytes = Number.POSITIVE_INFINITY): Promise<Buffer | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | unwaited);
    try {
      const stats = await file.stat();
      if (!stats.isFile() && !stats.isDirectory()) throw new NoFile('it is not an ordinary file');
      if (stats.size > longestBytes)
        throw new FileError('could not read', path, new NoFile(`it is longer than ${longestBytes} bytes`));
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    if (cause instanceof FileError) throw cause;
    if (cause instanceof NoFile) {
      throw new FileError('could not read', path, cause, 'put a file in its place, or remove it');
    }
    throw fileError('could not read', path, cause);
  }
}

/** The SHA-256 of an ordinary file in hexadecimal, behind every link; undefined where there is none. Throws `file_system`. */
export async function fileDigest(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | unwaited);
    try {
      if (!(await file.stat()).isFile()) return undefined;
      const hash = createHash('sha256');
      for await (const piece of file.createReadStream({ autoClose: false })) hash.update(piece as Buffer);
      return hash.digest('hex');
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw fileError('could not read', path, cause);
  }
}

/*
 * What is asked of thousands of files in one run is asked synchronously: on a local disk the way through the pool of
 * threads takes several times as long as the answer.
 */

/** How much of a file is in memory at once while it is read in pieces. */
const pieceSize = 2 ** 20;
/** Every reading shares it: between a piece and its being taken nothing else runs. */
let piece: Buffer | undefined;

/**
 * Hands over the bytes of a file that was seen to be `size` bytes long, in pieces of at most 1 MiB; a piece is only good
 * until the next one comes. False where it is gone, is no plain file, has another size or was written to meanwhile: what
 * was handed over is then worth nothing. Links are not followed. Throws {@link FileError} for anything else.
 */
export async function readInPieces(path: string, size: number, take: (piece: Uint8Array) => void): Promise<boolean> {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | unwaited);
    const before = fstatSync(file);
    if (!before.isFile() || before.size !== size) return false;
    // One byte more than there should be: a file that grows is noticed, and never read for ever.
    piece ??= Buffer.allocUnsafe(pieceSize);
    const buffer = piece.subarray(0, Math.min(pieceSize, size + 1));
    let total = 0;
    do {
      // Whoever interrupts a large file is heard between two pieces of it.
      if (total > 0) await giveWay();
      const bytesRead = readSync(file, buffer, 0, buffer.length, null);
      total += bytesRead;
      if (total > size || (bytesRead === 0 && total < size)) return false;
      if (bytesRead > 0) take(buffer.subarray(0, bytesRead));
    } while (total < size);
    const after = fstatSync(file);
    return after.size === size && after.mtimeMs === before.mtimeMs && after.ctimeMs === before.ctimeMs;
  } catch (cause) {
    if (isMissing(cause)) return false;
    throw fileError('could not read', path, cause);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The size of a file in bytes, or undefined where there is none. Throws `file_system` for anything else. */
export async function fileSize(path: string): Promise<number | undefined> {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.size;
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw fileError('could not read', path, cause);
  }
}

/** When a file was last written to, or undefined where there is none. Throws `file_system` for anything else. */
export async function modifiedAt(path: string): Promise<Date | undefined> {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.mtime;
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw fileError('could not read', path, cause);
  }
}

/** One entry of a folder. A symbolic link is `other`: nothing here follows links out of a folder. */
export interface FolderEntry {
  name: string;
  kind: 'file' | 'folder' | 'other';
}

/** The entries of a folder sorted by name (code units), or undefined where there is no such folder. */
export async function listFolder(path: string): Promise<FolderEntry[] | undefined> {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries
      .map((entry) => ({
        name: entry.name,
        kind: entry.isFile() ? ('file' as const) : entry.isDirectory() ? ('folder' as const) : ('other' as const),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw fileError('could not list', path, cause);
  }
}

/**
 * What a symbolic link leads to, at the end of every link on the way; undefined where that is neither a file nor a folder,
 * where there is nothing, or where this is no link. Throws {@link FileError}.
 */
export function linkTarget(path: string): { path: string; kind: 'file' | 'folder' } | undefined {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
    const target = realpathSync.native(path);
    const found = lstatSync(target, { throwIfNoEntry: false });
    if (found?.isFile() === true) return { path: target, kind: 'file' };
    return found?.isDirectory() === true ? { path: target, kind: 'folder' } : undefined;
  } catch (cause) {
    if (isMissing(cause) || hasCode(cause, 'ELOOP')) return undefined;
    throw fileError('could not follow', path, cause);
  }
}

/** The path of a folder without any link in it. Throws {@link FileError}. */
export function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (cause) {
    throw fileError('could not find', path, cause);
  }
}

/** Who may read what is written: `shared` for files of a repository, `private` (0600 in 0700) for a person's state. */
export type Audience = 'shared' | 'private';

/**
 * Replaces a file as a whole: written beside it, synced, renamed. A reader sees the old or the new text,
 * never half of one, also when the process is killed in between. Missing folders are made. A long text is better given in
 * pieces that are made as they are written.
 */
export async function writeText(path: string, text: string | Iterable<string>, audience: Audience): Promise<void> {
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: audience === 'private' ? 0o700 : 0o755 });
    const file = await open(beside, 'wx', audience === 'private' ? 0o600 : 0o644);
    try {
      if (typeof text === 'string') await file.writeFile(text);
      else for (const piece of text) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await whileHeld(() => rename(beside, path));
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => {});
    throw fileError('could not write', path, cause);
  }
}

/**
 * Adds text at the end of a file, which is made where there is none. A pipe or a terminal in its place hears it, where
 * somebody listens there and takes all of it at once. Throws `file_system`.
 */
export async function appendText(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | unwaited, 0o666);
    try {
      await file.appendFile(text);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw fileError('could not write', path, cause);
  }
}

/** Writes a file that must not exist yet; false where it does, which is left as it is. */
export async function createText(path: string, text: string, audience: Audience = 'shared'): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: audience === 'private' ? 0o700 : 0o755 });
    const file = await open(path, 'wx', audience === 'private' ? 0o600 : 0o644);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    return true;
  } catch (cause) {
    // A file where a folder should be is EEXIST as well, but to mkdir.
    const there = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    if (there && 'syscall' in cause && cause.syscall === 'open') return false;
    throw fileError('could not write', path, cause);
  }
}

/**
 * Writes a private file that must not exist yet, as a whole or not at all, also when the process is killed; false where
 * it exists, which is left as it is. Of several that try at once exactly one succeeds.
 */
export async function claimText(path: string, text: string): Promise<boolean> {
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await linkOrCopy(beside, path);
    return true;
  } catch (cause) {
    // The other way to fail: whoever succeeded has tidied up what was beside it.
    if (hasCode(cause, 'EEXIST') || (hasCode(cause, 'ENOENT') && isLink(cause))) return false;
    throw fileError('could not write', path, cause);
  } finally {
    await rm(beside, { force: true }).catch(() => {});
  }
}

/**
 * The same in one step, which needs no file: the text is where a symbolic link leads. In a folder that nobody but us looks
 * into; where it has no such links, the text is in a file after all. Throws `file_system`.
 */
export async function claimByLink(path: string, text: string): Promise<boolean> {
  try {
    // To ask first is cheaper than to be refused.
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return false;
    // On Windows what a link leads to is changed into a path.
    if (process.platform === 'win32') return await claimText(path, text);
    symlinkSync(text, path);
    return true;
  } catch (cause) {
    return hasCode(cause, 'EEXIST') ? false : await claimText(path, text);
  }
}

/** The text that a name was taken for, or undefined where it is free. Throws `file_system`. */
export async function claimedText(path: string): Promise<string | undefined> {
  try {
    return readlinkSync(path);
  } catch (cause) {
    return isMissing(cause) ? undefined : await readText(path);
  }
}

/** Whether a name is taken, which is quickly said of one that is free. Throws `file_system`. */
export async function isClaimed(path: string): Promise<boolean> {
  return (await fileSize(path)) !== undefined;
}

/** Gives a name back that was taken for this text; one that is another's, or free, stays as it is. Throws `file_system`. */
export async function releaseText(path: string, text: string): Promise<void> {
  if ((await claimedText(path)) !== text) return;
  try {
    unlinkSync(path);
  } catch {
    await removeFile(path);
  }
}

/** Gives a file or a folder another name; false where there is none. Throws `file_system` for anything else. */
export async function renameFile(from: string, to: string): Promise<boolean> {
  try {
    await whileHeld(() => rename(from, to));
    return true;
  } catch (cause) {
    if (isMissing(cause)) return false;
    throw fileError('could not rename', from, cause);
  }
}

/** Makes a folder, and those above it; one that is there is as good. Throws `file_system`. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw fileError('could not make the folder', path, cause);
  }
}

/**
 * Writes a file of bytes that must not exist yet, for everybody to read (0644 in folders of 0755). A link in its place is
 * not followed; links on the way to it are, so the folder has to be one that only we write to. Throws `file_system`.
 */
export async function createBytes(path: string, bytes: Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  try {
    const file = await open(path, 'wx', 0o644);
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw fileError('could not write', path, cause);
  }
}

/** Removes a folder with all that it holds; links in it are removed, not followed. Throws `file_system`. */
export async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (cause) {
    throw fileError('could not remove', path, cause);
  }
}

/** Removes a file; one that is gone already is as good. Throws `file_system`. */
export async function removeFile(path: string): Promise<void> {
  try {
    await whileHeld(() => rm(path, { force: true }));
  } catch (cause) {
    throw fileError('could not remove', path, cause);
  }
}

/** How long somebody may hold a file open on Windows, such as one who looks for viruses. */
const longestHeldMs = 2_000;

/**
 * Does something to a file that somebody may have open, which Windows refuses so long, again until they let go. Elsewhere
 * such a refusal is final.
 *
 * @param holds whether an open file is in the way here
 */
export async function whileHeld<Result>(
  act: () => Promise<Result>,
  holds: boolean = process.platform === 'win32',
): Promise<Result> {
  const until = clock.monotonic() + longestHeldMs;
  for (let pauseMs = 10; ; pauseMs *= 2) {
    try {
      return await act();
    } catch (error) {
      const held = ['EPERM', 'EACCES', 'EBUSY'].some((code) => hasCode(error, code));
      if (!holds || !held || clock.monotonic() > until) throw error;
      await clock.pause(pauseMs);
    }
  }
}

/**
 * Gives a file a second name that must not exist yet. Where a disk has no such links, as FAT has none, its text is copied:
 * of several at once still exactly one succeeds, but for a moment a reader may see less than all of it.
 */
export async function linkOrCopy(from: string, to: string, linked: typeof link = link): Promise<void> {
  try {
    await linked(from, to);
  } catch (error) {
    const without = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].some((code) => hasCode(error, code));
    if (!without) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
}

function isLink(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'link';
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
}

function isMissing(error: unknown): boolean {
  // Nothing has a name that is too long to be one.
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].some((code) => hasCode(error, code));
}

function fileError(what: string, path: string, cause: unknown): FileError {
  return new FileError(what, path, cause);
}

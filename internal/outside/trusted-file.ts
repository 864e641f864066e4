/** Files whose text counts only where nobody else could have written it, or read it: owner and mode, looked at before. */
import { constants, type Stats } from 'node:fs';
import { lstat, open, stat } from 'node:fs/promises';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';

/** Somebody else could have changed or read what is there (`file_system`). */
export class Exposed extends AppError {
  constructor(path: string, why: string, correction: string) {
    super('file_system', `${quote(path)} is not used: ${why}`, { hint: `if it is yours and in order: ${correction}` });
  }
}

/** How a file has to be. */
export interface Trust {
  longestBytes: number;
  /** A file of root's is as good as one's own: root can do anything anyway, and mounts what a container is given. */
  rootToo?: boolean;
  /** Symbolic links are followed; then what they lead to is judged. */
  links?: boolean;
  /** The bits of the mode that must not be set. */
  forbidden: number;
  /** The command that takes them away, without the path. */
  correction: string;
}

/** Writable for group or others. */
const writableForOthers = 0o022;
const takeAway = 'chmod go-w';

/** What a person's own small files have to be: theirs, written by nobody else, and no link. */
export function ownFile(longestBytes: number): Trust {
  return { longestBytes, forbidden: writableForOthers, correction: takeAway };
}

/**
 * The UTF-8 text of a file, or undefined where there is none. Throws {@link Exposed}, or `file_system` for what is no
 * ordinary file, cannot be read, or is too long; such a one is never waited for.
 */
export async function readTrusted(path: string, trust: Trust): Promise<string | undefined> {
  // What is judged is what is read, whatever becomes of the name meanwhile; and a pipe is opened without a writer.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (trust.links ? 0 : (constants.O_NOFOLLOW ?? 0));
  try {
    const file = await open(path, flags);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new AppError('file_system', `${quote(path)} is no file`, { hint: 'remove it' });
      refuseExposed(path, stats, trust);
      const buffer = Buffer.alloc(trust.longestBytes + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      if (bytesRead > trust.longestBytes) {
        throw new AppError('file_system', `${quote(path)} is longer than anything that is kept there`);
      }
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return undefined;
    throw new AppError('file_system', `could not read ${quote(path)}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Throws {@link Exposed} where a folder is somebody else's or others may write in it: then nothing in it is ours for
 * sure. One that is not there yet is as good as our own. Throws `file_system` where something else is in its place.
 */
export async function requireOwnFolder(path: string): Promise<void> {
  try {
    // A person may keep the folder on another disk with a link of their own.
    const [link, stats] = await Promise.all([lstat(path), stat(path)]);
    if (!stats.isDirectory()) throw new AppError('file_system', `${quote(path)} is no folder`, { hint: 'remove it' });
    // The mode of a link says nothing; only its owner can change where it leads.
    refuseExposed(path, link, { forbidden: link.isSymbolicLink() ? 0 : writableForOthers, correction: takeAway });
    refuseExposed(path, stats, { forbidden: writableForOthers, correction: takeAway });
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (codeOf(cause) === 'ENOENT') return;
    throw new AppError('file_system', `could not look at ${quote(path)}: ${reasonOf(cause)}`, { cause });
  }
}

function refuseExposed(
  path: string,
  { uid, mode }: Stats,
  { rootToo = false, forbidden, correction }: Omit<Trust, 'longestBytes'>,
): void {
  const own = process.getuid?.();
  // Without numeric accounts there are no modes either.
  if (own === undefined) return;
  if (uid !== own && !(rootToo && uid === 0)) {
    throw new Exposed(path, `it belongs to uid ${uid}, and this runs as uid ${own}`, `chown ${own} ${quote(path)}`);
  }
  if ((mode & forbidden) !== 0) {
    const shown = (mode & 0o777).toString(8).padStart(4, '0');
    throw new Exposed(path, `others could have changed or read it (mode ${shown})`, `${correction} ${quote(path)}`);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  return code === 'ELOOP' ? 'it is a symbolic link' : String(code ?? 'unknown reason');
}

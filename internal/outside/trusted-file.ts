/**
 * Files whose text counts only where nobody else could have written it, or read it: owner and mode, looked at before. An
 * access control list cannot be seen from Node, but its mask stands in the bits of the group: one that lets another account
 * write is refused as well, unless the file is of a private group.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, join, parse, resolve, sep } from 'node:path';
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
      if (!stats.isFile()) throw new AppError('file_system', `${quote(path)} is not a file`, { hint: 'remove it' });
      await refuseExposed(path, stats, trust);
      const bytes = await readUpTo(file, stats.size, trust.longestBytes);
      if (bytes === undefined) {
        throw new AppError('file_system', `${quote(path)} is longer than anything that is kept there`);
      }
      return bytes.toString('utf8');
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (isMissing(cause)) return undefined;
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
    if (!stats.isDirectory())
      throw new AppError('file_system', `${quote(path)} is not a folder`, { hint: 'remove it' });
    // The mode of a link says nothing; only its owner can change where it leads.
    await refuseExposed(path, link, { forbidden: link.isSymbolicLink() ? 0 : writableForOthers, correction: takeAway });
    await refuseExposed(path, stats, { forbidden: writableForOthers, correction: takeAway });
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (codeOf(cause) === 'ENOENT') return;
    throw new AppError('file_system', `could not look at ${quote(path)}: ${reasonOf(cause)}`, { cause });
  }
}

/** In the mode of a folder: whoever made an entry may remove it, and nobody else (inode(7)). */
const sticky = 0o1000;
/** The most links on the way to a file; the kernel follows as many. */
const mostLinks = 40;

/**
 * Follows a path to what it leads to, and throws {@link Exposed} where somebody else could change that: each folder on the
 * way, each link and the end belong to this account or to root, and nobody else may write there. A folder like /tmp, where
 * everybody may write and each can only remove their own, is as good on the way. Then nothing can change between this look
 * and what is done next. The real path; undefined where there is nothing. `from` is a folder that was judged like this.
 */
export async function safePath(path: string, from?: string): Promise<string | undefined> {
  const whole = resolve(from ?? '', path);
  try {
    // Without numeric accounts there are no modes either.
    if (process.getuid === undefined) return await realpath(whole);
    let at = from ?? parse(whole).root;
    const steps = whole.slice(at.length).split(sep);
    for (let links = 0; steps.length > 0; ) {
      const step = steps.shift() ?? '';
      const next = step === '..' ? dirname(at) : join(at, step);
      const stats = await lstat(next);
      if (stats.isSymbolicLink()) {
        await refuseExposed(next, stats, { rootToo: true, forbidden: 0, correction: takeAway });
        links += 1;
        if (links > mostLinks) throw new AppError('file_system', `${quote(path)} is a link that leads nowhere`);
        const target = await readlink(next);
        if (target.startsWith(sep)) at = sep;
        steps.unshift(...target.split(sep));
        continue;
      }
      const shared = stats.isDirectory() && (stats.mode & sticky) !== 0 && steps.length > 0;
      const forbidden = shared ? 0 : writableForOthers;
      await refuseExposed(next, stats, { rootToo: true, forbidden, correction: takeAway });
      at = next;
    }
    return at;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (isMissing(cause)) return undefined;
    throw new AppError('file_system', `could not look at ${quote(path)}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * The UTF-8 text of a file that nobody else could have written or put in its place; undefined where there is none. Its folder
 * was judged with {@link safePath}; where it is a link, all that is on the way to its target is judged as well. Throws
 * {@link Exposed} or `file_system`.
 */
export async function readSafely(path: string, longestBytes: number): Promise<string | undefined> {
  const trust = { ...ownFile(longestBytes), rootToo: true };
  const isLink = await lstat(path).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  );
  const real = isLink ? await safePath(path) : path;
  return real === undefined ? undefined : await readTrusted(real, trust);
}

/** Whether nobody but this account and root could put something into a folder. */
export async function isOwnFolder(path: string): Promise<boolean> {
  try {
    await refuseExposed(path, await stat(path), { rootToo: true, forbidden: writableForOthers, correction: takeAway });
    return true;
  } catch {
    return false;
  }
}

/** The bytes of a file, or undefined where there are more than these. One that grows meanwhile is read as far as it is. */
async function readUpTo(file: FileHandle, size: number, longest: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let total = 0;
  for (let room = Math.min(size, longest) + 1; ; room = longest + 1 - total) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(room), 0, room, null);
    total += bytesRead;
    if (total > longest) return undefined;
    pieces.push(buffer.subarray(0, bytesRead));
    if (bytesRead === 0 || total === size) return Buffer.concat(pieces);
  }
}

async function refuseExposed(
  path: string,
  { uid, gid, mode }: Stats,
  { rootToo = false, forbidden, correction }: Omit<Trust, 'longestBytes'>,
): Promise<void> {
  const own = process.getuid?.();
  // Without numeric accounts there are no modes either.
  if (own === undefined) return;
  if (uid !== own && !(rootToo && uid === 0)) {
    throw new Exposed(path, `it belongs to uid ${uid}, and this runs as uid ${own}`, `chown ${own} ${quote(path)}`);
  }
  const exposed = mode & forbidden;
  if (exposed === 0) return;
  // What is secret as well is never a matter of its group.
  if (exposed === 0o020 && forbidden === writableForOthers && (await isPrivateGroup(gid, own))) return;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  throw new Exposed(path, `others could have changed or read it (mode ${shown})`, `${correction} ${quote(path)}`);
}

let accounts: Promise<readonly string[]> | undefined;

async function isPrivateGroup(gid: number, uid: number): Promise<boolean> {
  if (gid !== process.getgid?.()) return false;
  const text = (path: string) => readFile(path, 'utf8').catch(() => '');
  accounts ??= Promise.all([text('/etc/passwd'), text('/etc/group')]);
  const [passwd = '', group = ''] = await accounts;
  return hasNobodyElse({ uid, gid, passwd, group });
}

/**
 * Whether a group has this account in it and nobody else. Debian, Ubuntu and Fedora give each account such a group of its own
 * name, and let it write to whatever the account makes. Only what this machine's own passwd(5) and group(5) say is believed:
 * a directory of accounts may put others into a group without a word there.
 */
export function hasNobodyElse(of: { uid: number; gid: number; passwd: string; group: string }): boolean {
  const lines = (text: string) => text.split('\n').map((line) => line.split(':'));
  const primary = lines(of.passwd).filter(([, , , gid]) => gid === String(of.gid));
  const groups = lines(of.group).filter(([, , gid]) => gid === String(of.gid));
  const [account, group] = [primary[0], groups[0]];
  if (primary.length !== 1 || groups.length !== 1 || account?.[2] !== String(of.uid)) return false;
  const others = (group?.[3] ?? '').split(',').filter((member) => member !== '' && member !== account[0]);
  return group?.[0] === account[0] && others.length === 0;
}

/** Nothing has a name that is too long to be one. */
function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].some((code) => codeOf(error) === code);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  return code === 'ELOOP' ? 'it is a symbolic link' : String(code ?? 'unknown reason');
}

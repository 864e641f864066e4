/**
 * The platform's archive of a skill version to the skill's files. Nothing in it is trusted (P9): a path that comes out of
 * here stays below the folder that it is joined to, on every system, and no two of them are one file there.
 */
import { quote } from '../../text/quote.ts';
import { ArchiveError, readZip, type ZipEntry } from './zip.ts';

/** The files of a version by their path below the skill's folder. */
export type VersionFiles = ReadonlyMap<string, Uint8Array>;

/**
 * More than we upload ourselves, because the platform documents no number of files and its 30 MB may be counted in
 * other megabytes: what it took from somebody else can still be looked at.
 */
const mostInArchive = { entries: 10_000, bytes: 32 * 2 ** 20 };

/**
 * Opens an archive. Its layout is not documented: the files lie at its root, where SKILL.md is then, or all below one
 * top folder. Throws {@link ArchiveError}, and nothing else, for what is no such archive.
 */
export function filesOfArchive(archive: Uint8Array): VersionFiles {
  const entries = readZip(archive, mostInArchive);
  refuseBadPaths(entries);
  const files = entries.filter(({ isFolder }) => !isFolder);
  const top = files.some(({ path }) => path === 'SKILL.md') ? '' : `${entries[0]?.path.split('/')[0] ?? ''}/`;
  const outside = entries.find(({ path }) => !`${path}/`.startsWith(top));
  if (outside !== undefined) throw new ArchiveError(`${quote(outside.path)} lies outside of ${quote(top)}`);
  const skill = new Map(files.map(({ path, bytes }) => [path.slice(top.length), bytes]));
  if (!skill.has('SKILL.md')) throw new ArchiveError('it holds no SKILL.md');
  for (const path of skill.keys()) refuseBadPath(path);
  return skill;
}

/** A folder that was met in a path, or a file. */
interface Place {
  name: string;
  /** What it holds; undefined for a file. */
  below: Map<string, Place> | undefined;
  /** Whether it was listed for its own sake, which happens once. */
  listed: boolean;
}

function refuseBadPaths(entries: readonly ZipEntry[]): void {
  const root: Place = { name: '', below: new Map(), listed: false };
  for (const { path, isFolder } of entries) {
    refuseBadPath(path);
    const names = path.split('/');
    let place = root;
    for (const [index, name] of names.entries()) {
      const last = index === names.length - 1;
      const key = sameOnDisk(name);
      const known = place.below?.get(key);
      const next = known ?? { name, below: last && !isFolder ? undefined : new Map<string, Place>(), listed: false };
      const clash = next.name !== name || (last ? next.listed || (next.below !== undefined) !== isFolder : !next.below);
      if (clash) throw new ArchiveError(`${quote(path)} is there twice, or differs from another name in its case only`);
      if (last) next.listed = true;
      place.below?.set(key, next);
      place = next;
    }
  }
}

/** Names that some system takes for one: of another case, or composed in another way. */
function sameOnDisk(name: string): string {
  return name.normalize('NFD').toUpperCase().normalize('NFD');
}

/** A relative path without steps upwards, and without what Windows reads as a drive, a folder or a stream. */
function refuseBadPath(path: string): void {
  const steps = path.split('/').some((name) => name === '' || name === '.' || name === '..');
  if (steps || /^[a-z]:/i.test(path) || /[\p{C}\p{Zl}\p{Zp}"\\\ufffd]/u.test(path)) {
    throw new ArchiveError(`${quote(path)} is not a path of a skill`);
  }
}

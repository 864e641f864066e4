/**
 * The hash of a skill's content, defined so that anybody can recompute it with public tools (docs/skills-hash.md):
 *
 * 1. The files are exactly those that would be uploaded, each with its path below the skill's folder,
 *    separated by `/`.
 * 2. Each file gives the line `<SHA-256 of its bytes, hex>` + two spaces + `<path>` + a line feed.
 * 3. The lines are sorted by the bytes of their paths (as `LC_ALL=C sort` does).
 * 4. The hash is the SHA-256 of those lines, hex.
 *
 * Paths hold no control characters and no backslash (folder/paths.ts refuses them), so a line cannot be read in two ways.
 * The skill's name is no part of it: the same content under another name has the same hash.
 */
import { sha256 } from '../text/canonical.ts';

/** A file's path below the skill's folder and the hash of its bytes. */
export interface HashedFile {
  path: string;
  sha256: string;
}

/** The hash of a skill that consists of these files, in any order. */
export function hashOf(files: readonly HashedFile[]): string {
  const sorted = [...files].sort((a, b) => comparePaths(a.path, b.path));
  return sha256(sorted.map((file) => `${file.sha256}  ${file.path}\n`).join(''));
}

/** Orders paths by their UTF-8 bytes, which is also the order of upload. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

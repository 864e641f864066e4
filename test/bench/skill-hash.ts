/** The hash of a skill as docs/skills-hash.md defines it, written down a second time so that it can be compared. */
import { createHash } from 'node:crypto';

/** From the path and the SHA-256 of each file. */
export function documentedHash(files: readonly (readonly [path: string, sha256: string])[]): string {
  const sorted = [...files].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const lines = sorted.map(([path, sha256]) => `${sha256}  ${path}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

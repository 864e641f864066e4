/** The lock files of a repository: written by the commands, reviewed by people, and believed as far as a checkout is. */
import { basename, dirname, join } from 'node:path';
import { fileDigest, readText, writeText } from '../../outside/files.ts';
import { readSafely } from '../../outside/trusted-file.ts';
import type { Announced } from '../announced.ts';
import type { KeptText } from '../kept-text.ts';
import { holdFile } from './kept-files.ts';

/**
 * One such file. Whoever changes it reads it again while they hold it, and changes what is there then. The file that says who
 * holds it lies beside it: who can write one can write the other.
 */
export interface ReviewedFile extends Omit<KeptText, 'remove' | 'write'> {
  /** Replaces it as a whole, as an act that is in the record: whoever changes it changes what is believed. */
  write(text: string | Iterable<string>, announced: Announced): Promise<void>;
  /** The SHA-256 of what is there, in hexadecimal; undefined where nothing is. Whoever wrote it: it is only compared. */
  digest(): Promise<string | undefined>;
}

/** Far more than any lock. */
const longestBytes = 64 * 1024 * 1024;

/** `fromAnybody`: read also where another account could have written it, for what decides nothing on this machine. */
export function reviewedFile(path: string, { fromAnybody = false } = {}): ReviewedFile {
  const running = join(dirname(path), `.${basename(path)}.running`);
  return {
    where: path,
    read: () => (fromAnybody ? readText(path) : readSafely(path, longestBytes)),
    digest: () => fileDigest(path),
    write: (text, _announced) => writeText(path, text, 'shared'),
    hold: (waiting) => holdFile(running, waiting, [path, running]),
  };
}

/** A checkpoint that somebody names. */
import { namedFile } from './named-file.ts';

/** No note is longer. */
const longestBytes = 64 * 1024;

/** The note in a file. Throws `usage` where there is none, and `file_system`. */
export async function readNote(path: string): Promise<{ from: string; note: string }> {
  return { from: path, note: (await namedFile(path, longestBytes)).toString('utf8') };
}

/** A checkpoint that somebody names. */
import { AppError } from '../errors/app-error.ts';
import { readBytes } from '../outside/files.ts';
import { quote } from '../text/quote.ts';

/** No note is longer. */
const longestBytes = 64 * 1024;

/** The note in a file. Throws `usage` where there is none, and `file_system`. */
export async function readNote(path: string): Promise<{ from: string; note: string }> {
  const bytes = await readBytes(path, longestBytes);
  if (bytes === undefined) throw new AppError('usage', `there is no file ${quote(path)}`);
  return { from: path, note: bytes.toString('utf8') };
}

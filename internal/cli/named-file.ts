/** A file that a person named on the command line. */
import { AppError } from '../errors/app-error.ts';
import { readBytes } from '../outside/files.ts';
import { quote } from '../text/quote.ts';

/** The bytes of a file. Throws `usage` where there is none, `file_system` for anything else, such as one that is too long. */
export async function namedFile(path: string, longestBytes: number): Promise<Buffer> {
  const bytes = await readBytes(path, longestBytes);
  if (bytes === undefined) throw new AppError('usage', `there is no file ${quote(path)}`);
  return bytes;
}

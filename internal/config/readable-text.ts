import { AppError } from '../errors/app-error.ts';
import { readSafely } from '../outside/trusted-file.ts';

/** More than any text that is read here may be: a longer one is told to be too long by whoever knows what it is. */
const longestText = 4 * 1024 * 1024;

/**
 * The text of a file of the configuration, whose folder was judged, undefined where there is none, or why it cannot be read: one file that
 * cannot be read must not hide the mistakes of the others.
 */
export async function readableText(path: string): Promise<{ text: string | undefined } | { problem: string }> {
  try {
    const text = await readSafely(path, longestText);
    return text?.includes('\uFFFD') ? { problem: 'is not UTF-8 text' } : { text: text?.replace(/^\uFEFF/, '') };
  } catch (error) {
    if (error instanceof AppError && error.code === 'file_system') return { problem: error.message };
    throw error;
  }
}

import { AppError } from '../errors/app-error.ts';
import { readText } from '../outside/files.ts';

/**
 * The text of a file of the configuration, undefined where there is none, or why it cannot be read: one file that
 * cannot be read must not hide the mistakes of the others.
 */
export async function readableText(path: string): Promise<{ text: string | undefined } | { problem: string }> {
  try {
    const text = await readText(path);
    return text?.includes('\uFFFD') ? { problem: 'is not UTF-8 text' } : { text: text?.replace(/^\uFEFF/, '') };
  } catch (error) {
    if (error instanceof AppError && error.code === 'file_system') return { problem: error.message };
    throw error;
  }
}

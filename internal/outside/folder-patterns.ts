/** Folders by pattern. The library is loaded only where a word is one. */
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';

/** Whether a word can only be meant as a pattern: a folder of that very name is asked for first. */
export function looksLikePattern(word: string): boolean {
  return /[*?[\]{}]/.test(word);
}

/** The folders that a pattern such as `plugins/?/skills` names, sorted; links are not followed. Throws `file_system`. */
export async function foldersMatching(pattern: string, signal: AbortSignal): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  try {
    const found = await glob(pattern, {
      onlyDirectories: true,
      followSymbolicLinks: false,
      expandDirectories: false,
      ignore: ['**/node_modules/**', '**/.git/**'],
      signal,
    });
    return found.map((folder) => folder.replace(/(?<=.)\/$/, '')).sort();
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new AppError('file_system', `could not look for folders like ${quote(pattern)}`, { cause });
  }
}

/** Folders by pattern. The library is loaded only where a word is one. */
import { isAbsolute, join, resolve } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';

/** Whether a word can only be meant as a pattern: a folder of that very name is asked for first. */
export function looksLikePattern(word: string): boolean {
  return /[*?[\]{}]/.test(word);
}

/**
 * The folders that a pattern such as `plugins/?/skills` names, from the folder that it starts from, sorted; links are not
 * followed. Throws `file_system`.
 */
export async function foldersMatching(
  pattern: string,
  { from, signal }: { from: string; signal: AbortSignal },
): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  // The library begins at the folder that pattern and current folder have in common, which may be the root: it is given the
  // part that is a pattern, and the folder before it.
  const parts = pattern.split('/');
  const first = parts.findIndex(looksLikePattern);
  const before = parts.slice(0, first).join('/') || (pattern.startsWith('/') ? '/' : '');
  const start = isAbsolute(before) ? before : join(from, before);
  try {
    const found = await glob(parts.slice(first).join('/'), {
      cwd: resolve(start),
      onlyDirectories: true,
      followSymbolicLinks: false,
      expandDirectories: false,
      ignore: ['**/node_modules/**', '**/.git/**'],
      signal,
    });
    return found.map((folder) => join(start, folder.replace(/\/$/, ''))).sort();
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new AppError('file_system', `could not look for folders like ${quote(pattern)}`, { cause });
  }
}

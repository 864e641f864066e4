import { AppError } from '../errors/app-error.ts';
import { listFolder } from '../outside/files.ts';
import { didYouMean, nearest } from '../text/nearest.ts';
import { quote } from '../text/quote.ts';

/**
 * Where folders and commands can stand in the same place: a first word that is no folder and nearly a command was most
 * likely meant to be that. Throws `usage` (P10).
 */
export async function refuseMisspelled(words: readonly string[], commands: readonly string[]): Promise<void> {
  const [word] = words;
  if (word === undefined) return;
  const near = nearest(word, commands);
  if (near.length === 0 || (await listFolder(word)) !== undefined) return;
  throw new AppError('usage', `there is no folder ${quote(word)}, and no command of that name`, {
    hint: didYouMean(near),
  });
}

/**
 * The same where services can stand, before the configuration is judged: whoever misspells `list` needs none. `services` are
 * those that there are files of.
 */
export function refuseMisspelledService(word: string, commands: readonly string[], services: readonly string[]): void {
  if (services.includes(word) || nearest(word, commands).length === 0) return;
  throw new AppError('usage', `there is no service ${quote(word)}, and no command of that name`, {
    hint: didYouMean(nearest(word, [...services, ...commands])),
  });
}

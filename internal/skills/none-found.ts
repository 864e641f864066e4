/** Nothing found is no success: most often it is the wrong folder, or a checkout that is not whole. */
import { AppError } from '../errors/app-error.ts';
import { fileSize } from '../outside/files.ts';
import { quote, visible } from '../text/quote.ts';
import type { ChosenFolder } from './choose-folders.ts';
import { lockFileOf, readLockFile } from './lock.ts';
import { findFoldersBelow } from './whereabouts.ts';

/** A folder of skills and how many skills were read in it. */
export type ReadFolder = ChosenFolder & { lockFile?: string; skills: number };

/**
 * Refuses a folder that was named and has no skill, unless its lock says that there were none, or (`prune`) says which are
 * to be deleted. Of folders that were not named one by one, one has to have some. Throws `config_missing`.
 */
export async function refuseNone(read: readonly ReadFolder[], { prune }: { prune: boolean }): Promise<void> {
  const all = read.reduce((sum, { skills }) => sum + skills, 0);
  for (const { folder, lockFile = lockFileOf(folder), skills, only, mayBeEmpty } of read) {
    if (skills > 0 || only !== undefined || (mayBeEmpty === true && all > 0)) continue;
    const { size } = await readLockFile(lockFile);
    if (size === 0 ? (await fileSize(lockFile)) !== undefined : prune) continue;
    const below = await findFoldersBelow(folder);
    const locked = size === 0 ? '' : `, and ${size} in its lock`;
    throw new AppError('config_missing', `there is no skill in ${quote(folder)}${locked}`, {
      hint: below.length > 0 ? deeper(below) : size > 0 ? notWhole : wrongFolder,
    });
  }
}

const wrongFolder =
  'name the folder that holds one folder per skill, each with a SKILL.md; one that holds none yet has an empty lock: ' +
  '{"lock_version":1,"skills":{}} in skills.lock.json';
const notWhole = 'look whether the checkout is whole; skills that are gone for good are deleted with --prune';

/** How many folders are named before the rest is counted. */
const mostNamed = 5;

function deeper(folders: readonly string[]): string {
  const more = folders.length - mostNamed;
  const named = folders.slice(0, mostNamed).map(visible).join(' ');
  return `skills lie further below; give the folders they lie in: ${named}${more > 0 ? ` and ${more} more` : ''}`;
}

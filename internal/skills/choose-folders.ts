/** From the words of a command line to folders of skills: folders, patterns, lists of plugins and single skills. */
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { listFolder } from '../outside/files.ts';
import { foldersMatching, looksLikePattern } from '../outside/folder-patterns.ts';
import { changedFiles } from '../outside/git.ts';
import { quote, visible } from '../text/quote.ts';
import { ignoreFileName } from './folder/ignored.ts';
import { readLockFile } from './lock.ts';
import { marketplaceFile, readMarketplace } from './marketplace.ts';

/** A folder of skills that was chosen. */
export interface ChosenFolder {
  folder: string;
  /** The skills that are meant; all where undefined. */
  only?: ReadonlySet<string>;
  /** Whether it may hold no skill: somebody named many at once, and not this one. */
  mayBeEmpty?: boolean;
}

/** How words are turned into folders. */
export interface Choosing {
  /** What they start from: the current folder unless told. */
  from?: string;
  signal: AbortSignal;
  say(text: string): void;
}

/**
 * The folders that are meant, in the order in which they were named; one that several words mean is there once. Throws
 * `config_missing` for a word that leads nowhere, `config_invalid` for a list of plugins.
 */
export async function chooseFolders(
  words: readonly string[],
  { from = '', signal, say }: Choosing,
): Promise<ChosenFolder[]> {
  const chosen: ChosenFolder[] = [];
  for (const named of words.length === 0 ? ['skills'] : words) {
    const word = isAbsolute(named) ? named : join(from, named);
    if ((await listFolder(word)) === undefined && looksLikePattern(named)) {
      const found = await foldersMatching(named, { from, signal });
      if (found.length === 0) {
        throw new AppError('config_missing', `no folder matches ${quote(word)}`, {
          hint: 'a pattern names folders of skills, or skills; links are not followed',
        });
      }
      for (const folder of found) chosen.push(await choose(folder, true));
      continue;
    }
    const file = isMarketplace(word) ? word : join(word, marketplaceFile);
    const listed = await readMarketplace(file);
    if (listed === undefined) {
      chosen.push(await choose(word, false));
      continue;
    }
    say(`reading ${visible(file)} as a list of ${listed.places.length} places with skills`);
    for (const name of listed.elsewhere) say(`${visible(file)}: ${visible(name)} comes from elsewhere, left out`);
    // A plugin without `skills` may have none.
    let found = 0;
    for (const { path, named } of listed.places) {
      // A plugin that names no skills may have none.
      if (!named && (await listFolder(path)) === undefined) continue;
      chosen.push(await choose(path, true));
      found += 1;
    }
    if (found === 0) {
      throw new AppError('config_missing', `${visible(file)} names no skills that are there`, {
        hint: 'skills of a plugin lie in its skills/, or where its `skills` says',
      });
    }
  }
  return withoutTwins(chosen);
}

function isMarketplace(word: string): boolean {
  return join(basename(dirname(resolve(word))), basename(word)) === marketplaceFile;
}

/** A folder of skills as a whole, or of the folder above a skill that skill alone. */
async function choose(folder: string, mayBeEmpty: boolean): Promise<ChosenFolder> {
  const entries = (await listFolder(folder)) ?? [];
  if (!entries.some(({ name, kind }) => kind === 'file' && name === 'SKILL.md')) return { folder, mayBeEmpty };
  return { folder: join(folder, '..'), only: new Set([basename(resolve(folder))]), mayBeEmpty };
}

/** The same folder twice is one folder, as a whole where one of them is; the first spelling is shown. */
function withoutTwins(chosen: readonly ChosenFolder[]): ChosenFolder[] {
  const byPlace = new Map<string, ChosenFolder>();
  for (const one of chosen) {
    const place = resolve(one.folder);
    const twin = byPlace.get(place);
    if (twin === undefined) {
      byPlace.set(place, one);
      continue;
    }
    const only = twin.only === undefined || one.only === undefined ? undefined : new Set([...twin.only, ...one.only]);
    const mayBeEmpty = twin.mayBeEmpty === true && one.mayBeEmpty === true;
    byPlace.set(place, { folder: twin.folder, mayBeEmpty, ...(only !== undefined && { only }) });
  }
  return [...byPlace.values()];
}

/** Which skills of the folders are meant; all where nothing is said. */
export interface Selection {
  /** Names of skills. */
  only?: readonly string[];
  /** A commit: skills with a file that is not as it is there. */
  changedSince?: string;
}

/** Files beside the skills that count for all of them. */
const forAll = [ignoreFileName, 'scan.yaml'];

/**
 * The folders with those of their skills that are meant. Throws `usage` for a name that neither a folder nor a lock has, or a
 * commit that git does not know.
 */
export async function selectSkills<Folder extends ChosenFolder & { lockFile: string }>(
  folders: readonly Folder[],
  { only, changedSince }: Selection,
  { signal, say }: { signal: AbortSignal; say(text: string): void },
): Promise<Folder[]> {
  let selected = [...folders];
  if (only !== undefined) {
    const known = await Promise.all(
      folders.map(async ({ folder, lockFile }) => {
        const entries = (await listFolder(folder)) ?? [];
        return [
          ...entries.filter(({ kind }) => kind !== 'file').map(({ name }) => name),
          ...(await readLockFile(lockFile)).keys(),
        ];
      }),
    );
    const missing = only.filter((name) => !known.flat().includes(name));
    if (missing.length > 0) {
      const places = folders.map(({ folder }) => visible(folder)).join(', ');
      throw new AppError('usage', `there is no skill ${missing.map(quote).join(', ')} in ${places}`);
    }
    selected = selected.map((one) => narrowed(one, new Set(only)));
  }
  if (changedSince !== undefined) {
    selected = await Promise.all(
      selected.map(async (one) => {
        const files =
          (await listFolder(one.folder)) === undefined ? [] : await changedFiles(one.folder, changedSince, signal);
        return files.some((file) => forAll.includes(file)) ? one : narrowed(one, namesOf(files));
      }),
    );
    if (selected.every((one) => one.only?.size === 0)) say(`no skill changed since ${visible(changedSince)}`);
  }
  return selected;
}

/** A file of a skill stands below the skill's name; a submodule stands for itself. */
function namesOf(files: readonly string[]): Set<string> {
  return new Set(files.map((file) => file.split('/')[0] ?? ''));
}

function narrowed<Folder extends ChosenFolder>(one: Folder, names: ReadonlySet<string>): Folder {
  const { only } = one;
  return { ...one, only: only === undefined ? names : new Set([...only].filter((name) => names.has(name))) };
}

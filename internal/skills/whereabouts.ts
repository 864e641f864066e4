/**
 * Where the folder of a skill went that the lock has and nobody reads any more. `--prune` deletes what is gone, and a
 * folder that is only not seen is not gone. Only looks, and asks nobody but the disk.
 */
import { join } from 'node:path';
import { FileError, listFolder } from '../outside/files.ts';
import { visible } from '../text/quote.ts';
import { defaultRules, ignoreFileName, isLeftOut, neverUploaded } from './folder/ignored.ts';
import { withIgnoreFileOf } from './folder/skill-files.ts';
import { stageName } from './restore.ts';

/** Where a skill is that is not read, and what makes it a skill again. */
export interface Whereabouts {
  what: string;
  fix: string;
}

/** How far below the folder of skills is looked, and into how many folders: enough for categories in categories. */
const deepest = 4;
const mostFolders = 5000;

/** What is known of these skills of a lock, by name. Nothing is known of one whose folder is gone for good. */
export async function findWhereabouts(
  folderOfSkills: string,
  names: ReadonlySet<string>,
): Promise<Map<string, Whereabouts>> {
  const found = new Map<string, Whereabouts>();
  if (names.size === 0) return found;
  const entries = (await listFolder(folderOfSkills)) ?? [];
  // What is wrong with the ignore file was told by the reading of the skills.
  const rules = await withIgnoreFileOf(defaultRules(), { folderOfSkills, at: '', entries, problems: [] });
  for (const { name, kind } of entries) {
    if (!names.has(name)) continue;
    const where = visible(join(folderOfSkills, name));
    found.set(name, inItsPlace(where, kind, isLeftOut(rules, name, kind === 'folder' ? 'folder' : 'file')));
  }
  for (const [name, folder] of await findDeeper(folderOfSkills, names)) {
    if (found.has(name)) continue;
    found.set(name, {
      what: `its folder is now ${visible(folder)}`,
      fix: `give ${visible(join(folder, '..'))} as a folder of skills of its own, move it back, or remove it`,
    });
  }
  return found;
}

/** What is said of an entry in the place of the skill's folder. */
function inItsPlace(where: string, kind: 'file' | 'folder' | 'other', leftOut: boolean): Whereabouts {
  if (leftOut) {
    return { what: `${where} is there, and left out by ${ignoreFileName}`, fix: 'take it back in there, or remove it' };
  }
  if (kind === 'other') return { what: `${where} is a link`, fix: 'put the folder itself there, or remove the link' };
  if (kind === 'file') {
    return {
      what: `${where} is a file (a link that git wrote as one?)`,
      fix: 'put the folder there, or remove the file',
    };
  }
  return {
    what: `${where} is there, without a SKILL.md (a submodule or a sparse checkout?)`,
    fix: 'check it out as a whole (git submodule update --init, git sparse-checkout add), or remove it',
  };
}

/** The folders in which skills lie further below, in the order in which they are met: what could be given instead. */
export async function findFoldersBelow(folderOfSkills: string): Promise<string[]> {
  const found = await findDeeper(folderOfSkills);
  return [...new Set([...found.values()].map((folder) => join(folder, '..')))];
}

/** What is said of a folder without a SKILL.md: skills in it are not read from here. */
export async function skippedLine(folder: string): Promise<string> {
  const said = `${visible(folder)}: no SKILL.md, left out`;
  for (const below of await foldersIn(folder)) {
    if (await holdsSkill(below))
      return `${said}; skills lie in it: give ${visible(folder)} as a folder of skills as well`;
  }
  return said;
}

/** The folders (of these names) that hold a SKILL.md further below, each name with the one that was met first. */
async function findDeeper(folderOfSkills: string, names?: ReadonlySet<string>): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let level = await foldersIn(folderOfSkills);
  let looked = 0;
  for (let depth = 1; depth <= deepest && level.length > 0; depth += 1) {
    const next: string[] = [];
    for (const folder of level) {
      looked += 1;
      if (looked > mostFolders) return found;
      for (const below of await foldersIn(folder)) {
        const name = below.slice(folder.length + 1);
        if (names?.has(name) === false || found.has(name)) next.push(below);
        else if (await holdsSkill(below)) found.set(name, below);
        else next.push(below);
      }
    }
    level = next;
  }
  return found;
}

/** The folders in one, without those that no skill lies in, and without what a pull that was killed put aside. One that may not be read has none: this look only helps. */
async function foldersIn(folder: string): Promise<string[]> {
  const entries = await listed(folder);
  return entries.flatMap(({ name, kind }) =>
    kind === 'folder' && !neverUploaded.includes(name) && name !== 'node_modules' && !stageName.test(name)
      ? [join(folder, name)]
      : [],
  );
}

async function holdsSkill(folder: string): Promise<boolean> {
  return (await listed(folder)).some(({ name }) => name === 'SKILL.md');
}

async function listed(folder: string) {
  try {
    return (await listFolder(folder)) ?? [];
  } catch (error) {
    if (error instanceof FileError) return [];
    throw error;
  }
}

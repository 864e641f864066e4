/** What a skill's folder holds, also one whose SKILL.md is broken, and how that differs from something else. */
import { join } from 'node:path';
import { listFolder } from '../outside/files.ts';
import { visible } from '../text/quote.ts';
import { defaultRules } from './folder/ignored.ts';
import { type Problem, SkillsInvalidError } from './folder/problem.ts';
import { readHashed } from './folder/read-hashed.ts';
import { entriesOf, findSkillFiles, notPlain, orProblem, withIgnoreFileOf } from './folder/skill-files.ts';
import { type HashedFile, hashOf } from './hash.ts';

export interface LocalContent {
  /** What would be uploaded, if SKILL.md is in order. */
  files: readonly HashedFile[];
  /** As hash.ts defines it. */
  sha256: string;
  /** What is there and not part of the skill, by its path below the skill's folder. */
  leftOut: readonly string[];
}

/**
 * The content of one skill's folder, or undefined where there is none. Throws `skill_invalid` where something in it could
 * not be uploaded (links among them), so that nobody takes the rest for all of it.
 */
export async function localContent(folderOfSkills: string, name: string): Promise<LocalContent | undefined> {
  const folder = join(folderOfSkills, name);
  const problems: Problem[] = [];
  const entries = (await listFolder(folderOfSkills)) ?? [];
  const kind = entries.find((entry) => entry.name === name)?.kind;
  if (kind === undefined) return undefined;
  if (kind === 'file') {
    throw new SkillsInvalidError([{ file: folder, what: 'it is a file', fix: 'move it away: a skill is a folder' }]);
  }
  if (kind === 'other') throw new SkillsInvalidError([{ file: folder, ...notPlain, fix: 'move it away' }]);
  const rules = await withIgnoreFileOf(defaultRules(), { folderOfSkills, at: '', entries, problems });
  const found = await findSkillFiles({ folderOfSkills, name, rules }, await entriesOf(folder, problems));
  problems.push(...found.problems);
  // What replaces the folder would end the link, and nothing of it is in the upload.
  problems.push(...found.linked.map((path) => ({ file: join(folder, path), ...notPlain })));
  const files: HashedFile[] = [];
  for (const { path, source, size } of found.files) {
    const read = await orProblem(join(folder, path), problems, () => readHashed(source, size, { keep: false }));
    if (read !== undefined) files.push({ path, sha256: read.sha256 });
  }
  if (problems.length > 0) throw new SkillsInvalidError(problems);
  return { files, sha256: hashOf(files), leftOut: found.leftOut };
}

/** How many files are named before the rest is counted. */
const mostNamed = 10;

/** Which files are not the same here and on the platform, in words that fit behind a colon. */
export function differenceInWords(here: readonly HashedFile[], there: readonly HashedFile[]): string {
  const [ours, theirs] = [here, there].map((files) => new Map(files.map(({ path, sha256 }) => [path, sha256])));
  const words = [...new Set([...here, ...there].map(({ path }) => path))].sort().flatMap((path) => {
    if (ours?.get(path) === theirs?.get(path)) return [];
    if (ours?.has(path) !== true) return [`${visible(path)} is only on the platform`];
    return [theirs?.has(path) === true ? `${visible(path)} differs` : `${visible(path)} is only here`];
  });
  const more = words.length - mostNamed;
  return [...words.slice(0, mostNamed), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

/** What of a skill's folder would be uploaded. Looks at names and sizes, opens nothing but ignore files. */
import { isAbsolute, join, relative, sep } from 'node:path';
import { FileError, type FolderEntry, fileSize, linkTarget, listFolder, realPath } from '../../outside/files.ts';
import { comparePaths } from '../hash.ts';
import { defaultRules, type IgnoreRules, ignoreFileName, isLeftOut, withIgnoreFile } from './ignored.ts';
import { limits } from './limits.ts';
import { entryNameFault, type Fault, SpellingsSeen } from './paths.ts';
import type { Problem } from './problem.ts';
import { readHashed } from './read-hashed.ts';
import { decodeUtf8, placeOf } from './utf8.ts';

/** A file that is there. */
export interface FoundFile {
  /** Below the skill's folder, separated by `/`. */
  path: string;
  /** Where its bytes are on disk: elsewhere for a link. */
  source: string;
  size: number;
}

/** What was found of a skill, and what is wrong with it. */
export interface FoundFiles {
  /** Sorted by the bytes of their paths. Of more than a skill can have, SKILL.md alone: the rest is not to be read. */
  files: FoundFile[];
  /** What is there and not part of the skill: files, folders with all that they hold, and links. */
  leftOut: string[];
  /** Links to folders, which are left out as well. */
  linked: string[];
  problems: Problem[];
  /** What is unusual, and keeps nothing from being uploaded. */
  warnings: Problem[];
}

/** A skill's folder, below a folder of skills whose ignore rules are known. */
export interface SkillPlace {
  folderOfSkills: string;
  name: string;
  rules: IgnoreRules;
}

/** Finds what would be uploaded of a skill, whose folder has these entries. */
export async function findSkillFiles(place: SkillPlace, entries: readonly FolderEntry[]): Promise<FoundFiles> {
  const folder = join(place.folderOfSkills, place.name);
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const sources = new Map<string, string>();
  const leftOut: string[] = [];
  const linked: string[] = [];
  const spellings = new SpellingsSeen();

  const visit = async (at: string, listed: readonly FolderEntry[], above: IgnoreRules) => {
    const rules = await withIgnoreFileOf(above, { ...place, at, entries: listed, problems });
    for (const { name, kind } of listed) {
      const path = `${at}/${name}`;
      if (isLeftOut(rules, path, kind === 'folder' ? 'folder' : 'file')) {
        leftOut.push(path.slice(place.name.length + 1));
        continue;
      }
      const file = join(place.folderOfSkills, path);
      const below = path.slice(place.name.length + 1);
      const target = kind === 'other' ? linkTarget(file) : undefined;
      if (target?.kind === 'folder') {
        linked.push(below);
        warnings.push({ file, ...linkedFolder });
        continue;
      }
      const source = target !== undefined && mayBeLinked(place.folderOfSkills, target.path) ? target.path : file;
      const seen = source === file ? kind : 'file';
      const fault = entryFault(path, seen) ?? nestedFault(below) ?? spellings.faultOf(path);
      if (fault !== undefined) problems.push({ file, what: fault[0], fix: fault[1] });
      else if (kind === 'folder') await visit(path, await entriesOf(file, problems), rules);
      else {
        sources.set(below, source);
        if (!isAscii.test(name)) warnings.push({ file, ...beyondAscii });
      }
    }
  };
  await visit(place.name, entries, place.rules);

  const paths = [...sources.keys()];
  const tooMany = paths.length > limits.files;
  if (tooMany) {
    const what = `it has ${counted(paths.length)} files, a skill can have ${counted(limits.files)}`;
    problems.push({ file: folder, what, fix: `leave out what it does not need in its ${ignoreFileName}` });
  }
  const looked = tooMany ? paths.filter(isInstructions) : paths.sort(comparePaths);
  const files = await withSizes(folder, new Map(looked.map((path) => [path, sources.get(path) ?? ''])), problems);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total < limits.bytes) return { files, leftOut, linked, problems, warnings };
  const what = `it has ${counted(total)} bytes, the platform takes less than ${counted(limits.bytes)}`;
  problems.push({ file: folder, what, fix: `move large files out of it, or leave them out in its ${ignoreFileName}` });
  const instructions = files.filter(({ path, size }) => isInstructions(path) && size < limits.bytes);
  return { files: instructions, leftOut, linked, problems, warnings };
}

function isInstructions(path: string): boolean {
  return path === 'SKILL.md';
}

/** claude.ai takes a skill with one SKILL.md only, so the platform's answer is taken to be the same. */
function nestedFault(path: string): Fault | undefined {
  if (!path.endsWith('/SKILL.md')) return undefined;
  const fix = `make its folder a skill of its own, give it another name, or leave it out in ${ignoreFileName}`;
  return ['a skill has one SKILL.md, at its top', fix];
}

const isAscii = /^[ -~]*$/;

/** claude.ai refuses such names; what the platform does is not documented. */
const beyondAscii: Omit<Problem, 'file'> = {
  what: 'its name has characters beyond ASCII, which uploaders of skills are known to refuse',
  fix: 'use letters without accents, digits, dots, hyphens and underscores',
};

/** What a link to a folder is told. */
export const linkedFolder: Omit<Problem, 'file'> = {
  what: 'it is a link to a folder, and left out',
  fix: 'put the folder itself there',
};

/**
 * Whether the file that a link leads to lies in the same folder of skills and could be part of a skill itself: what is
 * left out in its own place does not come in by another name.
 */
function mayBeLinked(folderOfSkills: string, target: string): boolean {
  const inside = relative(realPath(folderOfSkills), target);
  const parts = inside.split(sep);
  if (parts[0] === '..' || isAbsolute(inside)) return false;
  return parts.every((_, index) => {
    const kind = index === parts.length - 1 ? 'file' : 'folder';
    return !isLeftOut(defaultRules(), parts.slice(0, index + 1).join('/'), kind);
  });
}

/** A folder that may hold an ignore file. */
interface RuledFolder {
  folderOfSkills: string;
  /** Below the folder of skills, '' for itself. */
  at: string;
  entries: readonly FolderEntry[];
  /** Takes what is wrong with the ignore file. */
  problems: Problem[];
}

/** The rules below a folder: those from above, and those of its own ignore file. */
export async function withIgnoreFileOf(
  rules: IgnoreRules,
  { folderOfSkills, at, entries, problems }: RuledFolder,
): Promise<IgnoreRules> {
  const entry = entries.find(({ name }) => name === ignoreFileName);
  if (entry === undefined) return rules;
  const file = join(folderOfSkills, at, ignoreFileName);
  if (entry.kind !== 'file') {
    problems.push({ file, ...notPlain });
    return rules;
  }
  const size = await orProblem(file, problems, () => fileSize(file));
  if (size === undefined) return rules;
  if (size > limits.ignoreFileBytes) {
    const what = `it has ${counted(size)} bytes, ${counted(limits.ignoreFileBytes)} are allowed`;
    problems.push({ file, what, fix: 'leave out whole folders instead of many files' });
    return rules;
  }
  const read = await orProblem(file, problems, () => readHashed(file, size, { keep: true }));
  if (read?.bytes === undefined) return rules;
  const text = decodeUtf8(read.bytes);
  if (typeof text !== 'string') problems.push({ file, ...text });
  else if (text.includes('\0')) {
    problems.push({ file, ...placeOf(text, text.indexOf('\0')), what: 'it holds a NUL character', fix: 'remove it' });
  } else return withIgnoreFile(rules, at, text);
  return rules;
}

/** The entries of a folder; none where that is a problem, which is noted. */
export async function entriesOf(folder: string, problems: Problem[]): Promise<FolderEntry[]> {
  return (await orProblem(folder, problems, () => listFolder(folder))) ?? [];
}

/** What a link, a pipe, a socket or a device is told. */
export const notPlain: Omit<Problem, 'file'> = {
  what: 'it is neither a file nor a folder (a symbolic link?)',
  fix: 'put the file itself there',
};

/** What a file is told that was written to between two looks at it. */
export const changedMeanwhile: Omit<Problem, 'file'> = {
  what: 'it changed while skill-sync ran',
  fix: 'run again when nothing writes there',
};

/** What reading gives; where there is nothing any more or it may not be read, undefined, and the problem is noted. */
export async function orProblem<Result>(
  file: string,
  problems: Problem[],
  read: () => Promise<Result | undefined>,
): Promise<Result | undefined> {
  try {
    const result = await read();
    if (result === undefined) problems.push({ file, ...changedMeanwhile });
    return result;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    problems.push({
      file,
      what: `it cannot be read: ${error.reason}`,
      fix: 'let the user who runs skill-sync read it',
    });
    return undefined;
  }
}

async function withSizes(
  folder: string,
  sources: ReadonlyMap<string, string>,
  problems: Problem[],
): Promise<FoundFile[]> {
  const found = await Promise.all(
    [...sources].map(async ([path, source]) => {
      const size = await orProblem(join(folder, path), problems, () => fileSize(source));
      return size === undefined ? [] : [{ path, source, size }];
    }),
  );
  return found.flat();
}

function entryFault(path: string, kind: FolderEntry['kind']): Fault | undefined {
  const fault = entryNameFault(path.slice(path.lastIndexOf('/') + 1));
  if (fault !== undefined) return fault;
  const bytes = Buffer.byteLength(path);
  if (bytes > limits.pathBytes) {
    // A folder is not looked into then, so no nesting is too deep to walk.
    const what = `its path in the upload has ${counted(bytes)} bytes, ${counted(limits.pathBytes)} are allowed`;
    return [what, 'shorten names or nest less deeply'];
  }
  return kind === 'other' ? [notPlain.what, notPlain.fix] : undefined;
}

function counted(value: number): string {
  return value.toLocaleString('en');
}

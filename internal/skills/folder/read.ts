/**
 * Folders of skills from disk to checked {@link Skill}s. Every problem of every skill is collected, and a skill that comes
 * out of here can be uploaded as it is.
 */

import { join, resolve } from 'node:path';
import { inParallel } from '../../async/in-parallel.ts';
import { clock, giveWay } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import { type FolderEntry, linkTarget, listFolder } from '../../outside/files.ts';
import { quote, visible } from '../../text/quote.ts';
import { hashOf } from '../hash.ts';
import { type FrontMatter, readFrontMatter } from './front-matter.ts';
import { defaultRules, type IgnoreRules, isLeftOut } from './ignored.ts';
import { type Problem, SkillsInvalidError } from './problem.ts';
import { readHashed } from './read-hashed.ts';
import {
  changedMeanwhile,
  entriesOf,
  findSkillFiles,
  linkedFolder,
  notPlain,
  orProblem,
  withIgnoreFileOf,
} from './skill-files.ts';
import { decodeUtf8, type Finding } from './utf8.ts';

/** One file of a skill. The hash tells whether the bytes on disk are still the same when they are needed again. */
export interface SkillFile {
  /** Below the skill's folder, separated by `/`. */
  path: string;
  /** Where its bytes are on disk: elsewhere for a link. */
  source: string;
  size: number;
  sha256: string;
  /** Kept for skills that are about to be uploaded, as far as memory allows; `contentOf` gives the bytes in any case. */
  bytes?: Uint8Array<ArrayBuffer>;
}

/** A skill folder that has passed every check. */
export interface Skill {
  name: string;
  description: string;
  /** Where it lies on disk. */
  folder: string;
  /** What is uploaded, sorted by the bytes of the paths. */
  files: readonly SkillFile[];
  /** The content, as hash.ts defines it. */
  sha256: string;
  /** What is unusual about it and keeps nothing from being uploaded. */
  warnings: readonly Problem[];
}

/** How many skills are read at the same time: enough to keep the disk busy, few enough for memory. */
const readAtOnce = 8;
/** Reading never waits: without a pause nobody could interrupt it, and no line would say that it goes on. */
const longestWithoutBreathMs = 100;
/** A larger file is never kept. */
const largestKept = 4 * 2 ** 20;
/** How many bytes are kept over the whole run. */
const keptAtMost = 32 * 2 ** 20;

export interface ReadOptions {
  /**
   * The hash that the skill of this name in this folder of skills is expected to have. The bytes of a skill with another
   * one are kept, because they will be needed again; without this function none are.
   */
  expected?: (folder: string, name: string) => string | undefined;
  /** Whether a skill of a folder of skills is meant; the others are not even looked at. */
  wanted?: (folder: string, name: string) => boolean;
}

/** What was found in folders of skills. */
export interface ReadFolders {
  /** The valid ones of each folder, sorted by name. */
  skills: Skill[][];
  /** Everything that is wrong, and with which skills of each folder: those are there, and cannot be pushed. */
  problems: Problem[];
  invalid: Set<string>[];
  /** Folders without a SKILL.md. */
  skipped: string[];
  /** What of the skills is no part of them. */
  leftOut: string[];
  /** What is no skill and could be taken for one. */
  warnings: Problem[];
}

/**
 * Reads the skills in each of the given folders. Every folder below them that holds a SKILL.md is a skill; one that is
 * wrong keeps none of the others from being read. Throws `config_missing`.
 */
export async function readFolders(
  folders: readonly string[],
  { expected, wanted = () => true }: ReadOptions = {},
): Promise<ReadFolders> {
  const listed = await Promise.all(folders.map((folder) => listSkillFolders(folder, (name) => wanted(folder, name))));
  const room = { bytes: expected === undefined ? 0 : keptAtMost };
  let breath = clock.monotonic();
  const candidates = listed.flatMap((one) => one.candidates);
  const read = await inParallel(candidates, readAtOnce, async (place) => {
    if (clock.monotonic() - breath > longestWithoutBreathMs) {
      await giveWay();
      breath = clock.monotonic();
    }
    const outcome = await readSkill(place, room);
    if ('skill' in outcome && expected?.(place.folderOfSkills, place.name) === outcome.skill.sha256) {
      forgetBytes(outcome.skill, room);
    }
    return { place, ...outcome };
  });
  const twins = sameNames(read.filter((outcome) => !('skipped' in outcome)).map(({ place }) => place));
  const wrong = [...read.flatMap((outcome) => ('problems' in outcome ? [outcome.place] : [])), ...twins.places];
  const invalid = folders.map(
    (folder, index) =>
      new Set([
        ...(listed[index]?.invalid ?? []),
        ...wrong.filter(({ folderOfSkills }) => folderOfSkills === folder).map(({ name }) => name),
      ]),
  );
  return {
    skills: folders.map((folder, index) =>
      read.flatMap((outcome) =>
        'skill' in outcome &&
        outcome.place.folderOfSkills === folder &&
        invalid[index]?.has(outcome.place.name) === false
          ? [outcome.skill]
          : [],
      ),
    ),
    problems: [
      ...listed.flatMap((one) => one.problems),
      ...read.flatMap((outcome) => ('problems' in outcome ? outcome.problems : [])),
      ...twins.problems,
    ],
    invalid,
    skipped: read.flatMap((outcome) => ('skipped' in outcome ? [outcome.skipped] : [])),
    leftOut: read.flatMap((outcome) => ('skill' in outcome ? outcome.leftOut : [])),
    warnings: listed.flatMap((one) => one.warnings),
  };
}

/** The same, where nothing may be wrong. Throws `skill_invalid` with all problems, or `config_missing`. */
export async function readSkills(
  folders: readonly string[],
  options: ReadOptions = {},
): Promise<Omit<ReadFolders, 'problems' | 'invalid'>> {
  const read = await readFolders(folders, options);
  if (read.problems.length > 0) throw new SkillsInvalidError(read.problems);
  return read;
}

/**
 * The bytes of one file of a skill: those that were kept, or read again. Throws `skill_invalid` when they are not those
 * that were read before, `file_system` when they cannot be read any more.
 */
export async function contentOf(skill: Skill, file: SkillFile): Promise<Uint8Array<ArrayBuffer>> {
  if (file.bytes !== undefined) return file.bytes;
  const again = await readHashed(file.source, file.size, { keep: true });
  if (again?.bytes !== undefined && again.sha256 === file.sha256) return again.bytes;
  throw new SkillsInvalidError([{ file: join(skill.folder, file.path), ...changedMeanwhile }]);
}

/** How many bytes the files of a skill have together. */
export function bytesOf({ files }: Skill): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

/** A folder below a folder of skills: a skill, or to be skipped. */
interface Candidate {
  folderOfSkills: string;
  name: string;
  rules: IgnoreRules;
}

/** A folder of skills, as far as its own entries say. */
interface ListedFolder extends Pick<ReadFolders, 'problems' | 'warnings'> {
  candidates: Candidate[];
  /** Names of skills that cannot be pushed, whatever is in them. */
  invalid: Set<string>;
}

async function listSkillFolders(folder: string, wanted: (name: string) => boolean): Promise<ListedFolder> {
  const entries = await listFolder(folder);
  if (entries === undefined) {
    throw new AppError('config_missing', `there is no folder ${quote(folder)}`, {
      hint: 'name the folder that holds one folder per skill; without a name it is ./skills',
    });
  }
  if (entries.some(({ name, kind }) => kind === 'file' && name === 'SKILL.md')) {
    throw new AppError('usage', `${quote(folder)} is a skill, not a folder of skills`, {
      hint: `name the folder above it: ${quote(resolve(folder, '..'))}`,
    });
  }
  const listed: ListedFolder = { candidates: [], invalid: new Set(), problems: [], warnings: [] };
  const { problems } = listed;
  const rules = await withIgnoreFileOf(defaultRules(), { folderOfSkills: folder, at: '', entries, problems });
  // What belongs to a skill is not known where the file that says so cannot be read.
  const allWrong = problems.length > 0;
  for (const { name, kind } of entries) {
    if (kind === 'file' || !wanted(name) || isLeftOut(rules, name, kind === 'folder' ? 'folder' : 'file')) continue;
    const file = join(folder, name);
    if (kind === 'folder') {
      listed.candidates.push({ folderOfSkills: folder, name, rules });
      if (allWrong) listed.invalid.add(name);
    } else if (linkTarget(file)?.kind === 'folder') {
      listed.warnings.push({ file, ...linkedFolder });
    } else {
      problems.push({ file, ...notPlain });
      listed.invalid.add(name);
    }
  }
  return listed;
}

type Outcome = { skill: Skill; leftOut: string[] } | { problems: Problem[] } | { skipped: string };

async function readSkill(place: Candidate, room: Room): Promise<Outcome> {
  const folder = join(place.folderOfSkills, place.name);
  const problems: Problem[] = [];
  const entries = await entriesOf(folder, problems);
  const skillFile = entries.find(({ name }) => name.toLowerCase() === 'skill.md');
  if (problems.length === 0 && skillFile === undefined) return { skipped: folder };
  const wrong = skillFile === undefined ? undefined : skillFileFault(skillFile);
  if (wrong !== undefined) return { problems: [{ file: join(folder, skillFile?.name ?? ''), ...wrong }] };

  const found = await findSkillFiles(place, entries);
  problems.push(...found.problems);
  const warnings = [...found.warnings];
  if (problems.length === 0 && !found.files.some(({ path }) => path === 'SKILL.md')) {
    const fix = 'take it back in there';
    problems.push({ file: join(folder, 'SKILL.md'), what: 'an ignore file leaves it out', fix });
  }
  const files: SkillFile[] = [];
  let description = '';
  for (const { path, source, size } of found.files) {
    const file = join(folder, path);
    const kept = size <= Math.min(largestKept, room.bytes);
    if (kept) room.bytes -= size;
    const keep = kept || path === 'SKILL.md' || size <= largestPointer;
    const read = await orProblem(file, problems, () => readHashed(source, size, { keep }));
    if (read === undefined) continue;
    files.push({ path, source, size, sha256: read.sha256, ...(kept && read.bytes && { bytes: read.bytes }) });
    if (read.bytes === undefined) continue;
    if (isLfsPointer(read.bytes)) problems.push({ file, ...lfsPointer });
    if (path !== 'SKILL.md') continue;
    const frontMatter = frontMatterOf(read.bytes, place.name);
    if (Array.isArray(frontMatter)) problems.push(...frontMatter.map((finding) => ({ file, ...finding })));
    else {
      ({ description } = frontMatter);
      warnings.push(...frontMatter.warnings.map((finding) => ({ file, ...finding })));
    }
  }
  if (problems.length > 0) return { problems };
  const leftOut = found.leftOut.map((path) => join(folder, path));
  return { skill: { name: place.name, description, folder, files, sha256: hashOf(files), warnings }, leftOut };
}

/** Git LFS makes no larger ones. */
const largestPointer = 1024;

const lfsPointer: Omit<Problem, 'file'> = {
  what: 'it is a pointer of Git LFS, and not the file itself',
  fix: 'run git lfs pull, or leave it out in the .skillignore',
};

/** Whether a file is what Git LFS leaves in a checkout where the file itself was not fetched. */
function isLfsPointer(bytes: Uint8Array): boolean {
  if (bytes.length > largestPointer) return false;
  return /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:[^\n]*\n)*?oid sha256:[0-9a-f]{64}\n/.test(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'),
  );
}

function frontMatterOf(bytes: Uint8Array, folderName: string): FrontMatter | Finding[] {
  const text = decodeUtf8(bytes);
  return typeof text === 'string' ? readFrontMatter(text, folderName) : [text];
}

function skillFileFault({ name, kind }: FolderEntry): Omit<Problem, 'file'> | undefined {
  if (name !== 'SKILL.md') return { what: 'its name is not SKILL.md', fix: 'rename it to SKILL.md' };
  return kind === 'folder' ? { what: 'it is not a file', fix: 'write the instructions there' } : undefined;
}

/** How much may still be kept. */
interface Room {
  bytes: number;
}

function forgetBytes(skill: Skill, room: Room): void {
  for (const file of skill.files) {
    if (file.bytes === undefined) continue;
    room.bytes += file.size;
    delete file.bytes;
  }
}

/** One platform skill per name: two folders of one name would overwrite each other, so neither is pushed. */
function sameNames(candidates: readonly Candidate[]): { problems: Problem[]; places: Candidate[] } {
  const first = new Map<string, Candidate>();
  const problems: Problem[] = [];
  const places: Candidate[] = [];
  for (const place of candidates) {
    const folded = place.name.normalize('NFC').toLowerCase();
    const twin = first.get(folded);
    if (twin === undefined) {
      first.set(folded, place);
      continue;
    }
    const what = `${visible(join(twin.folderOfSkills, twin.name))} has the same name`;
    problems.push({ file: join(place.folderOfSkills, place.name), what, fix: 'rename one of them' });
    places.push(twin, place);
  }
  return { problems, places };
}

/**
 * Folders of skills from disk to checked {@link Skill}s. Every problem of every skill is collected first and reported
 * in one error; a skill that comes out of here can be uploaded as it is.
 */
import { join, resolve } from 'node:path';
import { AppError } from '../../errors/app-error.ts';
import { type FolderEntry, linkTarget, listFolder } from '../../outside/files.ts';
import { pause } from '../../outside/pause.ts';
import { quote, visible } from '../../text/quote.ts';
import { hashOf } from '../hash.ts';
import { inParallel } from '../in-parallel.ts';
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

/** How skills are read. */
export interface ReadOptions {
  /**
   * The hash that the skill of this name in this folder of skills is expected to have. The bytes of a skill with another
   * one are kept, because they will be needed again; without this function none are.
   */
  expected?: (folder: string, name: string) => string | undefined;
  /** Whether a skill of a folder of skills is meant; the others are not even looked at. */
  wanted?: (folder: string, name: string) => boolean;
}

/**
 * Reads the skills in each of the given folders, sorted by name. Every folder below them that holds a SKILL.md is a
 * skill; `skipped` names the others, `leftOut` what of the skills is no part of them, `warnings` what is no skill and could be
 * taken for one. Throws `skill_invalid` with all problems, or `config_missing`.
 */
export async function readSkills(
  folders: readonly string[],
  { expected, wanted = () => true }: ReadOptions = {},
): Promise<{ skills: Skill[][]; skipped: string[]; leftOut: string[]; warnings: Problem[] }> {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const listed = await Promise.all(
    folders.map((folder) => listSkillFolders(folder, (name) => wanted(folder, name), problems, warnings)),
  );
  const room = { bytes: expected === undefined ? 0 : keptAtMost };
  let breath = performance.now();
  const read = await inParallel(listed.flat(), readAtOnce, async (place) => {
    if (performance.now() - breath > longestWithoutBreathMs) {
      await pause(0);
      breath = performance.now();
    }
    const outcome = await readSkill(place, room);
    if ('skill' in outcome && expected?.(place.folderOfSkills, place.name) === outcome.skill.sha256) {
      forgetBytes(outcome.skill, room);
    }
    return { place, ...outcome };
  });
  problems.push(...read.flatMap((outcome) => ('problems' in outcome ? outcome.problems : [])));
  problems.push(...sameNames(read.filter((outcome) => !('skipped' in outcome)).map(({ place }) => place)));
  if (problems.length > 0) throw new SkillsInvalidError(problems);
  return {
    skills: folders.map((folder) =>
      read.flatMap((outcome) => ('skill' in outcome && outcome.place.folderOfSkills === folder ? [outcome.skill] : [])),
    ),
    skipped: read.flatMap((outcome) => ('skipped' in outcome ? [outcome.skipped] : [])),
    leftOut: read.flatMap((outcome) => ('skill' in outcome ? outcome.leftOut : [])),
    warnings,
  };
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

async function listSkillFolders(
  folder: string,
  wanted: (name: string) => boolean,
  problems: Problem[],
  warnings: Problem[],
): Promise<Candidate[]> {
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
  const rules = await withIgnoreFileOf(defaultRules(), { folderOfSkills: folder, at: '', entries, problems });
  return entries.flatMap(({ name, kind }) => {
    if (kind === 'file' || !wanted(name) || isLeftOut(rules, name, kind === 'folder' ? 'folder' : 'file')) return [];
    if (kind === 'folder') return [{ folderOfSkills: folder, name, rules }];
    const file = join(folder, name);
    if (linkTarget(file)?.kind === 'folder') warnings.push({ file, ...linkedFolder });
    else problems.push({ file, ...notPlain });
    return [];
  });
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

/** One platform skill per name: two folders of one name would overwrite each other. */
function sameNames(places: readonly Candidate[]): Problem[] {
  const first = new Map<string, string>();
  return places.flatMap(({ folderOfSkills, name }) => {
    const folder = join(folderOfSkills, name);
    const folded = name.normalize('NFC').toLowerCase();
    const twin = first.get(folded);
    if (twin === undefined) {
      first.set(folded, folder);
      return [];
    }
    return [{ file: folder, what: `${visible(twin)} has the same name`, fix: 'rename one of them' }];
  });
}

/**
 * Folders of skills from disk to checked {@link Skill}s. Every problem of every skill is collected first and reported
 * in one error; a skill that comes out of here can be uploaded as it is.
 */
import { basename, join, resolve } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { fileSize, listFolder, readBytes } from '../outside/files.ts';
import { quote, visible } from '../text/quote.ts';
import { readFrontMatter } from './front-matter.ts';
import { comparePaths, hashOf, sha256 } from './hash.ts';
import { isIgnored } from './ignored.ts';
import { inParallel } from './in-parallel.ts';
import { type Problem, SkillsInvalidError } from './problem.ts';

/** One file of a skill. The bytes stay on disk; the hash tells whether they are still the same at upload. */
export interface SkillFile {
  /** Below the skill's folder, separated by `/`. */
  path: string;
  size: number;
  sha256: string;
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
}

/** The platform takes skills under 30 MB, uncompressed. */
export const sizeLimit = 30_000_000;

/** How many skills are read at the same time: enough to keep the disk busy, few enough for memory. */
const readAtOnce = 8;

/**
 * Reads the skills in each of the given folders, sorted by name. Every folder below them that holds a SKILL.md is a
 * skill; `skipped` names the others. Throws `skill_invalid` with all problems, or `config_missing`.
 */
export async function readSkills(folders: readonly string[]): Promise<{ skills: Skill[][]; skipped: string[] }> {
  const candidates = await Promise.all(folders.map(listSkillFolders));
  const problems = candidates.flatMap((found) => found.problems);
  const read = await inParallel(
    candidates.flatMap((found) => found.skillFolders),
    readAtOnce,
    readSkill,
  );
  problems.push(...read.flatMap((outcome) => ('problems' in outcome ? outcome.problems : [])));
  const skills = read.flatMap((outcome) => ('problems' in outcome ? [] : [outcome]));
  problems.push(...sameNames(skills));
  if (problems.length > 0) throw new SkillsInvalidError(problems);
  return {
    skills: candidates.map(({ skillFolders }) => skills.filter((skill) => skillFolders.includes(skill.folder))),
    skipped: candidates.flatMap((found) => found.skipped),
  };
}

/** The bytes of one file of a skill. Throws `skill_invalid` when they are not those that were read before. */
export async function readSkillFile(skill: Skill, file: SkillFile): Promise<Buffer> {
  const path = join(skill.folder, file.path);
  const bytes = await readBytes(path);
  if (bytes !== undefined && sha256(bytes) === file.sha256) return bytes;
  throw new SkillsInvalidError([
    { file: path, what: 'it changed while skill-sync ran', fix: 'run again when nothing writes there' },
  ]);
}

interface SkillFolders {
  skillFolders: string[];
  skipped: string[];
  problems: Problem[];
}

async function listSkillFolders(folder: string): Promise<SkillFolders> {
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
  const found: SkillFolders = { skillFolders: [], skipped: [], problems: [] };
  for (const { name, kind } of entries) {
    if (isIgnored(name) || kind === 'file') continue;
    const path = join(folder, name);
    if (kind === 'other') {
      found.problems.push(notPlain(path));
      continue;
    }
    const inside = (await listFolder(path)) ?? [];
    const skillFile = inside.find((entry) => entry.name.toLowerCase() === 'skill.md');
    if (skillFile === undefined) found.skipped.push(path);
    else if (skillFile.name === 'SKILL.md') found.skillFolders.push(path);
    else {
      const file = join(path, skillFile.name);
      found.problems.push({ file, what: 'its name is not SKILL.md', fix: 'rename it to SKILL.md' });
    }
  }
  return found;
}

async function readSkill(folder: string): Promise<Skill | { problems: Problem[] }> {
  const { paths, problems } = await listFiles(folder, '');
  const sizes = await Promise.all(paths.map((path) => fileSize(join(folder, path))));
  const total = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  if (total >= sizeLimit) {
    const what = `it has ${total.toLocaleString('en')} bytes, the platform takes less than ${sizeLimit.toLocaleString('en')}`;
    // Not read any further: the files may be larger than memory.
    return { problems: [...problems, { file: folder, what, fix: 'move large files out of it' }] };
  }

  if (problems.length === 0 && !paths.includes('SKILL.md')) {
    return {
      problems: [{ file: join(folder, 'SKILL.md'), what: 'it is no file', fix: 'write the instructions there' }],
    };
  }

  const files: SkillFile[] = [];
  let description = '';
  for (const path of paths) {
    const file = join(folder, path);
    const bytes = await readBytes(file);
    if (bytes === undefined) {
      problems.push({ file, what: 'it was removed while skill-sync ran', fix: 'run again when nothing writes there' });
      continue;
    }
    files.push({ path, size: bytes.length, sha256: sha256(bytes) });
    if (path !== 'SKILL.md') continue;
    const text = decode(bytes);
    const frontMatter = text === undefined ? [notUtf8] : readFrontMatter(text, basename(folder));
    if (Array.isArray(frontMatter)) problems.push(...frontMatter.map((finding) => ({ file, ...finding })));
    else description = frontMatter.description;
  }
  if (problems.length > 0) return { problems };
  return { name: basename(folder), description, folder, files, sha256: hashOf(files) };
}

/** The files below a skill's folder that would be uploaded, sorted, and what cannot be. */
async function listFiles(folder: string, below: string): Promise<{ paths: string[]; problems: Problem[] }> {
  const paths: string[] = [];
  const problems: Problem[] = [];
  for (const { name, kind } of (await listFolder(join(folder, below))) ?? []) {
    if (isIgnored(name)) continue;
    const path = below === '' ? name : `${below}/${name}`;
    const file = join(folder, path);
    if (/[\p{C}\p{Zl}\p{Zp}"\\\ufffd]/u.test(name)) {
      const what = 'its name holds a quote, a backslash, an invisible character or bytes that are not UTF-8';
      problems.push({ file, what, fix: 'rename it' });
    } else if (kind === 'other') problems.push(notPlain(file));
    else if (kind === 'file') paths.push(path);
    else {
      const inside = await listFiles(folder, path);
      paths.push(...inside.paths);
      problems.push(...inside.problems);
    }
  }
  return { paths: paths.sort(comparePaths), problems };
}

function notPlain(file: string): Problem {
  return { file, what: 'it is neither a file nor a folder (a symbolic link?)', fix: 'put the file itself there' };
}

/** One platform skill per name: two folders of one name would overwrite each other. */
function sameNames(skills: readonly Skill[]): Problem[] {
  const first = new Map<string, Skill>();
  return skills.flatMap((skill) => {
    const twin = first.get(skill.name);
    if (twin === undefined) first.set(skill.name, skill);
    if (twin === undefined) return [];
    return [{ file: skill.folder, what: `${visible(twin.folder)} has the same name`, fix: 'rename one of them' }];
  });
}

const notUtf8 = { what: 'it is not UTF-8', fix: 'save it as UTF-8' };

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

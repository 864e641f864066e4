/**
 * skills.lock.json: which platform skill and version each local skill is, and the content that version holds.
 * It is committed, so agents pin what a person reviewed (P6). Every session start reads it, so this file keeps to
 * a small check by hand instead of loading a schema library.
 */

import { join } from 'node:path';
import { lockName, nobodysLock } from '../config/workspace.ts';
import { AppError } from '../errors/app-error.ts';
import { fileSize } from '../outside/files.ts';
import { safePath } from '../outside/trusted-file.ts';
import type { Recorder } from '../platform/recorder.ts';
import { reviewedFile } from '../stores/files/reviewed-file.ts';
import { sha256 } from '../text/canonical.ts';
import { quote, visible } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import { nameProblem } from './folder/name.ts';

/** What the lock knows of one skill. */
export interface LockedSkill {
  skillId: string;
  versionId: string;
  /** The content of that version, as `hashOf` in hash.ts defines it. */
  sha256: string;
}

/** The skills of a lock file by name. */
export type SkillsLock = ReadonlyMap<string, LockedSkill>;

/** The lock file that belongs to a folder of skills, in the one workspace or in one that has a name. */
export function lockFileOf(skillsFolder: string, workspace?: string): string {
  return join(skillsFolder, lockName('skills', workspace));
}

/** Throws `config_invalid` where a folder still has the lock of no workspace, and each workspace has its own. */
export async function refuseNobodysLock(skillsFolder: string, workspace: string | undefined): Promise<void> {
  const nobodys = lockFileOf(skillsFolder);
  if (workspace !== undefined && (await fileSize(nobodys)) !== undefined) {
    throw nobodysLock(nobodys, 'skills', workspace);
  }
}

/**
 * A lock that says what agents get; empty where there is none yet. Throws `config_invalid`, and `file_system` where somebody
 * else could have written it, as for every file that decides.
 */
export async function readSkillsLock(skillsFolder: string, workspace?: string): Promise<SkillsLock> {
  await refuseNobodysLock(skillsFolder, workspace);
  const path = lockFileOf(skillsFolder, workspace);
  const judged = await safePath(skillsFolder);
  return skillsIn(path, judged === undefined ? undefined : await reviewedFile(path).read());
}

/** The skills in a lock file; empty where there is none yet. Throws `config_invalid` with every problem in it. */
export async function readLockFile(path: string): Promise<SkillsLock> {
  return skillsIn(path, await reviewedFile(path, { fromAnybody: true }).read());
}

function skillsIn(path: string, text: string | undefined): SkillsLock {
  if (text === undefined) return new Map();
  const { skills, problems } = parseLock(text);
  if (problems.length === 0) return skills;
  const lines = problems.map((problem) => `${visible(path)}: ${problem}`);
  throw new AppError('config_invalid', ['the skills lock cannot be used', ...lines].join('\n'), {
    hint: 'restore the file from version control; if it is lost, remove it: the next skill-sync finds each skill again',
  });
}

/** Replaces a lock file as a whole, names sorted, so that equal locks are equal files. */
export async function writeLockFile(path: string, skills: SkillsLock, recorder: Recorder): Promise<void> {
  const text = formatLock(skills);
  await recorder.act(
    { act: 'skills_lock.write', target: { kind: 'skills_lock', id: undefined, label: path } },
    (announced) => reviewedFile(path).write(text, announced),
    () => ({ made: `sha256:${sha256(text)}` }),
  );
}

/** The text of a lock file. */
export function formatLock(skills: SkillsLock): string {
  const sorted = [...skills].sort(([a], [b]) => (a < b ? -1 : 1));
  const entries = sorted.map(([name, { skillId, versionId, sha256 }]) => [
    name,
    { skill_id: skillId, version_id: versionId, sha256 },
  ]);
  return `${JSON.stringify({ lock_version: 1, skills: Object.fromEntries(entries) }, undefined, 2)}\n`;
}

/** Reads the text of a lock file: the skills in it and everything that is wrong with it. */
export function parseLock(text: string): { skills: Map<string, LockedSkill>; problems: string[] } {
  const skills = new Map<string, LockedSkill>();
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch {
    const conflict = /^(<{7}|={7}|>{7})/m.test(text);
    return { skills, problems: [conflict ? 'it holds merge conflict markers' : 'it is not JSON'] };
  }
  if (!isRecord(whole)) return { skills, problems: ['it is not a JSON object'] };
  if (whole['lock_version'] !== 1) {
    return { skills, problems: [`lock_version is ${quote(whole['lock_version'] ?? null)}, this version reads 1`] };
  }
  const problems = unknownKeys(whole, ['lock_version', 'skills'], '');
  const entries = whole['skills'];
  if (!isRecord(entries)) return { skills, problems: [...problems, 'skills is not an object'] };
  const nameOfId = new Map<string, string>();
  for (const [name, entry] of Object.entries(entries)) {
    const at = `skills.${quote(name)}`;
    const entryProblems = entryProblemsOf(name, entry, at);
    problems.push(...entryProblems);
    if (entryProblems.length > 0 || !isEntry(entry)) continue;
    const twin = nameOfId.get(entry.skill_id);
    if (twin !== undefined) problems.push(`${at}: skill_id is the one of ${quote(twin)} too`);
    nameOfId.set(entry.skill_id, name);
    skills.set(name, { skillId: entry.skill_id, versionId: entry.version_id, sha256: entry.sha256 });
  }
  return { skills, problems };
}

interface Entry {
  skill_id: string;
  version_id: string;
  sha256: string;
}

const entryKeys = ['skill_id', 'version_id', 'sha256'];

function entryProblemsOf(name: string, entry: unknown, at: string): string[] {
  const wrongName = nameProblem(name);
  if (wrongName !== undefined) return [`${at}: ${wrongName}`];
  if (!isRecord(entry)) return [`${at} is not an object`];
  const problems = unknownKeys(entry, entryKeys, `${at}: `);
  for (const key of entryKeys) {
    const value = entry[key];
    if (typeof value !== 'string' || value === '') problems.push(`${at}.${key} is not a text`);
    else if (key === 'sha256' && !/^[0-9a-f]{64}$/.test(value)) problems.push(`${at}.sha256 is no SHA-256 in hex`);
  }
  return problems;
}

function isEntry(value: unknown): value is Entry {
  return isRecord(value) && entryKeys.every((key) => typeof value[key] === 'string');
}

function unknownKeys(object: Record<string, unknown>, known: readonly string[], at: string): string[] {
  const unknown = Object.keys(object).filter((key) => !known.includes(key));
  return unknown.map((key) => `${at}unknown key ${quote(key)}; known are ${known.join(', ')}`);
}

/** Restores folders of skills from the platform. Writes nothing unless everything that was asked for can be written. */
import { join } from 'node:path';
import { inParallel } from '../async/in-parallel.ts';
import { AppError } from '../errors/app-error.ts';
import { makeFolder, removeFolder } from '../outside/files.ts';
import type { Platform } from '../platform/client.ts';
import { isMissing } from '../platform/live.ts';
import { quote, visible } from '../text/quote.ts';
import type { VersionFiles } from './download/archive.ts';
import { downloadedFiles } from './download/download.ts';
import { nameProblem } from './folder/name.ts';
import { formatProblem, SkillsInvalidError } from './folder/problem.ts';
import { hashOf } from './hash.ts';
import { holdLocks } from './hold-locks.ts';
import { differenceInWords, localContent } from './local-content.ts';
import { type LockedSkill, lockFileOf, readLockFile, type SkillsLock, writeLockFile } from './lock.ts';
import { finishStages, openStage, readStage, type Stage, stageSkill, takePlace } from './restore.ts';
import { findNamesakes, latestVersionsOf, listSkills } from './survey.ts';
import { hashedFiles, nameOfVersion } from './verify.ts';

/** What is to be pulled, and where to. */
export interface PullRequest {
  names: readonly string[];
  folder: string;
  lockFile: string;
  /** Replaces folders that hold something else. */
  overwrite: boolean;
  /** A version other than the lock's; for one skill only. */
  versionId?: string;
  /** For a plan only: a folder elsewhere, where the downloads are looked at and removed again. */
  planIn: string | undefined;
  openPlatform(): Promise<Platform>;
  signal: AbortSignal;
  say(text: string): void;
}

export interface PulledSkill {
  name: string;
  change: 'pulled' | 'unchanged';
  /** What the folder holds now. */
  version: LockedSkill;
  /** Whether the lock learned of the skill. */
  newInLock: boolean;
}

const downloadsAtOnce = 4;

/**
 * Pulls skills: the version that the lock pins, whose content has to be what the lock says (else `skill_altered`), or the
 * one that was asked for; of a skill that is not in the lock the latest, if the platform has exactly one of that name.
 * Throws before anything is written: `usage`, `drift` where a folder holds something else and is not to be overwritten,
 * `skill_invalid` for a version that could not be pushed again, `platform_refused`, `already_running`.
 */
export async function pullSkills(request: PullRequest): Promise<PulledSkill[]> {
  const names = checkedNames(request);
  const { folder, lockFile, planIn } = request;
  if (planIn !== undefined) return await planPull(request, names, planIn);
  const folders = [...new Set([lockFile, lockFileOf(folder)])].map((path) => ({ lockFile: path }));
  // The files that hold others off lie there too.
  await makeFolder(folder);
  const release = await holdLocks({ ...request, folders });
  try {
    await finishStages(folder);
    const lock = await readLockFile(lockFile);
    const platform = await request.openPlatform();
    const targets = await findTargets(platform, names, lock, request.versionId);
    const stage = await openStage(folder);
    try {
      return await pullInto(stage, { ...request, platform, targets, lock });
    } finally {
      await finishStages(folder);
    }
  } finally {
    await release();
  }
}

/** Downloads and judges everything, and puts nothing in its place. */
async function planPull(request: PullRequest, names: readonly string[], planIn: string): Promise<PulledSkill[]> {
  const { folder, lockFile, versionId } = request;
  const lock = await readLockFile(lockFile);
  const platform = await request.openPlatform();
  const targets = await findTargets(platform, names, lock, versionId);
  const stage = await openStage(folder, planIn);
  try {
    return await stageAll(stage, { ...request, platform, targets });
  } finally {
    await removeFolder(stage.path);
  }
}

function checkedNames({ names, versionId }: PullRequest): string[] {
  for (const name of names) {
    const wrong = nameProblem(name);
    if (wrong !== undefined) throw new AppError('usage', `${quote(name)} is not a skill: ${wrong}`);
  }
  const unique = [...new Set(names)];
  if (versionId !== undefined && unique.length > 1) {
    throw new AppError('usage', 'a version is one of one skill, but several were named');
  }
  return unique;
}

/** A version to pull. */
interface Target {
  name: string;
  skillId: string;
  versionId: string;
  /** What it has to hold; undefined where nobody has said so. */
  sha256: string | undefined;
  inLock: boolean;
}

async function findTargets(
  platform: Platform,
  names: readonly string[],
  lock: SkillsLock,
  asked: string | undefined,
): Promise<Target[]> {
  const unlocked = new Set(names.filter((name) => !lock.has(name)));
  const tied = new Set([...lock.values()].map(({ skillId }) => skillId));
  const latest = unlocked.size === 0 ? new Map<string, string>() : latestVersionsOf(await listSkills(platform));
  const untied = new Map([...latest].filter(([skillId]) => !tied.has(skillId)));
  const namesakes = unlocked.size === 0 ? new Map<string, string[]>() : await findNamesakes(platform, untied, unlocked);
  return names.map((name) => {
    const locked = lock.get(name);
    if (locked !== undefined) {
      const { skillId, versionId, sha256 } = locked;
      const isLocked = asked === undefined || asked === versionId;
      return { name, skillId, versionId: asked ?? versionId, sha256: isLocked ? sha256 : undefined, inLock: true };
    }
    const [skillId, ...others] = namesakes.get(name) ?? [];
    if (skillId === undefined)
      throw new AppError('usage', `neither the lock nor the platform knows a skill ${quote(name)}`, {
        hint: 'skills are named as in their SKILL.md; is the key one of the workspace that it was pushed to?',
      });
    if (others.length > 0) {
      const ids = [skillId, ...others].map(quote).join(', ');
      throw new AppError('drift', `the platform has several skills of the name ${quote(name)}: ${ids}`, {
        hint: 'nothing was chosen; delete all but one there, or put the one that is meant into the lock',
      });
    }
    return { name, skillId, versionId: asked ?? latest.get(skillId) ?? '', sha256: undefined, inLock: false };
  });
}

interface Downloading extends PullRequest {
  platform: Platform;
  targets: readonly Target[];
}

/** Stages what is to be pulled. Throws where anything of it cannot take its place. */
async function stageAll(stage: Stage, { platform, targets, ...request }: Downloading): Promise<PulledSkill[]> {
  const differing: string[] = [];
  const pulled = await inParallel(targets, downloadsAtOnce, async (target): Promise<PulledSkill> => {
    const { name, skillId, versionId, inLock } = target;
    const { files, sha256 } = await download(platform, target);
    const local = await localContent(request.folder, name);
    const change = local?.sha256 === sha256 ? 'unchanged' : 'pulled';
    if (change === 'pulled' && local !== undefined && !request.overwrite) {
      differing.push(`${join(visible(request.folder), name)}: ${differenceInWords(local.files, hashedFiles(files))}`);
    } else if (change === 'pulled') await stageSkill(stage, name, files, local);
    return { name, change, version: { skillId, versionId, sha256 }, newInLock: !inLock };
  });
  if (differing.length > 0) {
    throw new AppError('drift', ['what is here is not what is to be pulled', ...differing.sort()].join('\n'), {
      hint: 'nothing was written; --overwrite replaces it, files that are only here included',
    });
  }
  await refuseUnfit(stage, pulled.filter(isPulled));
  return pulled;
}

function isPulled({ change }: PulledSkill): boolean {
  return change === 'pulled';
}

async function pullInto(
  stage: Stage,
  { lock, ...request }: Downloading & { lock: SkillsLock },
): Promise<PulledSkill[]> {
  const pulled = await stageAll(stage, request);
  for (const { name } of pulled.filter(isPulled)) await takePlace(stage, name);
  const learned = pulled.filter(({ newInLock }) => newInLock);
  if (learned.length > 0) {
    await writeLockFile(
      request.lockFile,
      new Map([...lock, ...learned.map(({ name, version }) => [name, version] as const)]),
      request.platform.recorder,
    );
  }
  return pulled;
}

/** Downloads a version and holds it against the lock. Throws `skill_altered` or `platform_refused`. */
async function download(platform: Platform, target: Target): Promise<{ files: VersionFiles; sha256: string }> {
  const { name, skillId, versionId, sha256: expected } = target;
  try {
    const nameThere = await nameOfVersion(platform, skillId, versionId);
    if (nameThere !== name) throw altered(target, `has the name ${quote(nameThere)} on the platform`);
    const files = await downloadedFiles(platform, skillId, versionId);
    const content = hashOf(hashedFiles(files));
    if (expected !== undefined && content !== expected) {
      throw altered(target, `holds sha256 ${content}, the lock says ${expected}`);
    }
    return { files, sha256: content };
  } catch (cause) {
    if (!isMissing(cause, 'listed')) throw cause;
    throw new AppError(
      'platform_refused',
      `${name}: the platform has no version ${quote(versionId)} of ${quote(skillId)}`,
      {
        hint: 'nothing was written; take the folder from version control, or pull another one: --skill-version <id>',
        cause,
      },
    );
  }
}

function altered({ name, skillId, versionId }: Target, what: string): AppError {
  return new AppError('skill_altered', `${name}: version ${quote(versionId)} of ${quote(skillId)} ${what}`, {
    hint: 'nothing was written; find out who changed it on the platform, and do not start agents that pin it',
  });
}

/** What was pulled has to pass what a push would check, and to be what was downloaded: ignore files may leave some out. */
async function refuseUnfit(stage: Stage, pulled: readonly PulledSkill[]): Promise<void> {
  const staged = await readStaged(stage);
  for (const { name, version } of pulled) {
    if (staged.get(name) === version.sha256) continue;
    const text = `the platform's version of ${name} holds files that ignore files, or rules of every push, leave out here`;
    throw new AppError('skill_invalid', text, {
      hint: 'nothing was written; docs/skills-hash.md lists what is left out, and .skillignore can take some of it back in',
    });
  }
}

/** The content of the staged skills by name. */
async function readStaged(stage: Stage): Promise<Map<string, string>> {
  try {
    return new Map((await readStage(stage)).map(({ name, sha256 }) => [name, sha256]));
  } catch (error) {
    if (!(error instanceof SkillsInvalidError)) throw error;
    const inStage = join(stage.path, 'new', '/');
    const lines = error.problems.map(({ file, ...problem }) =>
      formatProblem({ ...problem, file: file.startsWith(inStage) ? file.slice(inStage.length) : file }),
    );
    throw new AppError('skill_invalid', ['the platform holds what could not be pushed', ...lines].join('\n'), {
      hint: 'nothing was written; look at who uploaded it, or pull another version: --skill-version <id>',
      cause: error,
    });
  }
}

/** Proves that the platform still holds what locks say: each pinned version is downloaded and hashed. Changes nothing. */

import { inParallel } from '../async/in-parallel.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { isMissing } from '../platform/live.ts';
import { sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import { downloadedFiles, UnreadableVersionError, type VersionFiles } from './download/download.ts';
import { SkillsInvalidError } from './folder/problem.ts';
import { type HashedFile, hashOf } from './hash.ts';
import { differenceInWords, localContent } from './local-content.ts';
import type { LockedSkill, SkillsLock } from './lock.ts';

/** A lock and the folder of skills that it belongs to, which need not be there. */
export interface LockToVerify {
  folder: string;
  lock: SkillsLock;
}

/** What a pinned version was found to be. */
export interface VerifiedSkill {
  folder: string;
  name: string;
  locked: LockedSkill;
  /**
   * `altered`: it holds something else, or is another skill's; `gone`: the platform has no such version;
   * `unreadable`: the platform has it, but nothing came that could be looked at.
   */
  outcome: 'intact' | 'altered' | 'gone' | 'unreadable';
  /** What speaks against it, in words; empty for an intact one. */
  why: string;
}

/** What was found, and what kept the rest from being looked at. */
export interface Verification {
  /** In the order of the locks, and of the names in them. */
  verified: readonly VerifiedSkill[];
  /** How many skills the locks hold. */
  all: number;
  /** The first failure that is about no single version. */
  failure?: unknown;
}

/** How many versions are in memory at the same time. */
const downloadsAtOnce = 8;

/** Downloads every version that the locks pin and judges it. `onLooked` is told how many have been. */
export async function verifySkills(
  platform: Platform,
  locks: readonly LockToVerify[],
  onLooked: (looked: number, all: number) => void = () => {},
): Promise<Verification> {
  const pinned = locks.flatMap(({ folder, lock }) =>
    [...lock].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, locked]) => ({ folder, name, locked })),
  );
  const found: VerifiedSkill[] = [];
  let looked = 0;
  const finished = inParallel([...pinned.entries()], downloadsAtOnce, async ([index, skill]) => {
    found[index] = await verifySkill(platform, skill);
    looked += 1;
    onLooked(looked, pinned.length);
  });
  const failure: unknown = await finished.then(
    () => undefined,
    (error: unknown) => error,
  );
  // Those that were not looked at have left holes.
  return { verified: found.filter(() => true), all: pinned.length, ...(failure !== undefined && { failure }) };
}

/**
 * The error that a verification ends in; undefined where every version is intact. Versions that are not what the lock says
 * weigh more (`skill_altered`) than what could not be looked at (`platform_refused`, or whatever kept us from it).
 */
export function verificationError({ verified, all, failure }: Verification): unknown {
  if (failure instanceof AppError && failure.code === 'interrupted') return failure;
  const wrong = verified.filter(({ outcome }) => outcome === 'altered' || outcome === 'gone');
  const unreadable = verified.filter(({ outcome }) => outcome === 'unreadable');
  if (wrong.length === 0 && failure !== undefined) return failure;
  const lines = [...wrong, ...unreadable].map(({ name, outcome, why }) => `${name}: ${outcome}: ${why}`);
  if (failure !== undefined) {
    const reason = failure instanceof Error ? failure.message : String(failure);
    lines.push(`${all - verified.length} more could not be looked at: ${reason}`);
  }
  if (wrong.length > 0) {
    const first = `${wrong.length} of ${all} ${all === 1 ? 'skill is' : 'skills are'} not what the lock says`;
    const allGone = wrong.length === all && wrong.every(({ outcome }) => outcome === 'gone');
    const hint = 'is the key one of the workspace that they were pushed to? if so, find out who deleted them';
    return new AppError('skill_altered', [first, ...lines].join('\n'), allGone ? { hint } : {});
  }
  if (unreadable.length === 0) return undefined;
  const first = `${unreadable.length} of ${all} ${all === 1 ? 'skill' : 'skills'} could not be looked at`;
  const hint = 'run again; if it stays so, push these skills as new versions';
  return new AppError('platform_refused', [first, ...lines].join('\n'), { hint });
}

type Pinned = Pick<VerifiedSkill, 'folder' | 'name' | 'locked'>;

async function verifySkill(platform: Platform, pinned: Pinned): Promise<VerifiedSkill> {
  const { name, locked } = pinned;
  const { skillId, versionId } = locked;
  const version = `version ${quote(versionId)} of ${quote(skillId)}`;
  try {
    const nameThere = await nameOfVersion(platform, skillId, versionId);
    const files = hashedFiles(await downloadedFiles(platform, skillId, versionId));
    const content = hashOf(files);
    if (content !== locked.sha256) {
      const difference = await differenceFromFolder(pinned, files);
      const why = `${version} holds sha256 ${content}, the lock says ${locked.sha256}${difference}`;
      return { ...pinned, outcome: 'altered', why };
    }
    if (nameThere !== name) {
      return { ...pinned, outcome: 'altered', why: `${version} has the name ${quote(nameThere)} on the platform` };
    }
    return { ...pinned, outcome: 'intact', why: '' };
  } catch (error) {
    if (isMissing(error, 'listed')) return { ...pinned, outcome: 'gone', why: `the platform has no ${version}` };
    if (error instanceof UnreadableVersionError || (error instanceof PlatformError && error.status === 409)) {
      return { ...pinned, outcome: 'unreadable', why: error.message };
    }
    throw error;
  }
}

/** The name that the platform has for a version: what the folder is called that agents see. */
export async function nameOfVersion(platform: Platform, skillId: string, versionId: string): Promise<string> {
  const { name } = await platform.skills.retrieveVersion(skillId, versionId);
  if (name !== undefined) return name;
  throw new UnreadableVersionError(
    'platform_refused',
    `the platform does not say the name of version ${quote(versionId)} of skill ${quote(skillId)}`,
    { hint: 'run again; if it stays so, check ANTHROPIC_BASE_URL, and what stands between you and the platform' },
  );
}

/** The files of a version as their hashes. */
export function hashedFiles(files: VersionFiles): HashedFile[] {
  return [...files].map(([path, bytes]) => ({ path, sha256: sha256(bytes) }));
}

/** Which files differ: known where the folder still holds what was pushed. */
async function differenceFromFolder({ folder, name, locked }: Pinned, there: readonly HashedFile[]): Promise<string> {
  try {
    const local = await localContent(folder, name);
    return local?.sha256 === locked.sha256 ? `; ${differenceInWords(local.files, there)}` : '';
  } catch (error) {
    // The folder is only there to say more; what is wrong with it is for the next push to say.
    if (error instanceof SkillsInvalidError) return '';
    throw error;
  }
}

/** Carries out a plan: each change is one request to the platform, and the lock is written after each. */
import { type Platform, PlatformError } from '../platform/client.ts';
import { inParallel } from './in-parallel.ts';
import { type LockedSkill, type SkillsLock, writeLockFile } from './lock.ts';
import { type Change, planChanges } from './plan.ts';
import { readSkillFile, type Skill } from './read.ts';
import { listLatestVersions, surveySkills } from './survey.ts';

/** Enough that latency does not count, few enough for the platform's limit on creates (300 a minute). */
const uploadsAtOnce = 8;

/** What the changes work on. */
export interface Target {
  platform: Platform;
  lockFile: string;
  /** What the lock file says now. */
  lock: SkillsLock;
  /** Told after each change. */
  onChanged(change: Change, locked: LockedSkill): void;
}

/** Carries out the changes and returns the lock as it is then. A failure leaves a lock that is true for what happened. */
export async function applyChanges(changes: readonly Change[], target: Target): Promise<SkillsLock> {
  const lock = new Map(target.lock);
  let writing: Promise<void> = Promise.resolve();
  const pending = changes.filter(
    (change) => change.kind === 'create' || change.kind === 'update' || change.kind === 'adopt',
  );
  await inParallel(pending, uploadsAtOnce, async (change) => {
    const locked = change.kind === 'adopt' ? change.locked : await uploadOrFind(change, target.platform, lock);
    lock.set(change.skill.name, locked);
    // One write at a time, each with all that is known by then.
    writing = writing.then(() => writeLockFile(target.lockFile, lock));
    await writing;
    target.onChanged(change, locked);
  });
  return lock;
}

type Upload = Extract<Change, { kind: 'create' | 'update' }>;

/** Uploads; where the answer is lost, looks whether the upload arrived instead of sending it again (P8). */
async function uploadOrFind(change: Upload, platform: Platform, lock: SkillsLock): Promise<LockedSkill> {
  try {
    return await upload(change, platform);
  } catch (error) {
    if (!(error instanceof PlatformError) || error.outcome !== 'unknown') throw error;
    const found = await findUploaded(change.skill, platform, lock).catch(() => undefined);
    if (found === undefined) throw error;
    return found;
  }
}

async function upload(change: Upload, platform: Platform): Promise<LockedSkill> {
  const { skill } = change;
  // A File carries exactly the name we give it; a read stream would send its path on this disk.
  const files: File[] = [];
  for (const file of skill.files) {
    files.push(new File([await readSkillFile(skill, file)], `${skill.name}/${file.path}`));
  }
  const options = { timeout: uploadTimeoutMs(skill) };
  if (change.kind === 'update') {
    const { skillId } = change.locked;
    const version = await platform.change({ act: 'skill_version.create', target: skill.name }, (client) =>
      client.skills.versions.create(skillId, { files }, options),
    );
    return { skillId, versionId: version.id, sha256: skill.sha256 };
  }
  const created = await platform.change({ act: 'skill.create', target: skill.name }, (client) =>
    client.skills.create({ files }, options),
  );
  return { skillId: created.id, versionId: created.latest_version_id, sha256: skill.sha256 };
}

/** The platform's skill, if it holds exactly what we have. */
async function findUploaded(skill: Skill, platform: Platform, lock: SkillsLock): Promise<LockedSkill | undefined> {
  const survey = await surveySkills(platform, await listLatestVersions(platform), [skill], lock);
  const change = planChanges([skill], lock, survey).find(({ kind }) => kind === 'adopt');
  return change?.kind === 'adopt' ? change.locked : undefined;
}

/** A minute, and more for a large skill on a slow line (100 kB a second). */
function uploadTimeoutMs(skill: Skill): number {
  const bytes = skill.files.reduce((sum, file) => sum + file.size, 0);
  return 60_000 + Math.ceil(bytes / 100);
}

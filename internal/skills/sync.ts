/** Brings the platform's skills in line with folders of skills: read and check, look, plan, apply. */
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import { visible } from '../text/quote.ts';
import { applyChanges } from './apply.ts';
import { readLockFile, type SkillsLock } from './lock.ts';
import { type Change, nameOf, planChanges } from './plan.ts';
import { readSkills, type Skill } from './read.ts';
import { type LatestVersions, listLatestVersions, surveySkills } from './survey.ts';

/** A folder of skills and the lock that belongs to it. */
interface SkillsFolder {
  folder: string;
  lockFile: string;
}

/** What a run works with. */
export interface SyncSettings {
  folders: readonly SkillsFolder[];
  /** False for a plan only: nothing is changed, here and there. */
  apply: boolean;
  /** Called when the platform is needed for the first time, after everything local was checked. */
  openPlatform(): Promise<Platform>;
  /** For people who watch. */
  say(text: string): void;
}

/** What became of a skill, or what would. */
export interface SyncedSkill {
  folder: string;
  name: string;
  change: Exclude<Change['kind'], 'drifted'>;
  /** Whether the change was made in this run. */
  applied: boolean;
  /** As in the lock; undefined for a skill that is only planned to be created. */
  skillId: string | undefined;
  /** Undefined where only the upload will tell. */
  versionId: string | undefined;
  sha256: string;
}

/** Plans and, unless only a plan is wanted, applies. Throws before anything is changed when one skill cannot be. */
export async function syncSkills(settings: SyncSettings): Promise<SyncedSkill[]> {
  const { skills, skipped } = await readSkills(settings.folders.map(({ folder }) => folder));
  for (const folder of skipped) settings.say(`${visible(folder)}: no SKILL.md, left out`);
  const parts = await Promise.all(
    settings.folders.map(async (place, index) => ({
      ...place,
      skills: skills[index] ?? [],
      lock: await readLockFile(place.lockFile),
    })),
  );

  const platform = parts.some((part) => part.skills.length > 0) ? await settings.openPlatform() : undefined;
  const latestVersions = platform === undefined ? new Map() : await listLatestVersions(platform);
  const plans: (Part & { changes: Change[] })[] = [];
  for (const part of parts) plans.push({ ...part, changes: await planPart(part, platform, latestVersions) });
  refuseDrift(plans.flatMap((plan) => plan.changes));

  const synced: SyncedSkill[] = [];
  for (const { folder, lockFile, lock, changes } of plans) {
    const apply = settings.apply && platform !== undefined;
    const after = apply
      ? await applyChanges(changes, {
          platform,
          lockFile,
          lock,
          onChanged: (change, locked) =>
            settings.say(
              `${nameOf(change)}: ${change.kind === 'adopt' ? 'found' : 'uploaded'} as ${visible(locked.versionId)}`,
            ),
        })
      : lock;
    synced.push(...changes.map((change) => ({ folder, ...describeChange(change, after, apply) })));
  }
  return synced;
}

interface Part extends SkillsFolder {
  skills: Skill[];
  lock: SkillsLock;
}

async function planPart(part: Part, platform: Platform | undefined, latestVersions: LatestVersions): Promise<Change[]> {
  const survey =
    platform === undefined
      ? { latestVersions, namesakes: new Map(), contents: new Map() }
      : await surveySkills(platform, latestVersions, part.skills, part.lock);
  return planChanges(part.skills, part.lock, survey);
}

function refuseDrift(changes: readonly Change[]): void {
  const lines = changes.flatMap((change) =>
    change.kind === 'drifted' ? [`${change.skill.name}: ${change.what}; ${change.fix}`] : [],
  );
  if (lines.length === 0) return;
  throw new AppError('drift', ['the platform is not as the lock says', ...lines].join('\n'), {
    hint: 'nothing was uploaded; put these right and run again',
  });
}

function describeChange(change: Change, lock: SkillsLock, applied: boolean): Omit<SyncedSkill, 'folder'> {
  if (change.kind === 'drifted') throw new Error('a drifted skill is never described');
  if (change.kind === 'orphaned') return { name: change.name, change: 'orphaned', applied: false, ...change.locked };
  const { skill, kind } = change;
  const locked = lock.get(skill.name);
  const versionId =
    kind === 'adopt' ? change.locked.versionId : kind === 'update' && !applied ? undefined : locked?.versionId;
  return {
    name: skill.name,
    change: kind,
    applied: applied && kind !== 'unchanged',
    skillId: kind === 'adopt' ? change.locked.skillId : locked?.skillId,
    versionId,
    sha256: skill.sha256,
  };
}

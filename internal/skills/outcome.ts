/** A plan, or what came of it, in the words of a report. Pure. */
import type { SkillsLock } from './lock.ts';
import { type Change, nameOf } from './plan.ts';
import type { SkillOutcome } from './report/report.ts';
import type { SkillsPlan } from './skills-plan.ts';

/** What has been done of a plan: keys of changes (folder and name), and each folder's lock as it is then. */
export interface Progress {
  done: Set<string>;
  locks: SkillsLock[];
}

/** The key of a change among those that are done. */
export function keyOf(folder: string, change: Change): string {
  return `${folder}\n${nameOf(change)}`;
}

/** What became of each skill, or what would: with `progress`, the plan was carried out as far as that says. */
export function outcomesOf(
  { parts }: SkillsPlan,
  naming: ReadonlyMap<string, readonly string[]>,
  progress?: Progress,
): SkillOutcome[] {
  return parts.flatMap(({ folder, lock, changes, invalid }, index) => {
    const planned = changes.map((change) => ({
      folder,
      ...outcomeOf(change, progress?.locks[index] ?? lock, progress?.done.has(keyOf(folder, change)) === true),
      agents: naming.get(nameOf(change)) ?? [],
    }));
    return [...planned, ...[...invalid].map((name) => ({ folder, ...invalidOutcome(name, lock), agents: [] }))].sort(
      (a, b) => (a.name < b.name ? -1 : 1),
    );
  });
}

function invalidOutcome(name: string, lock: SkillsLock): Omit<SkillOutcome, 'folder' | 'agents'> {
  const { skillId, versionId } = lock.get(name) ?? {};
  return { name, change: 'invalid', applied: false, skillId, versionId, sha256: '' };
}

function outcomeOf(change: Change, lock: SkillsLock, applied: boolean): Omit<SkillOutcome, 'folder' | 'agents'> {
  const name = nameOf(change);
  const base = { name, change: change.kind, applied: false, skillId: undefined, versionId: undefined, sha256: '' };
  switch (change.kind) {
    case 'orphaned':
      return { ...base, ...change.locked, ...(change.where !== undefined && { where: change.where }) };
    case 'prune':
      return { ...base, ...change.locked, applied };
    case 'blocked': {
      const { what, fix, skill } = change;
      const known = { ...lock.get(name), ...change.remote };
      return { ...base, ...known, sha256: skill?.sha256 ?? known.sha256 ?? '', blocked: { what, fix } };
    }
    default: {
      const { kind, skill } = change;
      const known = applied || kind === 'unchanged' ? lock.get(name) : 'locked' in change ? change.locked : undefined;
      return {
        ...base,
        applied: applied && kind !== 'unchanged',
        skillId: known?.skillId,
        // Only the upload will tell.
        versionId: kind === 'update' && !applied ? undefined : known?.versionId,
        sha256: skill.sha256,
        ...(kind === 'rename' && { renamedFrom: change.from }),
      };
    }
  }
}

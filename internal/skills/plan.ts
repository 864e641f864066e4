/** Compares local skills, the lock and the platform, and decides what to do about each skill. Pure. */
import { quote } from '../text/quote.ts';
import type { Skill } from './folder/read.ts';
import type { LockedSkill, SkillsLock } from './lock.ts';
import type { Survey } from './survey.ts';
import type { Whereabouts } from './whereabouts.ts';

/** What is to be done about one skill. */
export type Change =
  /** No lock and no platform skill of this name: uploaded as a new skill. */
  | { kind: 'create'; skill: Skill }
  /** As `create`; the same content under the name `from`, whose folder is gone. The platform cannot rename a skill. */
  | { kind: 'rename'; skill: Skill; from: string }
  /** Uploaded as a new version over `locked`, which the platform has as its latest. `overwrites`: nobody here knew it. */
  | { kind: 'update'; skill: Skill; locked: LockedSkill; overwrites: boolean }
  /** The platform already holds exactly this content: written into the lock, nothing is uploaded. */
  | { kind: 'adopt'; skill: Skill; locked: LockedSkill }
  | { kind: 'unchanged'; skill: Skill; locked: LockedSkill }
  /** In the lock, but its folder is not read: reported and left alone, here and there. */
  | { kind: 'orphaned'; name: string; locked: LockedSkill; where: Whereabouts | undefined }
  /** As `orphaned`, gone for good and to be deleted, here and there. `gone`: the platform has it no more. */
  | { kind: 'prune'; name: string; locked: LockedSkill; gone: boolean }
  /** The platform is not as the lock says, or an agent is in the way: a person decides, nothing is guessed. */
  | Blocked;

/** A change that cannot be made. */
export interface Blocked {
  kind: 'blocked';
  name: string;
  /** Undefined for a skill that was to be pruned. */
  skill: Skill | undefined;
  code: 'drift' | 'skill_in_use' | 'skill_not_gone';
  what: string;
  fix: string;
  /** What the platform holds instead, where that is one version. */
  remote?: { skillId: string; versionId: string };
}

/** What the person who runs it has chosen. */
export interface Choices {
  /** Upload over versions that the lock does not know. */
  overwrite: boolean;
  /** Delete skills whose folder is gone. */
  prune: boolean;
}

/** A plan: what is to be done about every skill of a folder and of its lock, sorted by name. */
export function planChanges(
  skills: readonly Skill[],
  lock: SkillsLock,
  survey: Survey,
  choices: Choices = { overwrite: false, prune: false },
): Change[] {
  const changes = skills.map((skill) => {
    const locked = lock.get(skill.name);
    return locked === undefined ? planUnlocked(skill, survey, choices) : planLocked({ skill, locked }, survey, choices);
  });
  const names = new Set(skills.map((skill) => skill.name));
  for (const [name, locked] of lock) {
    if (!names.has(name)) changes.push(planOrphan(name, locked, survey, choices));
  }
  return changes.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** The skill that a change is about. */
export function nameOf(change: Change): string {
  return 'name' in change ? change.name : change.skill.name;
}

/** Whether a change is still to be made. An orphan that nobody wants to delete is not. */
export function isPending(change: Change): boolean {
  return change.kind !== 'unchanged' && change.kind !== 'orphaned';
}

function planLocked(
  { skill, locked }: { skill: Skill; locked: LockedSkill },
  survey: Survey,
  choices: Choices,
): Change {
  const latest = survey.latestVersions.get(locked.skillId);
  if (latest === undefined) {
    // Of two runs that made the same skill at once, one deletes its own: killed right then, its lock still names that one.
    const instead = planUnlocked(skill, survey, { ...choices, overwrite: false });
    if (instead.kind === 'adopt') return instead;
    return drifted(
      skill,
      `the platform has no skill ${quote(locked.skillId)} any more`,
      'remove it from the lock to upload it as a new skill',
    );
  }
  if (latest === locked.versionId) {
    if (skill.sha256 === locked.sha256) return { kind: 'unchanged', skill, locked };
    return { kind: 'update', skill, locked, overwrites: false };
  }
  // Somebody uploaded since: this very content (a run whose answer was lost), or something else.
  return adoptOrDrift(skill, { skillId: locked.skillId, versionId: latest }, survey, choices);
}

function planUnlocked(skill: Skill, survey: Survey, choices: Choices): Change {
  const [id, ...others] = survey.namesakes.get(skill.name) ?? [];
  if (id === undefined) {
    const from = survey.renames.get(skill.name);
    return from === undefined ? { kind: 'create', skill } : { kind: 'rename', skill, from };
  }
  if (others.length > 0) {
    const ids = [id, ...others].map(quote).join(', ');
    return drifted(skill, `the platform has several skills of this name: ${ids}`, 'delete all but one there');
  }
  return adoptOrDrift(skill, { skillId: id, versionId: survey.latestVersions.get(id) ?? '' }, survey, choices);
}

function adoptOrDrift(
  skill: Skill,
  remote: { skillId: string; versionId: string },
  { contents }: Survey,
  { overwrite }: Choices,
): Change {
  const content = contents.get(remote.skillId)?.sha256;
  if (content === skill.sha256) return { kind: 'adopt', skill, locked: { ...remote, sha256: skill.sha256 } };
  if (overwrite && content !== undefined) {
    return { kind: 'update', skill, locked: { ...remote, sha256: content }, overwrites: true };
  }
  const what =
    `the platform's latest version is neither the one in the lock nor what the folder holds ` +
    `(skill_id ${quote(remote.skillId)}, version_id ${quote(remote.versionId)}, sha256 ${content ?? 'not known'})`;
  // A command is there to be pasted: no id becomes more than one word of it.
  const id = /^[\w.-]+$/.test(remote.versionId) ? remote.versionId : '<id>';
  const taken = `skill-sync pull ${skill.name} --skill-version ${id} --overwrite`;
  const fix = `look at who uploaded it; then --overwrite uploads over it, or ${taken} takes it over`;
  return { ...drifted(skill, what, fix), remote };
}

function planOrphan(name: string, locked: LockedSkill, survey: Survey, choices: Choices): Change {
  const where = survey.whereabouts.get(name);
  if (!choices.prune) return { kind: 'orphaned', name, locked, where };
  const latest = survey.latestVersions.get(locked.skillId);
  const pinners = survey.pinners.get(name) ?? [];
  const blocked = { kind: 'blocked', name, skill: undefined } as const;
  if (where !== undefined) {
    return { ...blocked, code: 'skill_not_gone', what: `it is to be deleted, but ${where.what}`, fix: where.fix };
  }
  if (pinners.length > 0) {
    const what = `it is to be deleted, but is pinned by ${pinners.join(', ')}`;
    return { ...blocked, code: 'skill_in_use', what, fix: 'have them pin something else first' };
  }
  if (latest !== undefined && latest !== locked.versionId && !choices.overwrite) {
    const what = `it is to be deleted, but somebody uploaded the version ${quote(latest)} since`;
    return { ...blocked, code: 'drift', what, fix: 'look at who uploaded it; --overwrite deletes it all the same' };
  }
  return {
    kind: 'prune',
    name,
    locked: { ...locked, versionId: latest ?? locked.versionId },
    gone: latest === undefined,
  };
}

function drifted(skill: Skill, what: string, fix: string): Blocked {
  return { kind: 'blocked', name: skill.name, skill, code: 'drift', what, fix };
}

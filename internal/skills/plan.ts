/** Compares local skills, the lock and the platform, and decides what to do about each skill. Pure. */
import { quote } from '../text/quote.ts';
import type { LockedSkill, SkillsLock } from './lock.ts';
import type { Skill } from './read.ts';
import type { Survey } from './survey.ts';

/** What is to be done about one skill. */
export type Change =
  /** No lock and no platform skill of this name: uploaded as a new skill. */
  | { kind: 'create'; skill: Skill }
  /** The folder changed since the locked version, the platform did not: uploaded as a new version. */
  | { kind: 'update'; skill: Skill; locked: LockedSkill }
  /** The platform already holds exactly this content: written into the lock, nothing is uploaded. */
  | { kind: 'adopt'; skill: Skill; locked: LockedSkill }
  | { kind: 'unchanged'; skill: Skill; locked: LockedSkill }
  /** In the lock, but its folder is gone: reported and left alone, here and there. */
  | { kind: 'orphaned'; name: string; locked: LockedSkill }
  /** The platform is not as the lock says: a person decides, nothing is guessed. */
  | { kind: 'drifted'; skill: Skill; what: string; fix: string };

/** A plan: what is to be done about every skill of a folder and of its lock, sorted by name. */
export function planChanges(skills: readonly Skill[], lock: SkillsLock, survey: Survey): Change[] {
  const changes = skills.map((skill) => {
    const locked = lock.get(skill.name);
    return locked === undefined ? planUnlocked(skill, survey) : planLocked(skill, locked, survey);
  });
  const names = new Set(skills.map((skill) => skill.name));
  for (const [name, locked] of lock) {
    if (!names.has(name)) changes.push({ kind: 'orphaned', name, locked });
  }
  return changes.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** The skill that a change is about. */
export function nameOf(change: Change): string {
  return change.kind === 'orphaned' ? change.name : change.skill.name;
}

function planLocked(skill: Skill, locked: LockedSkill, { latestVersions, contents }: Survey): Change {
  const latest = latestVersions.get(locked.skillId);
  if (latest === undefined) {
    return {
      kind: 'drifted',
      skill,
      what: `the platform has no skill ${quote(locked.skillId)} any more`,
      fix: 'remove it from the lock to upload it as a new skill',
    };
  }
  if (latest === locked.versionId) {
    return { kind: skill.sha256 === locked.sha256 ? 'unchanged' : 'update', skill, locked };
  }
  // Somebody uploaded since: this very content (a run whose answer was lost), or something else.
  return adoptOrDrift(skill, { skillId: locked.skillId, versionId: latest, content: contents.get(locked.skillId) });
}

function planUnlocked(skill: Skill, { latestVersions, namesakes, contents }: Survey): Change {
  const [id, ...others] = namesakes.get(skill.name) ?? [];
  if (id === undefined) return { kind: 'create', skill };
  if (others.length > 0) {
    const ids = [id, ...others].map(quote).join(', ');
    return {
      kind: 'drifted',
      skill,
      what: `the platform has several skills of this name: ${ids}`,
      fix: 'delete all but one there',
    };
  }
  return adoptOrDrift(skill, { skillId: id, versionId: latestVersions.get(id) ?? '', content: contents.get(id) });
}

interface RemoteContent {
  skillId: string;
  versionId: string;
  content: string | undefined;
}

function adoptOrDrift(skill: Skill, { skillId, versionId, content }: RemoteContent): Change {
  if (content === skill.sha256) return { kind: 'adopt', skill, locked: { skillId, versionId, sha256: skill.sha256 } };
  return {
    kind: 'drifted',
    skill,
    what:
      `the platform's latest version is neither the one in the lock nor what the folder holds ` +
      `(skill_id ${quote(skillId)}, version_id ${quote(versionId)}, sha256 ${content ?? 'not known'})`,
    fix: 'look at who uploaded it; with these three values in the lock, the next run uploads over it',
  };
}

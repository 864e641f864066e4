import type { Skill } from '@anthropic-ai/sdk/resources/skills/skills';
import type { SkillVersion } from '@anthropic-ai/sdk/resources/skills/versions';
import { notFound } from './api-error.ts';
import { Collection } from './collection.ts';
import { newId } from './identifier.ts';
import type { SkillUpload } from './skill-upload.ts';
import type { Workspace } from './workspace.ts';

/** One version of a skill. Documented: it is a full snapshot. */
export interface SkillVersionRecord {
  readonly id: string;
  readonly shown: SkillVersion;
  readonly files: SkillUpload['files'];
}

/** A stored skill. */
export interface SkillRecord {
  readonly id: string;
  /** Documented: fixed by the first upload. */
  readonly name: string;
  shown: Skill;
  readonly versions: Collection<SkillVersionRecord>;
}

/** Adds a skill with its first version. */
export function addSkill(workspace: Workspace, upload: SkillUpload, displayName: string): SkillRecord {
  const id = newId('skill');
  const now = workspace.clock.timestamp();
  const first = versionOf(id, upload, now);
  const skill: SkillRecord = {
    id,
    name: upload.name,
    versions: new Collection(),
    shown: {
      id,
      type: 'skill',
      display_name: displayName,
      latest_version_id: first.id,
      source: { type: 'custom' },
      created_at: now,
      updated_at: now,
    },
  };
  skill.versions.add(first);
  return workspace.skills.add(skill);
}

/** Adds a version, which becomes the newest. choices.skillDuplicates */
export function addSkillVersion(workspace: Workspace, skill: SkillRecord, upload: SkillUpload): SkillVersionRecord {
  const now = workspace.clock.timestamp();
  const version = skill.versions.add(versionOf(skill.id, upload, now));
  skill.shown = { ...skill.shown, latest_version_id: version.id, updated_at: now };
  return version;
}

function versionOf(skillId: string, upload: SkillUpload, now: string): SkillVersionRecord {
  const id = newId('skver');
  const { name, description, files } = upload;
  return { id, files, shown: { id, type: 'skill_version', skill_id: skillId, name, description, created_at: now } };
}

/** Finds a skill of the workspace, or throws the documented error. */
export function findSkill(workspace: Workspace, id: string): SkillRecord {
  const skill = workspace.skills.find(id);
  if (skill === undefined) throw notFound('skill', id);
  return skill;
}

/** Finds a version by its id. Documented: `latest` is an id only in references, not in every path. */
export function findSkillVersion(skill: SkillRecord, id: string): SkillVersionRecord {
  const version = skill.versions.find(id);
  if (version === undefined) throw notFound('skill version', id);
  return version;
}

/** Skills and their versions, as the platform answers them. */
import { tellUnknown } from './known-members.ts';
import { type Reading, text, thingOf } from './reading.ts';

/** A skill. */
export interface SkillAnswer {
  id: string;
  /** Empty where it was not said, which is no version. */
  latest_version_id: string;
  created_at: string;
}

/** Reads a skill. */
export function readSkillAnswer(value: unknown, reading: Reading): SkillAnswer {
  const skill = thingOf(value, 'a skill');
  tellUnknown('skill', skill, reading);
  return {
    id: skill.id,
    latest_version_id: text(skill['latest_version_id']) ?? '',
    created_at: text(skill['created_at']) ?? '',
  };
}

/** A version of a skill. */
export interface SkillVersionAnswer {
  id: string;
  /** Undefined where it was not said. */
  name: string | undefined;
  created_at: string;
}

/** Reads a version of a skill. */
export function readSkillVersionAnswer(value: unknown, reading: Reading): SkillVersionAnswer {
  const version = thingOf(value, 'a version of a skill');
  tellUnknown('skill_version', version, reading);
  return { id: version.id, name: text(version['name']), created_at: text(version['created_at']) ?? '' };
}

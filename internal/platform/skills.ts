/** Skills and their versions: what the platform answers, and what it can be asked for. */

import { quote } from '../text/quote.ts';
import { type Door, eachOf, type How, nothing } from './door.ts';
import { tellUnknown } from './known-members.ts';
import { type Reading, text, thingOf } from './reading.ts';

export interface Skill {
  id: string;
  /** Empty where it was not said, which is no version. */
  latest_version_id: string;
  created_at: string;
}

function readSkill(value: unknown, reading: Reading): Skill {
  const skill = thingOf(value, 'a skill');
  tellUnknown('skill', skill, reading);
  return {
    id: skill.id,
    latest_version_id: text(skill['latest_version_id']) ?? '',
    created_at: text(skill['created_at']) ?? '',
  };
}

export interface SkillVersion {
  id: string;
  /** Undefined where it was not said. */
  name: string | undefined;
  created_at: string;
}

function readVersion(value: unknown, reading: Reading): SkillVersion {
  const version = thingOf(value, 'a version of a skill');
  tellUnknown('skill_version', version, reading);
  return { id: version.id, name: text(version['name']), created_at: text(version['created_at']) ?? '' };
}

/** Files to upload, and how long that may take in milliseconds. */
export interface Upload {
  files: File[];
  timeoutMs: number;
}

/** What is asked of skills and their versions. */
export const skillVerbs = ({ read, pages, change }: Door) => ({
  list: (query: { source?: string; limit?: number } = {}) =>
    eachOf(pages('list the skills', readSkill, ({ skills }, page) => skills.list({ limit: 100, ...query, ...page }))),
  retrieve: (id: string) => read(`look at skill ${id}`, readSkill, ({ skills }) => skills.retrieve(id)),
  create: (label: string, { files, timeoutMs: timeout }: Upload) =>
    change('skill.create', undefined, { label }, readSkill, ({ skills }) => skills.create({ files }, { timeout })),
  delete: (id: string, how: How) => change('skill.delete', id, how, nothing, ({ skills }) => skills.delete(id)),
  listVersions: (id: string) =>
    eachOf(
      pages(`list the versions of ${id}`, readVersion, ({ skills }, page) =>
        skills.versions.list(id, { limit: 100, ...page }),
      ),
    ),
  retrieveVersion: (id: string, versionId: string) =>
    read(`look at version ${quote(versionId)} of skill ${quote(id)}`, readVersion, ({ skills }) =>
      skills.versions.retrieve(versionId, { skill_id: id }),
    ),
  createVersion: (id: string, label: string, { files, timeoutMs: timeout }: Upload) =>
    change('skill_version.create', undefined, { label }, readVersion, ({ skills }) =>
      skills.versions.create(id, { files }, { timeout }),
    ),
  deleteVersion: (id: string, versionId: string, how: How) =>
    change('skill_version.delete', versionId, how, nothing, ({ skills }) =>
      skills.versions.delete(versionId, { skill_id: id }),
    ),
  downloadVersion: (id: string, versionId: string) =>
    read(
      `download version ${quote(versionId)} of skill ${quote(id)}`,
      (archive) => archive as Uint8Array,
      async ({ betaSkills }) => {
        const answer = await betaSkills.versions.download(versionId, { skill_id: id }, { timeout: downloadTimeoutMs });
        return new Uint8Array(await answer.arrayBuffer());
      },
    ),
});

/** 30 MB at 250 kB a second. */
const downloadTimeoutMs = 120_000;

/** Looks at the platform's custom skills, as far as a plan needs to know them. Only reads. */
import { type Platform, PlatformError } from '../platform/client.ts';
import { downloadedFiles, hashOfFiles } from './download.ts';
import { inParallel } from './in-parallel.ts';
import type { SkillsLock } from './lock.ts';
import type { Skill } from './read.ts';

/** The latest version of every custom skill of the workspace, by skill id. */
export type LatestVersions = ReadonlyMap<string, string>;

/** What is known of the platform's skills. */
export interface Survey {
  latestVersions: LatestVersions;
  /** Platform skills that carry the name of a local skill without being the one in its lock: name to skill ids. */
  namesakes: ReadonlyMap<string, readonly string[]>;
  /** Content hash of the latest version, by skill id, where it has to be compared. */
  contents: ReadonlyMap<string, string>;
}

/** The largest page that every description of the list endpoint allows (the newer ones say 1,000). */
const pageSize = 100;
/** How many questions are asked at the same time; the platform allows some hundred reads a minute. */
const readsAtOnce = 8;

/** Lists the workspace's own skills: one request per hundred. */
export async function listLatestVersions(platform: Platform): Promise<LatestVersions> {
  const latest = new Map<string, string>();
  const pages = platform.readPages('list the skills', (client) =>
    client.skills.list({ source: 'custom', limit: pageSize }),
  );
  for await (const skill of pages) latest.set(skill.id, skill.latest_version_id);
  return latest;
}

/** Asks for what a plan needs beside the list. With every skill locked and nobody else uploading, that is nothing. */
export async function surveySkills(
  platform: Platform,
  latestVersions: LatestVersions,
  skills: readonly Skill[],
  lock: SkillsLock,
): Promise<Survey> {
  const unlocked = new Set(skills.filter(({ name }) => !lock.has(name)).map(({ name }) => name));
  const namesakes = unlocked.size === 0 ? new Map() : await findNamesakes(platform, latestVersions, unlocked, lock);
  const moved = skills.flatMap(({ name }) => {
    const locked = lock.get(name);
    const latest = locked === undefined ? undefined : latestVersions.get(locked.skillId);
    return locked === undefined || latest === undefined || latest === locked.versionId ? [] : [locked.skillId];
  });
  const single = [...namesakes.values()].flatMap((ids) => (ids.length === 1 ? ids : []));
  const contents = await inParallel([...moved, ...single], readsAtOnce, async (skillId) => {
    const files = await downloadedFiles(platform, skillId, latestVersions.get(skillId) ?? '');
    return [skillId, hashOfFiles(files)] as const;
  });
  return { latestVersions, namesakes, contents: new Map(contents) };
}

/**
 * The list does not tell names, only display names, which anybody chooses freely: the name is asked of each skill's
 * latest version, except of those that the lock already ties to a name.
 */
async function findNamesakes(
  platform: Platform,
  latestVersions: LatestVersions,
  names: ReadonlySet<string>,
  lock: SkillsLock,
): Promise<Map<string, string[]>> {
  const tied = new Set([...lock.values()].map(({ skillId }) => skillId));
  const unknown = [...latestVersions].filter(([skillId, version]) => !tied.has(skillId) && version !== '');
  const found = new Map<string, string[]>();
  await inParallel(unknown, readsAtOnce, async ([skillId, version]) => {
    const name = await nameOfSkill(platform, skillId, version);
    if (name !== undefined && names.has(name)) found.set(name, [...(found.get(name) ?? []), skillId]);
  });
  return found;
}

/** The name of a platform skill; undefined where it was deleted meanwhile or cannot be decrypted there. */
async function nameOfSkill(platform: Platform, skillId: string, version: string): Promise<string | undefined> {
  try {
    const found = await platform.read(`look at skill ${skillId}`, (client) =>
      client.skills.versions.retrieve(version, { skill_id: skillId }),
    );
    return found.name;
  } catch (error) {
    if (error instanceof PlatformError && (error.status === 404 || error.status === 409)) return undefined;
    throw error;
  }
}

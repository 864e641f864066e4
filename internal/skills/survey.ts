/** Looks at the platform's custom skills, as far as a plan needs to know them. Only reads. */

import { inParallel } from '../async/in-parallel.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { unlessMissing } from '../platform/live.ts';
import { quote } from '../text/quote.ts';
import { downloadedFiles, hashOfFiles, type VersionFiles } from './download/download.ts';
import type { Skill } from './folder/read.ts';
import type { SkillsLock } from './lock.ts';
import type { Whereabouts } from './whereabouts.ts';

/** The latest version of every custom skill of the workspace, by skill id. */
export type LatestVersions = ReadonlyMap<string, string>;

/** What a version holds. */
export interface RemoteContent {
  sha256: string;
  files: VersionFiles;
}

/** What is known of the platform's skills. */
export interface Survey {
  latestVersions: LatestVersions;
  /** Platform skills that carry the name of a local skill without being the one in its lock: name to skill ids. */
  namesakes: ReadonlyMap<string, readonly string[]>;
  /** The latest version, by skill id, where it has to be compared. */
  contents: ReadonlyMap<string, RemoteContent>;
  /** New names of skills whose old name is in the lock without a folder: new name to old name. */
  renames: ReadonlyMap<string, string>;
  /** Who pins a skill of the lock, in words, by the skill's name. Asked only where one is to be deleted. */
  pinners: ReadonlyMap<string, readonly string[]>;
  /** Where the folder of a skill of the lock is, by the skill's name, where it is there and only not read. */
  whereabouts: ReadonlyMap<string, Whereabouts>;
}

/** A skill as the list shows it. */
export interface ListedSkill {
  id: string;
  latest_version_id: string;
  created_at: string;
}

/** How many questions are asked at the same time; the platform allows some hundred reads a minute. */
const readsAtOnce = 8;

/** Lists the workspace's own skills: one request per hundred. */
export async function listSkills(platform: Platform): Promise<ListedSkill[]> {
  const skills: ListedSkill[] = [];
  const pages = platform.skills.list({ source: 'custom' });
  for await (const { id, latest_version_id, created_at } of pages) skills.push({ id, latest_version_id, created_at });
  return skills;
}

export function latestVersionsOf(skills: readonly ListedSkill[]): Map<string, string> {
  return new Map(skills.map(({ id, latest_version_id }) => [id, latest_version_id]));
}

/**
 * The latest version of every skill. Lists lag: what a lock knows and the list lacks is asked for by its id, one request each.
 * Throws `platform_refused` where the latest version of a skill of a lock is not said.
 */
export async function readLatestVersions(platform: Platform, locks: readonly SkillsLock[]): Promise<LatestVersions> {
  const latest = latestVersionsOf(await listSkills(platform));
  const locked = [...new Set(locks.flatMap((lock) => [...lock.values()].map(({ skillId }) => skillId)))];
  const unlisted = locked.filter((id) => !latest.has(id));
  await inParallel(unlisted, readsAtOnce, async (id) => {
    const found = await unlessMissing('given', platform.skills.retrieve(id));
    if (found !== undefined) latest.set(found.id, found.latest_version_id);
  });
  const unsaid = locked.find((id) => latest.get(id) === '');
  if (unsaid === undefined) return latest;
  throw new AppError('platform_refused', `the platform does not say the latest version of the skill ${quote(unsaid)}`, {
    hint: 'nothing was changed; check ANTHROPIC_BASE_URL, and what stands between you and the platform',
  });
}

/** The versions of a skill, in no order: the platform documents none. One request per hundred. */
export async function listVersions(platform: Platform, skillId: string): Promise<{ id: string; created_at: string }[]> {
  const versions: { id: string; created_at: string }[] = [];
  for await (const { id, created_at } of platform.skills.listVersions(skillId)) versions.push({ id, created_at });
  return versions;
}

/** Asks for what a plan needs beside the list. With every skill locked and nobody else uploading, that is nothing. */
export async function surveySkills(
  platform: Platform,
  latestVersions: LatestVersions,
  skills: readonly Skill[],
  lock: SkillsLock,
): Promise<Pick<Survey, 'latestVersions' | 'namesakes' | 'contents'>> {
  const isThere = (name: string) => latestVersions.has(lock.get(name)?.skillId ?? '');
  const unlocked = new Set(skills.filter(({ name }) => !isThere(name)).map(({ name }) => name));
  const tied = new Set([...lock.values()].map(({ skillId }) => skillId));
  const unknown = new Map([...latestVersions].filter(([skillId]) => !tied.has(skillId)));
  const namesakes = unlocked.size === 0 ? new Map() : await findNamesakes(platform, unknown, unlocked);
  const moved = skills.flatMap(({ name }) => {
    const locked = lock.get(name);
    const latest = locked === undefined ? undefined : latestVersions.get(locked.skillId);
    return locked === undefined || latest === undefined || latest === locked.versionId ? [] : [locked.skillId];
  });
  const single = [...namesakes.values()].flatMap((ids) => (ids.length === 1 ? ids : []));
  const contents = await inParallel([...moved, ...single], readsAtOnce, async (skillId) => {
    return [skillId, await contentOfVersion(platform, skillId, latestVersions.get(skillId) ?? '')] as const;
  });
  return { latestVersions, namesakes, contents: new Map(contents) };
}

/** What a version holds. Throws as {@link downloadedFiles} does. */
export async function contentOfVersion(platform: Platform, skillId: string, versionId: string): Promise<RemoteContent> {
  const files = await downloadedFiles(platform, skillId, versionId);
  return { sha256: hashOfFiles(files), files };
}

/**
 * Which of these platform skills carry one of the names. The list does not tell names, only display names, which anybody
 * chooses freely: the name is asked of each skill's latest version.
 */
export async function findNamesakes(
  platform: Platform,
  skills: LatestVersions,
  names: ReadonlySet<string>,
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  const asked = [...skills].filter(([, version]) => version !== '');
  await inParallel(asked, readsAtOnce, async ([skillId, version]) => {
    const name = await nameOfSkill(platform, skillId, version);
    if (name !== undefined && names.has(name)) found.set(name, [...(found.get(name) ?? []), skillId]);
  });
  return found;
}

/** The name of a platform skill; undefined where it was deleted meanwhile or cannot be decrypted there. */
async function nameOfSkill(platform: Platform, skillId: string, version: string): Promise<string | undefined> {
  try {
    return (await unlessMissing('listed', platform.skills.retrieveVersion(skillId, version)))?.name;
  } catch (error) {
    if (error instanceof PlatformError && error.status === 409) return undefined;
    throw error;
  }
}

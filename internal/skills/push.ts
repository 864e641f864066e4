/**
 * One upload, safe beside other runs: the platform's latest version is what it was expected to be before, and the looks
 * afterwards say whether anybody uploaded in between. A lost answer is settled by content, never by a second upload (P8).
 */

import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { unlessMissing } from '../platform/live.ts';
import { notAsListed } from '../platform/pages.ts';
import { quote } from '../text/quote.ts';
import { earliest, standing, type Upload } from './competing-upload.ts';
import { bytesOf, contentOf, type Skill } from './folder/read.ts';
import type { LockedSkill } from './lock.ts';
import { contentOfVersion, findNamesakes, type ListedSkill, listSkills, listVersions } from './survey.ts';

/** How long a run waits for another one to take its upload back, in looks and milliseconds between them. */
const looks = 50;
const lookEveryMs = 200;

/**
 * Uploads a new version over the one that is expected to be the latest. Where somebody was quicker with the very same
 * content, theirs is the result. Throws `drift` where it is other content: ours is taken back, or was never sent.
 */
export async function pushVersion(
  platform: Platform,
  skill: Skill,
  base: { skillId: string; versionId: string },
): Promise<LockedSkill> {
  const { skillId } = base;
  const before = await listVersions(platform, skillId);
  // Only where the list leaves a doubt, and after it: whatever comes in between is then seen by one of the two.
  const latest = isNewest(base.versionId, before) ? base.versionId : await latestOf(platform, skillId);
  if (latest !== base.versionId) {
    return await theirs(platform, skill, { skillId, versionId: latest }, 'nothing was sent');
  }

  const known = new Set(before.map(({ id }) => id));
  const mine = await answerOrLoss(platform.skills.createVersion(skillId, skill.name, await uploadOf(skill)));
  const arrived = async () => (await listVersions(platform, skillId)).filter(({ id }) => !known.has(id));
  if (mine instanceof PlatformError) return await findUploaded(platform, skill, skillId, await orLoss(mine, arrived));
  const first = await settle(mine, async () => (await arrived()).filter(({ id }) => id !== mine.id));
  if (first === undefined) return { skillId, versionId: mine.id, sha256: skill.sha256 };
  await platform.skills.deleteVersion(skillId, mine.id, { label: `${skill.name} ${mine.id}`, uninterrupted: true });
  return await theirs(platform, skill, { skillId, versionId: first.id }, 'what this run uploaded was taken back');
}

/** A skill that this run made. */
export interface CreatedSkill {
  skill: Skill;
  locked: LockedSkill;
  created_at: string;
  /** False where the answer was lost and it was found by its content: it may be somebody else's, and is never deleted. */
  own: boolean;
}

/**
 * Uploads a skill that nobody on the platform has yet. `known` are the skills that were there when that was seen; it
 * learns of the new one. After a lost answer the skill is looked for by name and content.
 */
export async function pushSkill(platform: Platform, skill: Skill, known: Set<string>): Promise<CreatedSkill> {
  const answer = await answerOrLoss(platform.skills.create(skill.name, await uploadOf(skill)));
  const lost = answer instanceof PlatformError;
  const created = lost ? await findCreated(platform, skill, known).catch(() => undefined) : answer;
  if (created === undefined) throw answer;
  known.add(created.id);
  const { id, latest_version_id, created_at } = created;
  const locked = { skillId: id, versionId: latest_version_id, sha256: skill.sha256 };
  return { skill, locked, created_at, own: !lost };
}

/**
 * Looks, once for all skills that a run made, whether somebody made skills of the same names at the same moment. Of two,
 * one stays; what the run made itself is deleted where it came later. `onYielded` learns of what stays instead. Throws
 * `drift` for other content.
 */
export async function settleCreated(
  platform: Platform,
  created: readonly CreatedSkill[],
  known: ReadonlySet<string>,
  onYielded: (skill: Skill, locked: LockedSkill | undefined) => Promise<void>,
): Promise<void> {
  if (created.length === 0) return;
  const looked = await rivalsOf(platform, created, known);
  const failures: unknown[] = [];
  for (const made of created) {
    // One that cannot stay leaves the others to be judged.
    await settleOne(platform, made, { created, known, looked, onYielded }).catch((error) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

interface Settling {
  created: readonly CreatedSkill[];
  known: ReadonlySet<string>;
  /** What a first look for all of them at once found. */
  looked: ReadonlyMap<string, ListedSkill[]>;
  onYielded(skill: Skill, locked: LockedSkill | undefined): Promise<void>;
}

async function settleOne(platform: Platform, made: CreatedSkill, settling: Settling): Promise<void> {
  const { skill, locked, created_at, own } = made;
  let rivals: ReadonlyMap<string, ListedSkill[]> | undefined = settling.looked;
  const first = await settle({ id: locked.skillId, created_at }, async () => {
    const found = rivals ?? (await rivalsOf(platform, settling.created, settling.known));
    rivals = undefined;
    return found.get(skill.name) ?? [];
  });
  if (first === undefined) return;
  if (!own) throw toldApart(skill, first.id, locked.skillId);
  const latest = await unlessMissing('listed', latestOf(platform, locked.skillId));
  // What somebody else has put into it meanwhile is not taken back.
  if (latest !== undefined && latest !== locked.versionId) throw notAsListed('skill', locked.skillId);
  if (latest !== undefined) {
    await platform.skills.delete(locked.skillId, { label: `${skill.name} ${locked.skillId}`, uninterrupted: true });
  }
  const remote = { skillId: first.id, versionId: first.latest_version_id };
  await settling.onYielded(skill, undefined);
  await settling.onYielded(skill, await theirs(platform, skill, remote, 'what this run uploaded was taken back'));
}

/** Skills of the same names that appeared since a run looked, by name. */
async function rivalsOf(
  platform: Platform,
  created: readonly CreatedSkill[],
  known: ReadonlySet<string>,
): Promise<Map<string, ListedSkill[]>> {
  const appeared = (await listSkills(platform)).filter(({ id }) => !known.has(id));
  const versions = new Map(appeared.map(({ id, latest_version_id }) => [id, latest_version_id]));
  const names = new Set(created.map(({ skill }) => skill.name));
  const found = await findNamesakes(platform, versions, names);
  return new Map([...found].map(([name, ids]) => [name, appeared.filter(({ id }) => ids.includes(id))]));
}

/** Who stays instead of this upload; undefined where it stays itself. */
async function settle<Rival extends Upload>(mine: Upload, look: () => Promise<Rival[]>): Promise<Rival | undefined> {
  for (let left = looks; ; left -= 1) {
    const rivals = await look();
    const stand = standing(mine, rivals);
    if (stand === 'keep') return undefined;
    if (stand === 'yield' || left === 0) return earliest(rivals);
    await clock.pause(lookEveryMs);
  }
}

/** Takes over what somebody else uploaded, if it is what we would have. */
async function theirs(
  platform: Platform,
  skill: Skill,
  remote: { skillId: string; versionId: string },
  done: string,
): Promise<LockedSkill> {
  const content = await contentOfVersion(platform, remote.skillId, remote.versionId);
  if (content.sha256 === skill.sha256) return { ...remote, sha256: skill.sha256 };
  throw new AppError(
    'drift',
    `${skill.name}: somebody uploaded the version ${quote(remote.versionId)} of ${quote(remote.skillId)} while this run was at work`,
    { hint: `${done}; look at who uploaded it and run again` },
  );
}

/** Whether a version is plainly newer than all others of a list. */
function isNewest(versionId: string, versions: readonly Upload[]): boolean {
  const timeOf = ({ created_at }: Upload) => Date.parse(created_at);
  const found = versions.find(({ id }) => id === versionId);
  return found !== undefined && versions.every((other) => other === found || timeOf(other) < timeOf(found));
}

async function latestOf(platform: Platform, skillId: string): Promise<string> {
  const found = await platform.skills.retrieve(skillId);
  return found.latest_version_id;
}

/**
 * After a lost answer: the first of the versions that came meanwhile and hold exactly what we have. Throws the loss where
 * there is none, and `drift` where somebody else's came first: which of two equal ones is ours nobody can say, so none is
 * taken back.
 */
async function findUploaded(
  platform: Platform,
  skill: Skill,
  skillId: string,
  { loss, versions }: { loss: PlatformError; versions: readonly Upload[] },
): Promise<LockedSkill> {
  const same: Upload[] = [];
  for (const version of versions) {
    const { sha256 } = await contentOfVersion(platform, skillId, version.id);
    if (sha256 === skill.sha256) same.push(version);
  }
  const found = earliest(same);
  if (found === undefined) throw loss;
  const others = versions.filter((version) => !same.includes(version));
  if (standing(found, others) === 'keep') return { skillId, versionId: found.id, sha256: skill.sha256 };
  throw toldApart(skill, earliest(others)?.id ?? '', found.id, loss);
}

/** Looks what came while an answer was lost. Where that cannot be seen either, the loss is what there is to tell. */
async function orLoss(
  loss: PlatformError,
  look: () => Promise<Upload[]>,
): Promise<{ loss: PlatformError; versions: Upload[] }> {
  try {
    return { loss, versions: await look() };
  } catch {
    throw loss;
  }
}

/** The platform's skill, if it appeared and holds exactly what we have. */
async function findCreated(
  platform: Platform,
  skill: Skill,
  known: ReadonlySet<string>,
): Promise<ListedSkill | undefined> {
  const appeared = (await listSkills(platform)).filter(({ id }) => !known.has(id));
  const versions = new Map(appeared.map(({ id, latest_version_id }) => [id, latest_version_id]));
  const ids = (await findNamesakes(platform, versions, new Set([skill.name]))).get(skill.name) ?? [];
  const same: ListedSkill[] = [];
  for (const listed of appeared.filter(({ id }) => ids.includes(id))) {
    const { sha256 } = await contentOfVersion(platform, listed.id, listed.latest_version_id);
    if (sha256 === skill.sha256) same.push(listed);
  }
  return earliest(same);
}

/** Somebody's upload came first, and ours cannot be told from others of its content. */
function toldApart(skill: Skill, first: string, maybeOurs: string, cause?: unknown): AppError {
  return new AppError('drift', `${skill.name}: somebody uploaded ${quote(first)} at the same moment`, {
    hint: `the answer to our upload was lost, it may be ${quote(maybeOurs)}: look at both, delete one and run again`,
    cause,
  });
}

/** What the platform answered to an upload; the error instead where that was lost, or names nothing. */
async function answerOrLoss<Answer extends Upload>(asking: Promise<Answer>): Promise<Answer | PlatformError> {
  try {
    const answer = await asking;
    if (typeof answer?.id === 'string' && !Number.isNaN(Date.parse(answer.created_at))) return answer;
    return new PlatformError('platform_outcome_unknown', "an upload: the platform's answer names no upload", {
      hint: 'run the same command again: it looks at what is there before it asks for anything',
      cause: answer,
    });
  } catch (error) {
    if (error instanceof PlatformError && error.outcome === 'unknown') return error;
    throw error;
  }
}

async function uploadOf(skill: Skill): Promise<{ files: File[]; timeoutMs: number }> {
  // A File carries exactly the name we give it; a read stream would send its path on this disk.
  const files: File[] = [];
  for (const file of skill.files) {
    files.push(new File([await contentOf(skill, file)], `${skill.name}/${file.path}`));
  }
  // A minute, and more for a large skill on a slow line (100 kB a second).
  return { files, timeoutMs: 60_000 + Math.ceil(bytesOf(skill) / 100) };
}

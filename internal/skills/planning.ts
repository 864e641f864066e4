/** The steps of a run over folders of skills: read, look and plan, refuse, apply, tell. */

import type { Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import { visible } from '../text/quote.ts';
import { applyChanges } from './apply.ts';
import type { ChosenFolder } from './choose-folders.ts';
import { leftOutLine } from './folder/ignored.ts';
import { formatProblem } from './folder/problem.ts';
import { readFolders } from './folder/read.ts';
import { type LockedSkill, readLockFile, type SkillsLock } from './lock.ts';
import { keyOf, type Progress } from './outcome.ts';
import { type Blocked, type Change, type Choices, nameOf, planChanges } from './plan.ts';
import { diffOfBlocked } from './plan-diffs.ts';
import { findRenames } from './renames.ts';
import { rateLimit } from './request-rate.ts';
import type { Finding } from './scan/finding.ts';
import type { LocalSkills, PlannedPart, SkillsFolder, SkillsPlan } from './skills-plan.ts';
import { readLatestVersions, type Survey, surveySkills } from './survey.ts';
import { findWhereabouts, skippedLine, type Whereabouts } from './whereabouts.ts';

/** The part of a lock that is about skills that are meant: one that is not meant is not missing. */
export function meantOf(lock: SkillsLock, { only }: ChosenFolder): SkillsLock {
  return only === undefined ? lock : new Map([...lock].filter(([name]) => only.has(name)));
}

/** Reads the folders and their locks. Throws `config_missing`, or `config_invalid` for a lock. */
export async function readLocal(folders: readonly SkillsFolder[], say: (text: string) => void): Promise<LocalSkills> {
  const locks = await Promise.all(folders.map(({ lockFile }) => readLockFile(lockFile)));
  const lockOf = new Map(folders.map(({ folder }, index) => [folder, locks[index]]));
  const { skills, problems, invalid, skipped, leftOut, warnings } = await readFolders(
    folders.map(({ folder }) => folder),
    { expected: (folder, name) => lockOf.get(folder)?.get(name)?.sha256, wanted: wantedIn(folders) },
  );
  for (const folder of skipped) say(await skippedLine(folder));
  for (const warning of warnings) say(formatProblem(warning));
  const said = leftOutLine(leftOut);
  if (said !== undefined) say(said);
  return {
    parts: folders.map((place, index) => ({
      ...place,
      skills: skills[index] ?? [],
      invalid: invalid[index] ?? new Set(),
      lock: locks[index] ?? new Map(),
    })),
    problems,
  };
}

/** Whether a skill of one of the folders is meant. */
export function wantedIn(folders: readonly ChosenFolder[]): (folder: string, name: string) => boolean {
  const onlyOf = new Map(folders.map(({ folder, only }) => [folder, only]));
  return (folder, name) => onlyOf.get(folder)?.has(name) !== false;
}

/** Whether the platform has to be asked about these folders at all. */
export function needsPlatform({ parts }: LocalSkills, { prune }: Choices): boolean {
  return parts.some(({ skills, lock, ...place }) => skills.length > 0 || (prune && meantOf(lock, place).size > 0));
}

/** Looks at the platform and plans. `pinners` is asked only where something is to be deleted. */
export async function planSkills(
  { parts }: LocalSkills,
  platform: Platform | undefined,
  choices: Choices,
  pinners: (orphans: SkillsLock) => Promise<Survey['pinners']>,
): Promise<SkillsPlan> {
  const locks = parts.map(({ lock }) => lock);
  const latestVersions = platform === undefined ? new Map() : await readLatestVersions(platform, locks);
  const planned: PlannedPart[] = [];
  for (const { skills, lock, ...place } of parts) {
    const names = new Set(skills.map(({ name }) => name));
    // What is wrong is not gone.
    const meant = new Map([...meantOf(lock, place)].filter(([name]) => !place.invalid.has(name)));
    const orphans = new Map([...meant].filter(([name]) => !names.has(name)));
    const [survey, renames, pinned, whereabouts] = await Promise.all([
      platform === undefined
        ? { latestVersions, namesakes: new Map(), contents: new Map() }
        : surveySkills(platform, latestVersions, skills, lock),
      findRenames(skills, meant),
      choices.prune && orphans.size > 0 ? pinners(orphans) : new Map(),
      findWhereabouts(place.folder, new Set(orphans.keys())),
    ]);
    for (const [name, where] of inOtherParts(parts, place, orphans)) whereabouts.set(name, where);
    const changes = planChanges(skills, meant, { ...survey, renames, pinners: pinned, whereabouts }, choices);
    planned.push({ ...place, lock, changes, contents: survey.contents });
  }
  return { parts: planned, latestVersions, choices };
}

/** Skills of a lock that are read in another folder of this run: what the one deletes would be missing in the other. */
function inOtherParts(
  parts: LocalSkills['parts'],
  { lockFile }: SkillsFolder,
  orphans: SkillsLock,
): [name: string, where: Whereabouts][] {
  return parts.flatMap((other) =>
    other.skills.flatMap(({ name, folder }): [string, Whereabouts][] => {
      if (!orphans.has(name)) return [];
      const fix = `move its entry from ${visible(lockFile)} to ${visible(other.lockFile)}`;
      return [[name, { what: `its folder is now ${visible(folder)}`, fix }]];
    }),
  );
}

/**
 * The error where changes are blocked: `skill_not_gone`, `drift`, with what the platform holds instead as a diff, or
 * `skill_in_use`.
 */
export async function blockedError({ parts }: SkillsPlan): Promise<AppError | undefined> {
  const lines: string[] = [];
  const codes = new Set<Blocked['code']>();
  for (const { changes, contents } of parts) {
    for (const change of changes) {
      if (change.kind !== 'blocked') continue;
      codes.add(change.code);
      lines.push(`${change.name}: ${change.what}; ${change.fix}`);
      const diff = await diffOfBlocked(change, contents);
      if (diff !== undefined) lines.push(...diff.split('\n').filter((line) => line !== ''));
    }
  }
  if (lines.length === 0) return undefined;
  const code =
    (['drift', 'skill_not_gone', 'skill_in_use'] as const).find((possible) => codes.has(possible)) ?? 'drift';
  return new AppError(code, [inTheWay[code], ...lines].join('\n'), {
    hint: 'nothing was changed; put these right and run again',
  });
}

const inTheWay: Readonly<Record<Blocked['code'], string>> = {
  drift: 'the platform is not as the lock says',
  skill_not_gone: 'what is to be deleted is not gone',
  skill_in_use: 'agents use what is to be deleted',
};

/** How a run tells of itself while it applies. */
export interface Telling {
  signal: AbortSignal;
  say(text: string): void;
  /** What is going on, with how many changes have ended. */
  progress(text: string, ended: number, all: number): void;
}

/** The platform's limit on creates, for the whole organization. */
const uploadsAMinute = 300;

/** Carries out a plan, folder by folder, and keeps `done` and `locks` true all the time. */
export async function applySkills(
  { parts, latestVersions }: SkillsPlan,
  platform: Platform,
  { signal, say, progress, done, locks }: Telling & Progress,
): Promise<void> {
  const known = new Set(latestVersions.keys());
  const waitFor = rateLimit(uploadsAMinute, 60_000);
  let waitSaid = false;
  for (const [index, { folder, lockFile, lock, changes }] of parts.entries()) {
    await applyChanges(changes, {
      platform,
      lockFile,
      lock,
      known,
      waitFor,
      signal,
      onWait(waitMs) {
        if (!waitSaid)
          say(`the platform takes ${uploadsAMinute} uploads a minute: waiting ${Math.ceil(waitMs / 1000)} s`);
        waitSaid = true;
      },
      onBegin: (change, ended, all) => progress(`${doing[change.kind] ?? change.kind} ${nameOf(change)}`, ended, all),
      onChanged(change, locked) {
        done.add(keyOf(folder, change));
        say(changedLine(change, locked));
      },
      onSaved(saved) {
        locks[index] = saved;
      },
    });
  }
}

const doing: Partial<Record<Change['kind'], string>> = {
  create: 'uploading',
  rename: 'uploading',
  update: 'uploading',
  adopt: 'adopting',
  prune: 'deleting',
};

function changedLine(change: Change, { versionId }: LockedSkill): string {
  const name = nameOf(change);
  if (change.kind === 'prune') return `${name}: deleted`;
  return `${name}: ${change.kind === 'adopt' ? 'found' : 'uploaded'} as ${visible(versionId)}`;
}

/** What a scan of local skills goes by. */
interface ScanRequest {
  /** Every skill, and not only those that are not as their lock says. */
  all: boolean;
  configuration: Configuration | undefined;
  signal: AbortSignal;
}

/** Scans what may be pushed, folder by folder. With nothing to scan, the scanner is not even loaded. */
export async function scanLocal({ parts }: LocalSkills, request: ScanRequest): Promise<Finding[]> {
  const { all, configuration, signal } = request;
  const findings: Finding[] = [];
  for (const { folder, skills, lock, only } of parts) {
    const scanned = skills.filter(({ name, sha256 }) => all || lock.get(name)?.sha256 !== sha256);
    if (scanned.length === 0) continue;
    const [{ readScanSettings }, { scanFolder, scanSkills }] = await Promise.all([
      import('./scan/settings.ts'),
      import('./scan/scan.ts'),
    ]);
    const settings = await readScanSettings(folder, { configuration });
    const found = all
      ? (await scanFolder(scanned, settings, { signal, only })).findings
      : await scanSkills(scanned, settings, signal);
    findings.push(...found);
  }
  return findings;
}

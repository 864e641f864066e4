/** A run of skill-sync, in order: lock, read, scan, look and plan, refuse, then only tell or apply. */
import { readAgentsLock } from '../agent/lock.ts';
import type { Configuration } from '../config/definitions.ts';
import { listFolder } from '../outside/files.ts';
import type { Platform } from '../platform/client.ts';
import { SkillsInvalidError } from './folder/problem.ts';
import { holdLocks } from './hold-locks.ts';
import { lockFileOf, type SkillsLock } from './lock.ts';
import { refuseNone } from './none-found.ts';
import { outcomesOf } from './outcome.ts';
import { agentsNaming, formatPinners, type Pin, pinnersOf, type StalePin, stalePins } from './pins.ts';
import type { Choices } from './plan.ts';
import { diffsOf } from './plan-diffs.ts';
import { type PlanFile, refuseStale, writePlanFile } from './plan-file.ts';
import {
  applySkills,
  meantOf,
  needsPlatform,
  planSkills,
  readLocal,
  refuseBlocked,
  type SkillsFolder,
  type SkillsPlan,
  scanLocal,
  type Telling,
} from './planning.ts';
import type { SkillOutcome, SkillsReport } from './report/report.ts';
import { finishStages } from './restore.ts';
import { type PruneConsent, settlePrune } from './settle-prune.ts';

/** What a run works with. */
export interface SyncSettings extends Telling, PruneConsent {
  folders: readonly SkillsFolder[];
  choices: Choices;
  /** False for a plan only: nothing is changed, here and there. */
  apply: boolean;
  /** The reviewed plan that is carried out. */
  reviewed?: PlanFile;
  /** Where the plan is written to. */
  planFile?: string;
  /** Whether to download what updates would replace, to show what changes. */
  diffs: boolean;
  /** Whether every skill is scanned, and not only those that are not as their lock says. */
  scanAll: boolean;
  /** Whether to ask, where there is a configuration, which versions the agents of the platform pin. */
  pins: boolean;
  /** Whose agents use the skills; undefined where there is no configuration. */
  configuration: Configuration | undefined;
  /** Called when the platform is needed for the first time, after everything local was checked. */
  openPlatform(): Promise<Platform>;
}

/** What a run knows so far. It is filled as the run goes on, so that one that fails can be reported on too. */
export type ReportSoFar = { -readonly [Key in 'problems' | 'findings' | 'skills']: SkillsReport[Key] } & {
  /** Where the agents of the platform were asked for: those that do not have the version of the lock. */
  stalePins: readonly StalePin[];
};

/**
 * Plans and, unless only a plan is wanted, applies. Throws before anything is changed when one skill cannot be pushed:
 * `skill_invalid`, `scan_refused`, `drift`, `skill_in_use`, `skill_not_gone`, `plan_stale`, `prune_unconfirmed`,
 * `already_running`.
 */
export async function syncSkills(settings: SyncSettings, report: ReportSoFar): Promise<readonly SkillOutcome[]> {
  // Reading refuses a folder that is not there; holding its lock would make it.
  const listed = await Promise.all(settings.folders.map(({ folder }) => listFolder(folder)));
  const folders = settings.folders.filter((_, index) => listed[index] !== undefined);
  const release = settings.apply ? await holdLocks({ ...settings, folders }) : async () => {};
  try {
    // A pull that was killed may have left a folder aside. It holds the lock in the folder, so only who has that may act.
    if (settings.apply) {
      for (const { folder, lockFile } of folders) if (lockFile === lockFileOf(folder)) await finishStages(folder);
    }
    return await syncHeld(settings, report);
  } catch (error) {
    if (error instanceof SkillsInvalidError) report.problems = error.problems;
    throw error;
  } finally {
    await release();
  }
}

async function syncHeld(settings: SyncSettings, report: ReportSoFar): Promise<readonly SkillOutcome[]> {
  const { choices, configuration } = settings;
  const local = await readLocal(settings.folders, settings.say);
  await refuseNone(
    local.parts.map(({ skills, ...place }) => ({ ...place, skills: skills.length })),
    choices,
  );
  report.findings = await scanLocal(local, {
    all: settings.scanAll || choices.overwrite,
    configuration,
    signal: settings.signal,
  });
  const platform = needsPlatform(local, choices) ? await settings.openPlatform() : undefined;
  const naming = configuration === undefined ? new Map() : agentsNaming(configuration);
  const askPins = pinsOnce(platform);
  const [plan, pins] = await Promise.all([
    planSkills(local, platform, choices, async (orphans) => whoPins(orphans, naming, await askPins())),
    settings.pins && configuration !== undefined ? askPins() : [],
  ]);
  report.skills = outcomesOf(plan, naming);
  if (configuration !== undefined && pins.length > 0) report.stalePins = await stalePinsOf(plan, pins, configuration);
  const diffs = settings.diffs && platform !== undefined ? await diffsOf(plan, platform) : undefined;
  const withDiffs = (skills: readonly SkillOutcome[]) =>
    skills.map((skill) => {
      const diff = diffs?.get(skill.name);
      return diff === undefined ? skill : { ...skill, diff };
    });
  report.skills = withDiffs(report.skills);
  // Only now, so that the report of a refused run has the plan as well.
  if (report.findings.length > 0) (await import('./scan/scan.ts')).refuseFindings(report.findings);
  await refuseBlocked(plan);
  const workspaceId = configuration?.interface.platform.workspace_id;
  if (settings.reviewed !== undefined) refuseStale(settings.reviewed, plan, workspaceId);
  await settlePrune(plan, settings);
  if (settings.planFile !== undefined) await writePlanFile(settings.planFile, plan, workspaceId);
  if (!settings.apply || platform === undefined) return report.skills;

  const done = new Set<string>();
  const locks = plan.parts.map(({ lock }) => new Map(lock));
  try {
    await applySkills(plan, platform, { ...settings, done, locks });
  } finally {
    report.skills = withDiffs(outcomesOf(plan, naming, { done, locks }));
  }
  return report.skills;
}

/** Asks for the pins once, however many want to know. */
function pinsOnce(platform: Platform | undefined): () => Promise<readonly Pin[]> {
  let pins: Promise<readonly Pin[]> | undefined;
  return () => {
    pins ??= platform === undefined ? Promise.resolve([]) : askForPins(platform);
    return pins;
  };
}

async function askForPins(platform: Platform): Promise<readonly Pin[]> {
  const { platformPins } = await import('./pins-on-platform.ts');
  return await platformPins(platform);
}

async function stalePinsOf({ parts }: SkillsPlan, pins: readonly Pin[], configuration: Configuration) {
  const own = { agents: configuration.agents, lock: await readAgentsLock(configuration.folder) };
  return parts.flatMap(({ lock, ...place }) => stalePins(pins, meantOf(lock, place), own));
}

/** Who pins the skills that are to be deleted, in words. */
function whoPins(
  orphans: SkillsLock,
  naming: ReadonlyMap<string, readonly string[]>,
  pins: readonly Pin[],
): Map<string, string[]> {
  return new Map(
    [...orphans].map(([name, { skillId }]) => [name, formatPinners(pinnersOf({ name, skillId }, pins, naming))]),
  );
}

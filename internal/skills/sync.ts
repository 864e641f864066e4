/** A run of skill-sync, in order: lock, read, scan, look and plan, refuse, then only tell or apply. */
import type { Configuration } from '../config/definitions.ts';
import type { Platform } from '../platform/client.ts';
import { holdLocks } from './hold-locks.ts';
import type { SkillsLock } from './lock.ts';
import { agentsNaming, formatPinners, pinnersOf } from './pins.ts';
import { platformPins } from './pins-on-platform.ts';
import type { Choices } from './plan.ts';
import { type PlanFile, refuseStale, writePlanFile } from './plan-file.ts';
import {
  applySkills,
  diffsOf,
  needsPlatform,
  outcomesOf,
  planSkills,
  readLocal,
  refuseBlocked,
  type SkillsFolder,
  type Telling,
  toBeScanned,
} from './planning.ts';
import { SkillsInvalidError } from './problem.ts';
import type { SkillOutcome, SkillsReport } from './report/report.ts';

/** What a run works with. */
export interface SyncSettings extends Telling {
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
  /** Whose agents use the skills; undefined where there is no configuration. */
  configuration: Configuration | undefined;
  /** Called when the platform is needed for the first time, after everything local was checked. */
  openPlatform(): Promise<Platform>;
}

/** What a run knows so far. It is filled as the run goes on, so that one that fails can be reported on too. */
export type ReportSoFar = { -readonly [Key in 'problems' | 'findings' | 'skills']: SkillsReport[Key] };

/**
 * Plans and, unless only a plan is wanted, applies. Throws before anything is changed when one skill cannot be pushed:
 * `skill_invalid`, `scan_refused`, `drift`, `skill_in_use`, `plan_stale`, `already_running`.
 */
export async function syncSkills(settings: SyncSettings, report: ReportSoFar): Promise<readonly SkillOutcome[]> {
  const release = settings.apply ? await holdLocks(settings) : async () => {};
  try {
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
  const platform = needsPlatform(local, choices) ? await settings.openPlatform() : undefined;
  const naming = configuration === undefined ? new Map() : agentsNaming(configuration);
  const plan = await planSkills(local, platform, choices, (orphans) => whoPins(orphans, naming, platform));
  report.skills = outcomesOf(plan, naming);
  const diffs = settings.diffs && platform !== undefined ? await diffsOf(plan, platform) : undefined;
  const withDiffs = (skills: readonly SkillOutcome[]) =>
    skills.map((skill) => {
      const diff = diffs?.get(skill.name);
      return diff === undefined ? skill : { ...skill, diff };
    });
  report.skills = withDiffs(report.skills);
  await refuseBlocked(plan);
  if (settings.reviewed !== undefined) refuseStale(settings.reviewed, plan);
  if (settings.planFile !== undefined) await writePlanFile(settings.planFile, plan);
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

/** Who pins the skills that are to be deleted, in words. */
async function whoPins(
  orphans: SkillsLock,
  naming: ReadonlyMap<string, readonly string[]>,
  platform: Platform | undefined,
): Promise<Map<string, string[]>> {
  const pins = platform === undefined ? [] : await platformPins(platform);
  return new Map(
    [...orphans].map(([name, { skillId }]) => [name, formatPinners(pinnersOf({ name, skillId }, pins, naming))]),
  );
}

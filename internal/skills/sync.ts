/** A run of skill-sync, in order: lock, read, scan, look and plan, refuse, then only tell or apply. */
import { dirname } from 'node:path';
import { readAgentsLock } from '../agent/lock.ts';
import type { Configuration } from '../config/definitions.ts';
import type { AppError } from '../errors/app-error.ts';
import { listFolder } from '../outside/files.ts';
import type { Platform } from '../platform/client.ts';
import { confirmPrune, type PruneConsent } from './confirm-prune.ts';
import { SkillsInvalidError } from './folder/problem.ts';
import { holdLocks } from './hold-locks.ts';
import { lockFileOf, type SkillsLock } from './lock.ts';
import { refuseNone } from './none-found.ts';
import { outcomesOf } from './outcome.ts';
import { agentsNaming, formatPinners, type Pin, pinnersOf, type StalePin, stalePins } from './pins.ts';
import { type Choices, nameOf } from './plan.ts';
import { diffsOf } from './plan-diffs.ts';
import { type PlanFile, refuseStale, writePlanFile } from './plan-file.ts';
import {
  applySkills,
  blockedError,
  meantOf,
  needsPlatform,
  planSkills,
  readLocal,
  scanLocal,
  type Telling,
} from './planning.ts';
import { beside, heldBackLines, keptGoingLines, refuse } from './refused.ts';
import type { SkillOutcome, SkillsReport } from './report/report.ts';
import { finishStages } from './restore.ts';
import type { LocalSkills, SkillsFolder, SkillsPlan } from './skills-plan.ts';

/** What a run works with. */
export interface SyncSettings extends Telling, PruneConsent {
  folders: readonly SkillsFolder[];
  choices: Choices;
  /** False for a plan only: nothing is changed, here and there. */
  apply: boolean;
  /** Whether what nothing is wrong with is pushed beside what is refused. Nothing is otherwise. */
  keepGoing?: boolean;
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
 * Plans and, unless only a plan is wanted, applies. Throws when one skill cannot be pushed (`skill_invalid`, `scan_refused`,
 * `drift`, `skill_in_use`, `skill_not_gone`), before anything is changed unless `keepGoing` says otherwise; and
 * `plan_stale`, `prune_unconfirmed`, `already_running`.
 */
export async function syncSkills(settings: SyncSettings, report: ReportSoFar): Promise<readonly SkillOutcome[]> {
  // Reading refuses a folder that is not there; holding its lock would make it.
  const listed = await Promise.all(settings.folders.map(({ folder }) => listFolder(folder)));
  const folders = settings.folders.filter((_, index) => listed[index] !== undefined);
  // A pull that was killed may have left a folder aside. It holds the lock of the folder, whatever the lock file is called
  // that it goes by, so only who has that may act.
  const own = folders.filter(({ folder, lockFile }) => dirname(lockFile) === dirname(lockFileOf(folder)));
  const held = [...folders, ...own.map(({ folder }) => ({ lockFile: lockFileOf(folder) }))];
  const release = settings.apply ? await holdLocks({ ...settings, folders: held }) : async () => {};
  try {
    if (settings.apply) for (const { folder } of own) await finishStages(folder);
    return await syncHeld(settings, report);
  } catch (error) {
    // Of a file that changed meanwhile.
    if (error instanceof SkillsInvalidError && report.problems.length === 0) report.problems = error.problems;
    throw error;
  } finally {
    await release();
  }
}

async function syncHeld(settings: SyncSettings, report: ReportSoFar): Promise<readonly SkillOutcome[]> {
  const { choices, configuration, keepGoing = false, signal } = settings;
  const local = await readLocal(settings.folders, settings.say);
  await refuseNone(
    local.parts.map(({ skills, invalid, ...place }) => ({ ...place, skills: skills.length + invalid.size })),
    choices,
  );
  report.problems = local.problems;
  const refusals: AppError[] = local.problems.length === 0 ? [] : [new SkillsInvalidError(local.problems)];
  const naming = configuration === undefined ? new Map() : agentsNaming(configuration);
  let looked: Looked;
  try {
    looked = await look(local, naming, { settings, report, refusals });
  } catch (error) {
    throw beside(refusals, error, signal);
  }
  const { plan, platform, diffs } = looked;
  const refused = new Set(report.findings.flatMap(({ level, skill }) => (level === 'error' ? [skill] : [])));
  const goesOn = keepGoing && settings.apply;
  // Only now, so that whoever reads of the refusal, or its report, has the plan as well.
  if (!goesOn) {
    const further = heldBackLines(report.skills, { refused, advise: settings.apply && !choices.prune });
    refuse(refusals, { further });
  }
  const workspaceId = configuration?.interface.platform.workspace_id;
  if (settings.reviewed !== undefined) refuseStale(settings.reviewed, plan, workspaceId);
  await confirmPrune(plan, settings);
  if (settings.planFile !== undefined) await writePlanFile(settings.planFile, plan, workspaceId);
  if (settings.apply && platform !== undefined) {
    const done = new Set<string>();
    const locks = plan.parts.map(({ lock }) => new Map(lock));
    try {
      await applySkills(without(refused, plan), platform, { ...settings, done, locks });
    } catch (error) {
      throw beside(refusals, error, signal);
    } finally {
      report.skills = withDiffs(outcomesOf(plan, naming, { done, locks }), diffs);
    }
  }
  refuse(refusals, { further: keptGoingLines(report.skills), hint: 'put these right and run again' });
  return report.skills;
}

/** What is known before anything is changed. */
interface Looked {
  plan: SkillsPlan;
  /** Undefined where nobody has to be asked. */
  platform: Platform | undefined;
  diffs: Diffs | undefined;
}

/** Scans and plans, and adds what is refused to `refusals`. */
async function look(
  local: LocalSkills,
  naming: ReadonlyMap<string, readonly string[]>,
  { settings, report, refusals }: { settings: SyncSettings; report: ReportSoFar; refusals: AppError[] },
): Promise<Looked> {
  const { choices, configuration, signal } = settings;
  report.findings = await scanLocal(local, { all: settings.scanAll || choices.overwrite, configuration, signal });
  if (report.findings.length > 0) {
    const error = (await import('./scan/scan.ts')).findingsError(report.findings);
    if (error !== undefined) refusals.push(error);
  }
  const platform = needsPlatform(local, choices) ? await settings.openPlatform() : undefined;
  const askPins = pinsOnce(platform);
  const [plan, pins] = await Promise.all([
    planSkills(local, platform, choices, async (orphans) => whoPins(orphans, naming, await askPins())),
    settings.pins && configuration !== undefined ? askPins() : [],
  ]);
  report.skills = outcomesOf(plan, naming);
  if (configuration !== undefined && pins.length > 0) report.stalePins = await stalePinsOf(plan, pins, configuration);
  const diffs = settings.diffs && platform !== undefined ? await diffsOf(plan, platform) : undefined;
  report.skills = withDiffs(report.skills, diffs);
  const blocked = await blockedError(plan);
  if (blocked !== undefined) refusals.push(blocked);
  return { plan, platform, diffs };
}

type Diffs = Awaited<ReturnType<typeof diffsOf>>;

function withDiffs(skills: readonly SkillOutcome[], diffs: Diffs | undefined): SkillOutcome[] {
  return skills.map((skill) => {
    const diff = diffs?.get(skill.name);
    return diff === undefined ? skill : { ...skill, diff };
  });
}

/** A plan without the changes of some skills. */
function without(names: ReadonlySet<string>, plan: SkillsPlan): SkillsPlan {
  const parts = plan.parts.map((part) => ({
    ...part,
    changes: part.changes.filter((change) => !names.has(nameOf(change))),
  }));
  return { ...plan, parts };
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
  const own = { agents: configuration.agents, lock: await readAgentsLock(configuration) };
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

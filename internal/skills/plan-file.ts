/**
 * A plan as a file, to be reviewed and then carried out as it is: `--out` writes it, `apply` compares it with what would be
 * planned now. It holds what would change and what that change follows; contents stay in the folders, named by their hash.
 */

import { AppError } from '../errors/app-error.ts';
import { readText, writeText } from '../outside/files.ts';
import { quote, visible } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import type { SkillsLock } from './lock.ts';
import { type Change, type Choices, isPending, nameOf } from './plan.ts';
import type { SkillsFolder, SkillsPlan } from './skills-plan.ts';

/** A plan as it stands in a file, as a plain value. */
export interface PlanFile extends Choices {
  /** That the configuration named when the plan was made; undefined where it was the key's. */
  workspaceId?: string | undefined;
  parts: PlannedPart[];
}

interface PlannedPart extends Omit<SkillsFolder, 'only'> {
  /** Names, sorted; undefined for all there are. */
  only?: string[] | undefined;
  changes: PlannedChange[];
}

interface PlannedChange {
  name: string;
  change: string;
  /** The content that is to be there, or that is to be deleted. */
  sha256: string;
  /** The platform skill, null for one that is to be made. */
  skill_id: string | null;
  /** The version that this change follows, adopts or deletes. */
  version_id: string | null;
}

/** Writes a plan. Throws `file_system`. */
export async function writePlanFile(
  path: string,
  { parts, choices }: SkillsPlan,
  workspaceId: string | undefined,
): Promise<void> {
  const whole = {
    plan_version: 1,
    workspace_id: workspaceId ?? null,
    ...choices,
    folders: parts.map(({ folder, lockFile, only, changes }) => ({
      folder,
      lock_file: lockFile,
      ...(only !== undefined && { only: [...only].sort() }),
      changes: pendingOf(changes),
    })),
  };
  await writeText(path, `${JSON.stringify(whole, undefined, 2)}\n`, 'shared');
}

/** Reads a plan. Throws `config_missing` or `config_invalid`. */
export async function readPlanFile(path: string): Promise<PlanFile> {
  const text = await readText(path);
  if (text === undefined) {
    throw new AppError('config_missing', `there is no plan ${quote(path)}`, {
      hint: 'make one: skill-sync --out <file>',
    });
  }
  const plan = parsePlan(text);
  if (plan === undefined) {
    throw new AppError('config_invalid', `${visible(path)} is not a plan of this version`, {
      hint: 'make a new one: skill-sync --out <file>',
    });
  }
  return plan;
}

/**
 * Throws `plan_stale` where what would be done now is not what the plan says. Changes of the plan that were made already,
 * by a run that was killed, are no difference.
 */
export function refuseStale(planned: PlanFile, { parts }: SkillsPlan, workspaceId: string | undefined): void {
  const place = (id: string | undefined) => (id === undefined ? "the key's workspace" : `workspace ${visible(id)}`);
  const moved =
    planned.workspaceId === workspaceId ? [] : [`planned for ${place(planned.workspaceId)}, now ${place(workspaceId)}`];
  const differing = planned.parts.flatMap(({ folder, changes }, index) => {
    const part = parts[index];
    return part === undefined ? [] : differences(changes, part).map((line) => `${visible(folder)}: ${line}`);
  });
  const lines = [...moved, ...differing];
  if (lines.length === 0) return;
  throw new AppError('plan_stale', ['the plan is not what would be done now', ...lines].join('\n'));
}

function differences(
  planned: readonly PlannedChange[],
  { lock, changes }: { lock: SkillsLock; changes: readonly Change[] },
): string[] {
  const now = new Map(pendingOf(changes).map((change) => [change.name, change]));
  const before = new Map(planned.map((change) => [change.name, change]));
  return [...new Set([...before.keys(), ...now.keys()])].flatMap((name) => {
    const [then, today] = [before.get(name), now.get(name)];
    if (then === undefined) return [`${visible(name)}: not in the plan, and would now be: ${today?.change}`];
    if (today === undefined && isDone(then, lock)) return [];
    // Uploaded by the run that was killed, and not in the lock yet.
    if (today?.change === 'adopt' && today.sha256 === then.sha256) return [];
    const said = describe(then);
    const instead = today === undefined ? 'nothing is to be done' : describe(today);
    return said === instead ? [] : [`${visible(name)}: planned ${said}, now ${instead}`];
  });
}

function isDone({ name, change, sha256 }: PlannedChange, lock: SkillsLock): boolean {
  return change === 'prune' ? !lock.has(name) : lock.get(name)?.sha256 === sha256;
}

function describe({ change, sha256, skill_id, version_id }: PlannedChange): string {
  return `${visible(change)} of ${visible(sha256)}${skill_id === null ? '' : ` after ${visible(`${skill_id} ${version_id}`)}`}`;
}

function pendingOf(changes: readonly Change[]): PlannedChange[] {
  return changes.filter(isPending).map((change) => {
    const locked = 'locked' in change ? change.locked : undefined;
    const content = 'skill' in change ? change.skill?.sha256 : undefined;
    return {
      name: nameOf(change),
      change: change.kind,
      sha256: content ?? locked?.sha256 ?? '',
      skill_id: locked?.skillId ?? null,
      version_id: locked?.versionId ?? null,
    };
  });
}

/** Undefined for anything that was not written here. */
function parsePlan(text: string): PlanFile | undefined {
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(whole) || whole['plan_version'] !== 1) return undefined;
  const { overwrite, prune, folders, workspace_id: workspaceId } = whole;
  if (workspaceId !== null && typeof workspaceId !== 'string') return undefined;
  if (typeof overwrite !== 'boolean' || typeof prune !== 'boolean' || !Array.isArray(folders)) return undefined;
  const parts = folders.map(partOf);
  if (!parts.every((part) => part !== undefined)) return undefined;
  return { workspaceId: workspaceId ?? undefined, overwrite, prune, parts };
}

function partOf(part: unknown): PlanFile['parts'][number] | undefined {
  if (!isRecord(part)) return undefined;
  const { folder, lock_file: lockFile, only, changes } = part;
  if (typeof folder !== 'string' || typeof lockFile !== 'string' || !Array.isArray(changes)) return undefined;
  if (only !== undefined && !(Array.isArray(only) && only.every((name) => typeof name === 'string'))) return undefined;
  if (!changes.every(isPlannedChange)) return undefined;
  return { folder, lockFile, changes, ...(only !== undefined && { only }) };
}

function isPlannedChange(value: unknown): value is PlannedChange {
  if (!isRecord(value)) return false;
  const texts = ['name', 'change', 'sha256'].every((key) => typeof value[key] === 'string');
  return texts && ['skill_id', 'version_id'].every((key) => value[key] === null || typeof value[key] === 'string');
}

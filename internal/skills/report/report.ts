/** What a run has to tell a pull request: one value that every report is written from. */
import type { ExitCode } from '../../errors/exit-codes.ts';
import type { Problem } from '../folder/problem.ts';
import type { StalePin } from '../pins.ts';
import type { Finding } from '../scan/finding.ts';

/** What became of a skill, or what would. */
export interface SkillOutcome {
  /** The folder of skills that it lies in. */
  folder: string;
  name: string;
  /** `invalid`: it is there, and `problems` says what is wrong with it. */
  change: 'create' | 'update' | 'rename' | 'adopt' | 'unchanged' | 'orphaned' | 'prune' | 'blocked' | 'invalid';
  /** Whether the change was made in this run. */
  applied: boolean;
  /** As in the lock; undefined for a skill that is only planned to be created. */
  skillId: string | undefined;
  /** Undefined where only the upload will tell. */
  versionId: string | undefined;
  sha256: string;
  /** The name before a rename; for an orphan, undefined. */
  renamedFrom?: string;
  /** For an orphan whose folder is there and only not read: where it is, and what makes it a skill again. */
  where?: { what: string; fix: string };
  /** Files in config/agents that name this skill and change with it. */
  agents: readonly string[];
  /** Why nothing can be done about the skill, and what a person has to decide. */
  blocked?: { what: string; fix: string };
  /** A unified diff from the platform's content to the folder's, where it was asked for. */
  diff?: string;
}

/** The whole of a run, also of one that ended in an error. */
export interface SkillsReport {
  problems: readonly Problem[];
  findings: readonly Finding[];
  skills: readonly SkillOutcome[];
  /** Agents that do not have the version of the lock, where they were asked for. */
  stalePins?: readonly StalePin[];
  exit: ExitCode;
  /** The first line of the error it ended in and the code of it. */
  error?: { code: string; message: string };
}

/** Whether something is left to do about a skill: what `--check` fails for. */
export function isPending({ change, applied }: Pick<SkillOutcome, 'change' | 'applied'>): boolean {
  return !applied && change !== 'unchanged' && change !== 'orphaned';
}

/** The words of changes that were made; a planned one is called by its kind. */
export const changesMade: Readonly<Record<SkillOutcome['change'], string>> = {
  create: 'created',
  update: 'updated',
  rename: 'renamed',
  adopt: 'adopted',
  unchanged: 'unchanged',
  orphaned: 'orphaned',
  prune: 'deleted',
  blocked: 'blocked',
  invalid: 'invalid',
};

/** What became of a skill, or would, in one word. */
export function changeWord({ change, applied }: Pick<SkillOutcome, 'change' | 'applied'>): string {
  return applied ? changesMade[change] : change;
}

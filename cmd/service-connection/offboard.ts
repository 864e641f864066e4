/** What an operator does when a person leaves, and when that person comes back. */

import { confirm, typedLine } from '../../internal/cli/confirm.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { linesOf } from '../../internal/cli/result-text.ts';
import type { BrowserOptions } from '../../internal/cli/terminal-browser.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import {
  isOffboardedWhole,
  isTarget,
  letInAgain,
  type OffboardRequest,
  offboard,
  type PersonsThings,
  planLetIn,
  readPerson,
} from '../../internal/offboarding/offboard.ts';
import { requireOperator } from '../../internal/run/actor.ts';
import { loadProject, type OperatorRun, openOperatorRun } from '../../internal/run/project.ts';
import { quote, visible } from '../../internal/text/quote.ts';
import { showLetIn, showLetInPlan, showOffboarded, showPlan, showWhole, stepLine } from './offboard-output.ts';

/** The options of `offboard`. */
export type OffboardOptions = BrowserOptions & {
  issuer?: string;
  kind?: string;
  dryRun?: boolean;
  includeUnproven?: boolean;
  yesOffboard?: string;
  undo?: boolean;
  yesUndo?: string;
};

/** How long a question waits. */
const questionTimeoutMs = 300_000;

/** Off-boards a person, shows what that would do, or lets them in again. */
export async function runOffboard(
  context: CommandContext,
  subject: string,
  options: OffboardOptions,
): Promise<CommandResult> {
  checkOptions(subject, options);
  const { issuer, kind, dryRun = false, includeUnproven = false, undo: letIn = false } = options;
  const configuration = await loadProject(context);
  const command = `service-connection offboard ${quote(subject)}`;
  const run = await openOperatorRun(context, configuration, command);
  requireOperator(run.principal, configuration, 'off-board anybody');
  const waiting = context.progress.wait('every vault and session of the workspace is looked at');
  const things = await readPerson(run, { subject, issuer, kind }).finally(() => waiting.done());
  if (letIn) return await undo(context, run, things, options);

  const { services } = configuration;
  if (dryRun) return showPlan(things, services, includeUnproven);
  if (isOffboardedWhole(things, includeUnproven)) return showWhole(things);
  for (const line of planLines(things, services, includeUnproven)) context.progress.note(line);
  await settle(context, subject, 'yes-offboard', options.yesOffboard, 'to off-board');
  const request: OffboardRequest = {
    platform: run.platform,
    ownership: run.ownership,
    warn: run.warn,
    operator: run.principal,
    includeUnproven: includeUnproven || (await settleUnproven(context, things, options)),
    onStep: (step) => context.progress.note(stepLine(step)),
  };
  const done = await offboard(request, things);
  for (const { vault } of done.leftAlone) {
    context.progress.warn(
      `${quote(vault.id)} is not proven to be theirs and is left alone: archive it with --include-unproven`,
    );
  }
  return showOffboarded(done, services);
}

async function undo(
  context: CommandContext,
  run: OperatorRun,
  things: PersonsThings,
  options: OffboardOptions,
): Promise<CommandResult> {
  const plan = planLetIn(things);
  if (options.dryRun === true) return showLetInPlan(things, plan);
  await settle(context, things.owner.subject, 'yes-undo', options.yesUndo, 'to let in again');
  return showLetIn(things, await letInAgain(run, things));
}

function checkOptions(subject: string, options: OffboardOptions): void {
  const { undo: undoing, yesOffboard, yesUndo } = options;
  if (undoing !== true && yesUndo !== undefined) throw new AppError('usage', '--yes-undo goes with --undo only');
  const said = yesOffboard ?? yesUndo;
  if (said !== undefined && said !== subject) {
    throw new AppError('usage', `${quote(said)} is not the subject ${quote(subject)}`, { hint: 'nothing was done' });
  }
}

/** The subject is typed once more, or was said in so many words on the command line. */
async function settle(
  context: CommandContext,
  subject: string,
  flag: 'yes-offboard' | 'yes-undo',
  said: string | undefined,
  what: string,
): Promise<void> {
  if (said === subject) return;
  if (!context.interactive) {
    throw new AppError('sign_in_needed', `nobody is here to confirm whom ${what}`, {
      hint: `run it in a terminal, or say exactly whom: --${flag} <subject>; nothing was done`,
    });
  }
  const typed = await typedLine(context, `type the subject of the person ${what}:`, questionTimeoutMs);
  if (typed !== subject) {
    throw new AppError('usage', 'that is not the subject', { hint: 'nothing was done' });
  }
}

/** A separate yes for what only claims to be theirs. Without anybody to ask it is left alone. */
async function settleUnproven(
  context: CommandContext,
  { active }: PersonsThings,
  { yesOffboard }: OffboardOptions,
): Promise<boolean> {
  const unproven = active.filter((held) => !isTarget(held, false));
  if (unproven.length === 0 || yesOffboard !== undefined || !context.interactive) return false;
  const ids = unproven.map(({ vault }) => quote(vault.id)).join(', ');
  return await confirm(context, `not proven to be theirs: ${ids}. Archive as well?`, questionTimeoutMs);
}

function planLines(things: PersonsThings, services: Parameters<typeof showPlan>[1], includeUnproven: boolean) {
  return linesOf(showPlan(things, services, includeUnproven).text).map(visible);
}

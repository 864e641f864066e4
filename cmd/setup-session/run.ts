import { readAgentsLock } from '../../internal/agent/lock.ts';
import { type MessageOptions, readMessage } from '../../internal/cli/message.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { BrowserOptions } from '../../internal/cli/terminal-browser.ts';
import type { Agent, Configuration } from '../../internal/config/definitions.ts';
import { agentNamed } from '../../internal/config/lookup.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { loadProject, openOperatorRun } from '../../internal/run/project.ts';
import { prepareSession, requirementOf } from '../../internal/session/prepare.ts';
import { endTwins, startSession } from '../../internal/session/start.ts';
import { tellUnsettled } from '../../internal/session/unsettled.ts';
import { readSkillPins } from '../../internal/skills/skill-pins.ts';
import { quote } from '../../internal/text/quote.ts';
import { readPins } from '../../internal/tool-review/pin.ts';
import { finishTurn, patienceFor } from './finish-turn.ts';
import { findOffered, offerToEnd } from './idle.ts';
import type { TurnOptions } from './message-options.ts';
import { sessionValue, showPlan, showSession } from './output.ts';

/** The options of `setup-session --agent <name>`. */
export type SetupOptions = BrowserOptions &
  MessageOptions &
  TurnOptions & {
    agent?: string;
    budget?: string;
    title?: string;
    dryRun?: boolean;
    without?: string[];
  };

/** Prepares, starts and, with a message, talks to one session. */
export async function runSetup(context: CommandContext, options: SetupOptions): Promise<CommandResult> {
  const { agent: name, title, dryRun = false, without = [], timeout, budget, end = false, stopAfter } = options;
  if (name === undefined) throw new AppError('usage', 'no agent named', { hint: 'setup-session --agent <name>' });
  const timeoutMs = patienceFor(timeout, stopAfter);
  const message = await readMessage(context, options);
  if (message === undefined && (end || stopAfter !== undefined)) {
    throw new AppError('usage', `${end ? '--end' : '--stop-after'} goes with a message only`, {
      hint: 'to end a session: setup-session stop <session>',
    });
  }
  const configuration = await loadProject(context);
  const agent = agentNamed(configuration, name);
  const { lock, pins, toolPins } = await readLocks(configuration, agent, context.signal);
  const command = `setup-session --agent ${agent.name}`;
  const requirement = requirementOf(agent, configuration);
  const run = await openOperatorRun(context, configuration, command, { requirement });
  const { platform, principal, memory, ownership, sessionRecords } = run;

  const prepare = () =>
    prepareSession({
      platform,
      configuration,
      agent,
      principal,
      memory,
      warn: context.progress.warn,
      ownership,
      lock,
      pins,
      toolPins,
      without,
    });
  const telling = { platform, records: sessionRecords, warn: context.progress.warn };
  let [prepared] = await Promise.all([prepare(), tellUnsettled(telling)]);
  if (dryRun) return showPlan(prepared, principal, { title, message, budget, end, stopAfter });
  const offered = findOffered(run, { kind: 'own', principal, vaultId: prepared.vault.id });
  // Looked at when the result is out; a command that fails before does not offer anything.
  offered.catch(() => {});

  const start = () =>
    startSession(prepared, {
      platform,
      principal,
      title,
      budgetCents: budget,
      records: sessionRecords,
      ownership,
      warn: context.progress.warn,
      signal: context.signal,
    });
  if (message === undefined) {
    const started = await start();
    const shown = async () => {
      await started.settle();
      await offerToEnd(context, run, await offered);
    };
    return { ...showSession(started, prepared, principal), shown };
  }

  const { runFirstTurn } = await import('../../internal/session/first-turn.ts');
  let starts = 0;
  const { session, turn } = await runFirstTurn({
    platform,
    message,
    timeoutMs,
    limit: stopAfter,
    signal: context.signal,
    told: { text: context.stream, note: context.progress.note, warn: context.progress.warn },
    async start() {
      starts += 1;
      if (starts > 1) prepared = await prepare();
      const started = await start();
      context.progress.note(`session ${quote(started.id)} is bound to the vault of ${quote(principal.label)}`);
      return started;
    },
    beside: (started) => endTwins(started, { platform, warn: context.progress.warn }),
  });
  // What goes on without this command, or may, is told of once more by the next run.
  const known = !turn.unknown && turn.end.kind !== 'timed_out' && turn.end.kind !== 'unseen';
  const about = sessionValue(session, prepared, principal);
  const result = await finishTurn(context, turn, { platform, configuration, about, end });
  const shown = async () => {
    if (known) await session.settle();
    await offerToEnd(context, run, await offered);
  };
  return { ...result, shown };
}

/** What was put in force, pushed and reviewed for an agent, as the files beside its configuration say. */
export async function readLocks(configuration: Configuration, agent: Agent, signal: AbortSignal) {
  const [lock, pins, toolPins] = await Promise.all([
    readAgentsLock(configuration),
    // Not read for an agent without skills.
    agent.skills.length === 0 ? new Map() : readSkillPins(configuration, signal),
    readPins(configuration),
  ]);
  return { lock, pins, toolPins };
}

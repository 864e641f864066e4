import { join } from 'node:path';
import { readAgentsLock } from '../../internal/agent/lock.ts';
import { readPins } from '../../internal/catalogue/pin.ts';
import type { BrowserOptions } from '../../internal/cli/browser-visit.ts';
import { type MessageOptions, readMessage } from '../../internal/cli/message.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { loadProject, openOperatorRun } from '../../internal/cli/project.ts';
import type { Agent, Configuration } from '../../internal/config/definitions.ts';
import { agentNamed } from '../../internal/config/lookup.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { prepareSession, requirementOf } from '../../internal/session/prepare.ts';
import { endTwins, startSession } from '../../internal/session/start.ts';
import { tellUnsettled } from '../../internal/session/unsettled.ts';
import { readSkillsLock } from '../../internal/skills/lock.ts';
import { quote } from '../../internal/text/quote.ts';
import { sessionValue, showPlan, showSession } from './output.ts';
import { showTurn } from './turn-output.ts';

/** The options of `setup-session --agent <name>`. */
export type SetupOptions = BrowserOptions &
  MessageOptions & {
    agent?: string;
    title?: string;
    dryRun?: boolean;
    without?: string[];
  };

/** How long a turn is followed unless told. */
export const answerTimeoutSeconds = 300;

/** Prepares, starts and, with a message, talks to one session. */
export async function runSetup(context: CommandContext, options: SetupOptions): Promise<CommandResult> {
  const { agent: name, title, dryRun = false, without = [], timeout = answerTimeoutSeconds } = options;
  if (name === undefined) throw new AppError('usage', 'no agent named', { hint: 'setup-session --agent <name>' });
  const message = await readMessage(context, options);
  const configuration = await loadProject(context);
  const agent = agentNamed(configuration, name);
  const { lock, pins, toolPins } = await readLocks(configuration, agent);
  const { platform, principal, memory, ownership, sessionRecords } = await openOperatorRun(
    context,
    configuration,
    options,
    `setup-session --agent ${agent.name}`,
    { requirement: requirementOf(agent, configuration) },
  );

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
  if (dryRun) return showPlan(prepared, principal, { title, message });

  const start = () =>
    startSession(prepared, {
      platform,
      principal,
      title,
      records: sessionRecords,
      ownership,
      warn: context.progress.warn,
      signal: context.signal,
    });
  if (message === undefined) {
    const started = await start();
    return { ...showSession(started, prepared, principal), shown: started.settle };
  }

  const { runFirstTurn } = await import('../../internal/session/first-turn.ts');
  let starts = 0;
  const { session, turn } = await runFirstTurn({
    platform,
    message,
    timeoutMs: timeout * 1000,
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
  return {
    ...showTurn(turn, sessionValue(session, prepared, principal), configuration),
    ...(known && { shown: session.settle }),
  };
}

/** What was put in force, pushed and reviewed for an agent, as the files beside its configuration say. */
export async function readLocks(configuration: Configuration, agent: Agent) {
  const [lock, pins, toolPins] = await Promise.all([
    readAgentsLock(configuration.folder),
    pinsFor(agent, configuration),
    readPins(configuration),
  ]);
  return { lock, pins, toolPins };
}

/** The pinned versions of the skills beside the configuration; not read for an agent without skills. */
async function pinsFor(agent: Agent, configuration: Configuration) {
  return agent.skills.length === 0 ? new Map() : await readSkillsLock(join(configuration.folder, '..', 'skills'));
}

/** What `setup-session --agent <name>` is asked: one session, with a message or without. */
import type { MessageOptions } from '../../internal/cli/message.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { patienceFor } from '../../internal/run/finish-turn.ts';
import { startSession } from '../../internal/run/use-cases/start-session.ts';
import type { TurnOptions } from './message-options.ts';
import { showStart } from './output.ts';

/** The options of `setup-session --agent <name>`. */
export type SetupOptions = MessageOptions &
  TurnOptions & {
    agent?: string;
    asAgent?: boolean;
    budget?: string;
    title?: string;
    dryRun?: boolean;
    without?: string[];
  };

/** Starts a session, and with a message talks to it. */
export async function performSetup(context: CommandContext, options: SetupOptions): Promise<CommandResult> {
  const { agent, asAgent, title, dryRun = false, without = [], budget, end = false, stopAfter, timeout } = options;
  if (agent === undefined) throw new AppError('usage', 'no agent named', { hint: 'setup-session --agent <name>' });
  // Before anything is read: a wrong option is known to be wrong now.
  patienceFor(timeout, stopAfter);
  const message = await context.message(options);
  const begun = context.options.parentTokenFd === undefined ? undefined : true;
  const request = { agent, asAgent, begun, title, dryRun, without, budget, end, stopAfter, message };
  return showStart(await context.perform(startSession, request));
}

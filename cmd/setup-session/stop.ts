/** What `setup-session stop` is asked: one session, or all that nobody uses. */
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { showStopped, showStoppedIdle } from './live-output.ts';

/** The options of `stop`. */
export interface StopOptions {
  interrupt?: boolean;
  /** In milliseconds. */
  idleFor?: number;
  all?: boolean;
  dryRun?: boolean;
}

/** Ends a session, or with `--idle-for` what nobody uses. Throws `usage` where it is not one of the two. */
export async function performStop(
  { perform }: CommandContext,
  session: string | undefined,
  options: StopOptions,
): Promise<CommandResult> {
  const { interrupt = false, idleFor: idleForMs, all = false, dryRun = false } = options;
  if (session !== undefined) {
    if (idleForMs !== undefined) throw new AppError('usage', '--idle-for goes without a session');
    if (all) throw new AppError('usage', '--all goes without a session');
    const { stopSession } = await import('../../internal/run/use-cases/sessions.ts');
    return showStopped(await perform(stopSession, { session, interrupt, dryRun }));
  }
  if (idleForMs === undefined) {
    throw new AppError('usage', 'which session?', {
      hint: 'name one, or say --idle-for <time>: see setup-session list',
    });
  }
  const { stopIdleSessions } = await import('../../internal/run/use-cases/idle-sessions.ts');
  return showStoppedIdle(await perform(stopIdleSessions, { idleForMs, all, dryRun }));
}

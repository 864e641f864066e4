/** What a command does when a turn is over: it says what was used, and ends the session where that was asked for. */
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { Configuration } from '../../internal/config/definitions.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { Platform } from '../../internal/platform/client.ts';
import { endFinished } from '../../internal/session/end.ts';
import type { TurnLimit } from '../../internal/session/stop-after.ts';
import type { TurnResult } from '../../internal/session/turn.ts';
import { idWord } from '../../internal/session/turn-outcome.ts';
import { quote } from '../../internal/text/quote.ts';
import { showTurn } from './turn-output.ts';
import { usageWords } from './usage-output.ts';

/** What a turn is finished with. */
export interface Finishing {
  platform: Platform;
  configuration: Configuration;
  /** What stands beside the turn in the value for programs. */
  about: object;
  /** Whether the person is the owner of the session, who alone answers what waits. */
  own?: boolean;
  end: boolean;
}

/** How long a turn is followed unless told. */
const usualSeconds = 300;
/** How long an interrupted turn may take to end. */
const graceSeconds = 60;
const longestSeconds = 24 * 60 * 60;

/**
 * How long a turn with a limit is followed, in milliseconds: nobody watches the limit afterwards, so long enough to reach it.
 * Throws `usage` where `--timeout` ends before.
 */
export function patienceFor(timeout: number | undefined, limit: TurnLimit | undefined): number {
  if (limit === undefined) return (timeout ?? usualSeconds) * 1000;
  if (limit.kind === 'tokens') return (timeout ?? longestSeconds) * 1000;
  if (timeout === undefined) return Math.max(usualSeconds * 1000, limit.milliseconds + graceSeconds * 1000);
  if (timeout * 1000 >= limit.milliseconds) return timeout * 1000;
  throw new AppError('usage', '--timeout ends before --stop-after: nobody would be there to interrupt the turn', {
    hint: 'leave --timeout out, or give it more',
  });
}

/** Shows a turn; with `end`, ends its session first where the turn is over. */
export async function finishTurn(
  context: CommandContext,
  turn: TurnResult,
  finishing: Finishing,
): Promise<CommandResult> {
  const { platform, configuration, about, end, own = true } = finishing;
  const { progress } = context;
  if (turn.usage !== undefined) progress.note(`the session has used ${usageWords(turn.usage)} so far`);
  if (!end) return showTurn(turn, about, { configuration, own });
  const shown = (ended: boolean) => showTurn(turn, { ...about, ended }, { configuration, own });
  const { kind } = turn.end;
  if (kind === 'archived' || kind === 'deleted') return shown(true);
  const over = (kind === 'idle' && turn.end.reason.type !== 'requires_action') || kind === 'terminated';
  const word = idWord(turn.sessionId);
  if (!over) {
    progress.warn(
      `the session ${quote(turn.sessionId)} was not ended: its turn is not over; to end it: setup-session stop ${word}`,
    );
    return shown(false);
  }
  try {
    await endFinished(platform, turn.sessionId);
    return shown(true);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const failed = shown(false);
    const failure = new AppError(error.code, `the session ${quote(turn.sessionId)} was NOT ended: ${error.message}`, {
      hint: `end it: setup-session stop ${word}`,
      cause: error,
    });
    if (failed.failure === undefined) return { ...failed, failure };
    progress.warn(failure.message);
    return failed;
  }
}

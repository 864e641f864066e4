/** What a command does when a turn is over: it says what was used, and ends the session where that was asked for. */
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import { endFinished } from '../session/end.ts';
import type { TurnLimit } from '../session/stop-after.ts';
import type { TurnResult } from '../session/turn.ts';
import { idWord, judgeTurn } from '../session/turn-outcome.ts';
import { quote } from '../text/quote.ts';
import { callValue, type Waits, waitingLines, waitingValue } from './call-words.ts';
import type { Ports } from './ports.ts';
import { usageValue, usageWords } from './usage.ts';
import type { TurnValue } from './values/sessions.ts';

/** What a turn is finished with. */
export interface Finishing extends Omit<Waits, 'own'> {
  platform: Platform;
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

/** Says what was used and gives the turn as a value; with `end`, ends its session first where the turn is over. */
export async function finishTurn(
  { tell }: Ports,
  turn: TurnResult,
  { end, own = true, ...waits }: Finishing,
): Promise<TurnValue & { ended?: boolean }> {
  if (turn.usage !== undefined) tell.note(`the session has used ${usageWords(usageValue(turn.usage))} so far`);
  const value = await turnValue(turn, { ...waits, own });
  if (!end) return value;
  const { kind } = turn.end;
  if (kind === 'archived' || kind === 'deleted') return { ended: true, ...value };
  const over = (kind === 'idle' && turn.end.reason.type !== 'requires_action') || kind === 'terminated';
  const word = idWord(turn.sessionId);
  if (!over) {
    tell.warn(
      `the session ${quote(turn.sessionId)} was not ended: its turn is not over; to end it: setup-session stop ${word}`,
    );
    return { ended: false, ...value };
  }
  try {
    await endFinished(waits.platform, turn.sessionId);
    return { ended: true, ...value };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const message = `the session ${quote(turn.sessionId)} was NOT ended: ${error.message}`;
    const failure = { code: error.code, message, hint: `end it: setup-session stop ${word}` };
    if (value.beside.failure === null) return { ended: false, ...value, beside: { ...value.beside, failure } };
    tell.warn(message);
    return { ended: false, ...value };
  }
}

async function turnValue(turn: TurnResult, waits: Waits): Promise<TurnValue> {
  const outcome = judgeTurn(turn);
  const { sessionId, asks } = turn;
  const { own } = waits;
  const waiting = await Promise.all(asks.map((call) => waitingLines(waits, call)));
  return {
    answer: turn.answer,
    message_id: turn.messageId ?? null,
    stop_reason: turn.end.kind === 'idle' ? turn.end.reason.type : turn.end.kind,
    asks: asks.map((call) => waitingValue({ sessionId, own }, call)),
    denied: turn.denied.map(callValue),
    errors: turn.errors.map(({ type, message, service, retry }) => ({
      type,
      message,
      service: service ?? null,
      retry,
    })),
    usage: turn.usage === undefined ? null : usageValue(turn.usage),
    unknown: turn.unknown,
    beside: {
      waiting: waiting.flat(),
      failure: outcome === 'done' || outcome === 'asks' ? null : failureValue(outcome),
      asks: outcome === 'asks',
    },
  };
}

function failureValue({ code, message, hint }: AppError): NonNullable<TurnValue['beside']['failure']> {
  return { code, message, ...(hint !== undefined && { hint }) };
}

import type { CommandResult } from '../../internal/cli/program.ts';
import type { Configuration } from '../../internal/config/definitions.ts';
import type { TurnResult } from '../../internal/session/turn.ts';
import { judgeTurn } from '../../internal/session/turn-outcome.ts';
import { callValue, waitingLines, waitingValue } from './call-output.ts';
import { usageValue } from './usage-output.ts';

const waitsForAnswer = 8;

/** A turn, of which the answer was streamed as it came. `about` stands beside it in the value for programs. */
export function showTurn(
  turn: TurnResult,
  about: object,
  { configuration, own }: { configuration: Configuration; own: boolean },
): CommandResult {
  const outcome = judgeTurn(turn);
  const failure = outcome === 'done' || outcome === 'asks' ? undefined : outcome;
  const { sessionId, answer, asks, denied } = turn;
  const waiting = asks.flatMap((call) => waitingLines({ sessionId, own }, call, configuration));
  return {
    // The answer was streamed as it came: this ends its last line.
    text: [...(answer === '' && waiting.length === 0 ? [] : ['']), ...waiting, ''].join('\n'),
    json: {
      ...about,
      answer,
      message_id: turn.messageId ?? null,
      stop_reason: turn.end.kind === 'idle' ? turn.end.reason.type : turn.end.kind,
      asks: asks.map((call) => waitingValue({ sessionId, own }, call)),
      denied: denied.map(callValue),
      errors: turn.errors.map(({ type, message, service, retry }) => ({
        type,
        message,
        service: service ?? null,
        retry,
      })),
      usage: turn.usage === undefined ? null : usageValue(turn.usage),
      unknown: turn.unknown,
    },
    ...(outcome === 'asks' ? { exit: waitsForAnswer } : {}),
    ...(failure === undefined ? {} : { failure }),
  };
}

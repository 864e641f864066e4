import type { CommandResult } from '../../internal/cli/program.ts';
import type { ToolCall, Usage } from '../../internal/session/event.ts';
import type { TurnResult } from '../../internal/session/turn.ts';
import { judgeTurn } from '../../internal/session/turn-outcome.ts';
import { callWords } from '../../internal/session/turn-state.ts';
import { visible } from '../../internal/text/quote.ts';

const waitsForAnswer = 8;

/** A turn, of which the answer was streamed as it came. `about` stands beside it in the value for programs. */
export function showTurn(turn: TurnResult, about: object): CommandResult {
  const outcome = judgeTurn(turn);
  const failure = outcome === 'done' || outcome === 'asks' ? undefined : outcome;
  const { answer, asks, denied } = turn;
  const waiting = asks.map((call) => `waiting for a yes or no: ${namesOf(call)}`);
  return {
    // The answer was streamed as it came: this ends its last line.
    text: [...(answer === '' && waiting.length === 0 ? [] : ['']), ...waiting, ''].join('\n'),
    json: {
      ...about,
      answer,
      message_id: turn.messageId ?? null,
      stop_reason: turn.end.kind === 'idle' ? turn.end.reason.type : turn.end.kind,
      asks: asks.map(callValue),
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

function namesOf(call: ToolCall): string {
  return call.tool === undefined ? callWords(call) : `${visible(call.service ?? '')} ${visible(call.tool)}`;
}

/** A call for programs. */
export function callValue({ eventId, service, tool }: ToolCall) {
  return { event_id: eventId, service: service ?? null, tool: tool ?? null };
}

/** A usage for programs. */
function usageValue({ inputTokens, outputTokens, activeSeconds, listCost }: Usage) {
  return {
    input_tokens: inputTokens ?? null,
    output_tokens: outputTokens ?? null,
    active_seconds: activeSeconds ?? null,
    list_cost: listCost ?? null,
  };
}

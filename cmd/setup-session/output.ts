import type { CommandResult } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { ErrorCode } from '../../internal/errors/exit-codes.ts';
import type { FollowedTurn, StartResult, TurnValue } from '../../internal/run/values/sessions.ts';
import { visible } from '../../internal/text/quote.ts';

const waitsForAnswer = 8;

/** A session that was started, or would be: its id, alone on stdout, can be handed on. */
export function showStart(result: StartResult): CommandResult {
  if ('would' in result) {
    const rows = result.tools.map(({ service, tool, class: kind, agent, person, verdict }) => [
      service,
      tool,
      kind,
      agent,
      person,
      verdict,
    ]);
    return {
      text: [
        { heading: ['service', 'tool', 'class', 'agent', 'person', 'verdict'], rows },
        '',
        ...result.would.map((step) => `would ${step}`),
      ],
      json: result,
    };
  }
  return 'beside' in result ? showTurn(result) : { text: visible(result.session_id), json: result };
}

/** A turn, of which the answer was streamed as it came: what is left is to end its last line, and what waits. */
export function showTurn(result: TurnValue | FollowedTurn): CommandResult {
  const { answer, beside } = result;
  const { waiting, failure, asks } = beside;
  return {
    text: [...(answer === '' && waiting.length === 0 ? [] : ['']), ...waiting, ''].join('\n'),
    json: result,
    ...(asks ? { exit: waitsForAnswer } : {}),
    ...(failure === null ? {} : { failure: errorOf(failure) }),
  };
}

function errorOf({ code, message, hint }: NonNullable<TurnValue['beside']['failure']>): AppError {
  return new AppError(code as ErrorCode, message, hint === undefined ? {} : { hint });
}

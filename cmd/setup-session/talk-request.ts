/** What is said to a session, from where the words of a command say it comes. */
import type { MessageOptions } from '../../internal/cli/message.ts';
import type { CommandContext } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { patienceFor } from '../../internal/run/finish-turn.ts';
import type { AnswerRequest } from '../../internal/run/values/sessions.ts';
import type { TurnOptions } from './message-options.ts';

/** The options of `answer`. */
export interface AnswerOptions {
  yes?: boolean;
  no?: string;
  result?: string;
  digest?: string;
  timeout?: number;
}

/** The message of `send`. Throws `usage` where there is none. */
export async function messageToSend(context: CommandContext, options: MessageOptions & TurnOptions): Promise<string> {
  // Before anything is read: a wrong option is known to be wrong now.
  patienceFor(options.timeout, options.stopAfter);
  const message = await context.message(options);
  if (message !== undefined) return message;
  throw new AppError('usage', 'there is nothing to send', {
    hint: 'name one: --message - for stdin, --message-file <file> or --message <text>',
  });
}

/** What the options of `answer` say, before anything is asked. */
export async function answerOf(
  context: CommandContext,
  { yes, no, result, timeout }: AnswerOptions,
): Promise<AnswerRequest['answer']> {
  const said = [yes === true, no !== undefined, result !== undefined].filter(Boolean).length;
  if (said !== 1) {
    throw new AppError('usage', 'an answer is one of --yes, --no <reason> and --result <text>', {
      hint: 'see what waits: setup-session show <session>',
    });
  }
  if (no !== undefined) return { kind: 'no', reason: no };
  if (yes === true) return { kind: 'yes' };
  const text = await context.message({ message: result ?? '', ...(timeout !== undefined && { timeout }) });
  return { kind: 'result', text: text ?? '' };
}

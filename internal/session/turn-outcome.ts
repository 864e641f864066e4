/**
 * What the end of a turn means for the person: done, something waits, or why not, with what to do next. No hint makes
 * anything happen twice: where calls were made or may have been, it leads to the session and not to the same message. Pure.
 */
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/exit-codes.ts';
import { quote } from '../text/quote.ts';
import type { SessionError } from './event.ts';
import { limitWords } from './stop-after.ts';
import type { TurnResult } from './turn.ts';

/** `done`, `asks` where a call waits for a yes or no, or the error that ended it. */
export type TurnOutcome = 'done' | 'asks' | AppError;

export function judgeTurn(result: TurnResult): TurnOutcome {
  const { end, sessionId } = result;
  const session = quote(sessionId);
  const go = followOrEnd(sessionId);
  switch (end.kind) {
    case 'idle':
      return judgeReason(result, end.reason.type, end.reason.explanation);
    case 'terminated':
      return gaveUp(result, `the session ${session} has ended`, 'session_ended');
    case 'archived':
      return new AppError('session_ended', `the session ${session} was archived before the agent was done`, {
        hint: `somebody ended it: nothing can be sent to it any more; ${before(result)}`,
      });
    case 'deleted':
      return new AppError('session_ended', `the session ${session} was deleted before the agent was done`, {
        hint: `somebody deleted it, with its history; ${before(result)}`,
      });
    case 'never_started':
      return 'done';
    case 'unseen':
    case 'unsure':
      return new AppError(
        end.error.code,
        `${end.error.message}; whether the session ${session} has the message is not known`,
        { hint: `look before you send it again, it may be there twice otherwise: ${go}`, cause: end.error },
      );
    case 'dropped':
      return new AppError('session_failed', `the platform took the message and did not begin with it`, {
        hint: `what ran before it in the session has failed, or it waits in a queue: ${go}`,
      });
    case 'timed_out': {
      const state = end.begun ? (end.rescheduled ? 'stumbled and tries again' : 'goes on') : 'has not begun with it';
      const status = end.status === undefined ? 'the platform cannot be asked now' : `it is ${quote(end.status)}`;
      return new AppError('timed_out', `the agent is not done: the session ${session} ${state} (${status})`, {
        hint: `${go}; give it more time with --timeout <seconds>`,
      });
    }
    case 'unwatched':
      return new AppError(
        end.error.code,
        `${end.error.message}; the session ${session} has the message and goes on without this command`,
        { hint: [end.error.hint, go].filter(Boolean).join('; '), cause: end.error },
      );
  }
}

function judgeReason(result: TurnResult, reason: string, explanation: string | undefined): TurnOutcome {
  switch (reason) {
    case 'end_turn':
      return result.interrupted ? interrupted(result) : 'done';
    case 'requires_action':
      return 'asks';
    case 'refusal': {
      const why = explanation === undefined ? '' : `: ${quote(explanation)}`;
      return new AppError('model_refused', `the model refused to go on${why}`, {
        hint: `the same words are refused again; ${before(result)}`,
      });
    }
    case 'budget_reached':
      return new AppError('budget_reached', `the session ${quote(result.sessionId)} has used up its budget`, {
        hint: `it takes no new work until somebody with a key of the workspace raises the budget; ${before(result)}`,
      });
    case 'retries_exhausted':
      return gaveUp(result, 'the agent gave up', 'session_failed');
    default:
      return new AppError('session_failed', `the agent stopped, and this version does not know why: ${quote(reason)}`, {
        hint: before(result),
      });
  }
}

/** The platform calls the end of an interrupted turn like that of a finished one. */
function interrupted(result: TurnResult): AppError {
  const { usedUp, sessionId } = result;
  const word = idWord(sessionId);
  const why =
    usedUp === undefined
      ? 'somebody interrupted the turn'
      : `the turn has used up ${limitWords(usedUp)} and was interrupted`;
  return new AppError('turn_interrupted', `${why}, before the agent was done`, {
    hint: `the session is still there, go on with it: setup-session send ${word}, or end it: setup-session stop ${word}; ${before(result)}`,
  });
}

/** Why, by the last thing that went wrong. */
function gaveUp(result: TurnResult, what: string, otherwise: ErrorCode): AppError {
  const last = result.errors.at(-1);
  if (last === undefined) return new AppError(otherwise, `${what}, and no reason was given`, { hint: before(result) });
  const [code, why, next] = causeOf(last, otherwise);
  return new AppError(code, `${what}: ${why}`, { hint: [next, before(result)].filter(Boolean).join('; ') });
}

/** The error code, the words, and what to do about it. Connections are blamed for what connections did. */
function causeOf(
  { type, message, service }: SessionError,
  otherwise: ErrorCode,
): [code: ErrorCode, why: string, next: string] {
  const said = message === '' ? '' : ` (${quote(message)})`;
  const named = service === undefined ? 'a service' : `the service ${quote(service)}`;
  switch (type) {
    case 'mcp_authentication_failed_error': {
      const command = service === undefined || !/^[\w-]+$/.test(service) ? 'list' : `check ${service}`;
      return ['connection_needed', `${named} refused the sign-in${said}`, `see to it: service-connection ${command}`];
    }
    case 'mcp_connection_failed_error':
      return ['service_unreachable', `${named} could not be reached from the platform${said}`, 'try again later'];
    case 'billing_error':
      return [
        'billing',
        `the organization has no credit left, or has reached its spend limit${said}`,
        'ask whoever pays: nothing runs until that is settled in the Console',
      ];
    case 'model_overloaded_error':
      return ['model_overloaded', `the model is overloaded${said}`, 'wait a while'];
    case 'model_rate_limited_error':
      return ['model_rate_limited', `the organization's rate limit for the model is used up${said}`, 'wait a while'];
    case 'model_request_failed_error':
      return [otherwise, `the request to the model failed${said}`, ''];
    case 'compaction_limit_reached_error':
      return [otherwise, `the conversation is too long to go on${said}`, 'begin a new session with a smaller task'];
    case 'tool_use_limit_reached_error':
      return [otherwise, `the limit of tool calls is reached${said}`, 'begin with a smaller task'];
    case 'credential_host_unreachable_error':
      return [
        otherwise,
        `the environment does not let a credential reach its host${said}`,
        'review config/environments',
      ];
    default:
      return [otherwise, `${quote(type)}${said}`, ''];
  }
}

/** What a repetition would do twice. */
function before({ allowed, denied }: TurnResult): string {
  if (allowed === 0) return denied.length === 0 ? 'no tool was called until then' : 'no tool ran until then';
  return `${allowed === 1 ? 'one tool call was' : `${allowed} tool calls were`} made until then: see what they did before you ask for the same again`;
}

/** An id that the platform made, as a word of a command that can be copied; `otherwise` where it could be anything else. */
export function idWord(id: string, otherwise = '<session>'): string {
  return /^\w[\w-]*$/.test(id) ? id : otherwise;
}

/** What can be done about a session that goes on. */
export function followOrEnd(id: string): string {
  const word = idWord(id);
  return `follow it: setup-session attach ${word}, or end it: setup-session stop ${word}`;
}

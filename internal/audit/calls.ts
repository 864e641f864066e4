/**
 * The tool calls of a session, from the events of all its threads. An event may come twice, late, in any order, or be of a
 * type that this version does not know: what is said of a call does not depend on any of that. Pure.
 */
import { readEvent, type SessionEvent, type ToolCall } from '../session/event.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';

/** A call, without its arguments. */
export interface SeenCall {
  id: string;
  /** Undefined for the session's own thread. */
  thread: string | undefined;
  /** When the platform took it up; empty where it does not say. */
  at: string;
  service: string;
  tool: string;
  /** SHA-256 of the canonical arguments, or `nested too deep` for what nobody could read. */
  input: string;
  /** The length of the canonical arguments. */
  characters: number;
  /** The arguments themselves, where they are kept. */
  arguments: string | undefined;
  permission: 'allow' | 'ask' | 'deny' | 'unknown';
  /** The first answer: which event it was, and what it said. */
  answer: SeenAnswer | undefined;
  result: 'success' | 'failure' | undefined;
}

/** An answer to a call. */
export interface SeenAnswer {
  event: string;
  answer: 'allow' | 'deny' | 'result';
  at: string;
}

/** The calls of one session. Keeps what is said of each, never its arguments unless they are asked for. */
export class SessionCalls {
  readonly #calls = new Map<string, SeenCall>();
  readonly #answers = new Map<string, SeenAnswer>();
  readonly #results = new Map<string, { failed: boolean; at: string }>();
  readonly #unknown = new Set<string>();
  readonly #keepArguments: boolean;
  /** When the session last came to rest, in milliseconds since 1970. */
  #restedAt = Number.NEGATIVE_INFINITY;
  #lastAt = '';

  constructor(keepArguments: boolean) {
    this.#keepArguments = keepArguments;
  }

  /** Takes an event of the session's own thread, or of another one. */
  take(value: unknown, thread?: string): void {
    const event = readEvent(value);
    if (typeof event !== 'object') return;
    const at = timeOf(event);
    if (at > this.#lastAt) this.#lastAt = at;
    const fields = value as Readonly<Record<string, unknown>>;
    switch (event.kind) {
      case 'call': {
        const from = fields['session_thread_id'];
        this.#takeCall(
          event.call,
          event.permission ?? 'unknown',
          at,
          thread ?? (typeof from === 'string' ? from : undefined),
        );
        break;
      }
      case 'confirmation':
        this.#takeAnswer(event.callId, { event: event.id, answer: event.allowed ? 'allow' : 'deny', at });
        break;
      case 'result':
        // What a custom tool gave was sent by somebody, like an answer.
        if (fields['type'] === 'user.custom_tool_result') {
          this.#takeAnswer(event.callId, { event: event.id, answer: 'result', at });
        }
        if (isFirst(at, this.#results.get(event.callId)?.at)) {
          this.#results.set(event.callId, { failed: event.failed, at });
        }
        break;
      case 'idle':
        // One that does not say when tells nothing, and takes nothing from those that do.
        if (event.reason.type !== 'requires_action' && at !== '') {
          this.#restedAt = Math.max(this.#restedAt, Date.parse(at));
        }
        break;
      case 'other':
        if (!knownTypes.has(String(fields['type']))) this.#unknown.add(String(fields['type']));
        break;
      default:
        break;
    }
  }

  /**
   * Those that nothing more can be said of: with a result, or in a session that has ended or stands at rest since before
   * `restingSince` (milliseconds since 1970). The others are `waiting`.
   */
  settled({ ended, restingSince }: { ended: boolean; restingSince: number }): {
    over: SeenCall[];
    waiting: SeenCall[];
  } {
    const over: SeenCall[] = [];
    const waiting: SeenCall[] = [];
    for (const call of this.#calls.values()) {
      const answer = this.#answers.get(call.id);
      const result = this.#results.get(call.id);
      const seen = { ...call, answer, result: result && (result.failed ? ('failure' as const) : ('success' as const)) };
      const rested = this.#restedAt >= Date.parse(call.at) && this.#restedAt <= restingSince;
      (result !== undefined || ended || rested ? over : waiting).push(seen);
    }
    return { over, waiting };
  }

  /** The time of the latest event, in RFC 3339; empty where none says one. */
  get lastAt(): string {
    return this.#lastAt;
  }

  /** The types of events that this version does not know. */
  get unknownTypes(): string[] {
    return [...this.#unknown];
  }

  #takeCall(call: ToolCall, permission: SeenCall['permission'], at: string, thread: string | undefined): void {
    const { eventId: id, service = 'unknown', tool = 'unknown', input } = call;
    const known = this.#calls.get(id);
    // The call of a sub-agent that has to ask comes in the session as well, where it says which thread it is of.
    if (known !== undefined) {
      known.thread ??= thread;
      return;
    }
    const said = { id, thread, at, service, tool, permission, answer: undefined, result: undefined };
    this.#calls.set(id, { ...said, ...digestOf(input, this.#keepArguments) });
  }

  #takeAnswer(callId: string, answer: SeenAnswer): void {
    if (isFirst(answer.at, this.#answers.get(callId)?.at)) this.#answers.set(callId, answer);
  }
}

/** The first one counts, in whatever order they come; of two at one time the one that came first. */
function isFirst(at: string, other: string | undefined): boolean {
  return other === undefined || (at !== '' && Date.parse(at) < Date.parse(other));
}

/** When an event was processed, in one form of RFC 3339, so that times can be compared as texts; empty where it does not say. */
function timeOf({ at }: SessionEvent): string {
  const time = new Date(at ?? '');
  return Number.isNaN(time.getTime()) ? '' : time.toISOString();
}

function digestOf(input: unknown, keep: boolean): Pick<SeenCall, 'input' | 'characters' | 'arguments'> {
  try {
    const text = canonicalJson(input ?? null);
    return { input: sha256(text), characters: text.length, arguments: keep ? text : undefined };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { input: 'nested too deep', characters: 0, arguments: undefined };
  }
}

/** Types that say nothing of a call, and that are read elsewhere or nowhere. */
const knownTypes: ReadonlySet<string> = new Set([
  'agent.thinking',
  'agent.thread_message_sent',
  'agent.thread_message_received',
  'agent.thread_context_compacted',
  'session.updated',
  'session.thread_created',
  'session.thread_status_running',
  'session.thread_status_idle',
  'session.thread_status_rescheduled',
  'session.thread_status_terminated',
  'span.model_request_start',
  'span.outcome_evaluation_start',
  'span.outcome_evaluation_ongoing',
  'span.outcome_evaluation_end',
  'system.message',
  'user.define_outcome',
  'workflow_run.created',
  'workflow_run.status_running',
  'workflow_run.status_idle',
  'workflow_run.status_ended',
  'workflow_run.phase_started',
  'workflow_run.phase_ended',
  'workflow_run.error',
]);

/** What happened in a session, turn by turn, from its history. Asks nobody for anything but the history. */
import type { Platform } from '../platform/client.ts';
import type { SessionError, SessionEvent, ToolCall } from './event.ts';
import { readInOrder } from './history.ts';

/** One turn: a message and what came of it. */
export interface PastTurn {
  messageId: string;
  /** When the message was taken up, in RFC 3339; undefined where it waits in the queue. */
  at: string | undefined;
  message: string;
  answer: string;
  calls: readonly PastCall[];
  errors: readonly SessionError[];
  /** The platform's stop reason, `terminated`, or undefined where it goes on. */
  end: string | undefined;
  interrupted: boolean;
}

/** A call and what came of it. */
export interface PastCall {
  call: ToolCall;
  /** `ran` unasked, `refused` by the platform, `yes` or `no` of somebody, `result` of a custom tool, or `open`. */
  outcome: 'ran' | 'refused' | 'yes' | 'no' | 'result' | 'open';
  /** Whether its result was an error; undefined where there is none. */
  failed: boolean | undefined;
}

interface Growing extends PastTurn {
  pieces: string[];
  calls: PastCall[];
  errors: SessionError[];
}

const pageSize = 1000;

/** Every turn of a session, the earliest first. */
export async function readTurns(platform: Platform, sessionId: string): Promise<PastTurn[]> {
  const turns = new Turns();
  const pages = platform.sessions.history(sessionId, { limit: pageSize, order: 'asc' });
  await readInOrder(pages, (event) => turns.take(event));
  return turns.all();
}

/** Reads a history, the earliest event first. */
class Turns {
  readonly #turns: Growing[] = [];
  readonly #calls = new Map<string, PastCall>();

  all(): PastTurn[] {
    return this.#turns.map(({ pieces, ...turn }) => ({ ...turn, answer: pieces.join('\n') }));
  }

  /** Takes an event in. What comes before any message belongs to no turn. */
  take(event: SessionEvent): void {
    if (event.kind === 'message') {
      const { id: messageId, at, text: message } = event;
      const begun = { messageId, at, message, answer: '', end: undefined, interrupted: false };
      this.#turns.push({ ...begun, pieces: [], calls: [], errors: [] });
      return;
    }
    const turn = this.#turns.at(-1);
    if (turn === undefined) return;
    switch (event.kind) {
      case 'answer':
        turn.pieces.push(event.text);
        break;
      case 'call': {
        const custom = event.call.service === 'custom';
        const outcome =
          event.permission === 'deny' ? 'refused' : event.permission === 'ask' || custom ? 'open' : ('ran' as const);
        const made: PastCall = { call: event.call, outcome, failed: undefined };
        turn.calls.push(made);
        this.#calls.set(event.call.eventId, made);
        break;
      }
      case 'confirmation': {
        const call = this.#calls.get(event.callId);
        // The first answer is the one that counts.
        if (call?.outcome === 'open') call.outcome = event.allowed ? 'yes' : 'no';
        break;
      }
      case 'result': {
        const call = this.#calls.get(event.callId);
        if (call === undefined) break;
        call.failed ??= event.failed;
        if (call.call.service === 'custom') call.outcome = 'result';
        break;
      }
      case 'error':
        turn.errors.push(event.error);
        break;
      case 'interrupt':
        turn.interrupted = true;
        break;
      case 'running':
        // It also comes before the message of the next turn.
        if (turn.end === 'requires_action') turn.end = undefined;
        break;
      case 'idle':
        turn.end = event.reason.type;
        break;
      case 'terminated':
        turn.end ??= 'terminated';
        break;
      default:
        break;
    }
  }
}

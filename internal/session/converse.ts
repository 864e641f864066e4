/** One message to a session and the agent's answer as it streams. */
import { AppError } from '../errors/app-error.ts';
import type { Client, Platform } from '../platform/client.ts';
import { quote, visible } from '../text/quote.ts';

/** A tool call that waits for a person's yes or no. */
export interface PendingAsk {
  eventId: string;
  service: string;
  tool: string;
}

/** How a turn ended. */
export interface TurnEnd {
  answer: string;
  /** Why the platform went idle: `end_turn`, `requires_action`, … */
  stopReason: string;
  asks: readonly PendingAsk[];
}

/** One turn. */
export interface Turn {
  platform: Platform;
  sessionId: string;
  message: string;
  timeoutMs: number;
  signal: AbortSignal;
  /** Called with each piece of the answer. */
  onText(text: string): void;
  /** Called with what else happens: calls, refusals. */
  onNote(text: string): void;
}

type Event =
  Awaited<ReturnType<Client['beta']['sessions']['events']['stream']>> extends AsyncIterable<infer Item> ? Item : never;

/**
 * Sends one message and waits for the turn to end. The stream is opened before the message is sent, because the
 * platform replays nothing. Throws `session_failed` or `timed_out`.
 */
export async function converse(turn: Turn): Promise<TurnEnd> {
  const { platform, sessionId } = turn;
  const stream = await platform.read('open the event stream', (client) =>
    client.beta.sessions.events.stream(sessionId),
  );
  let expired = false;
  const timer = setTimeout(() => {
    expired = true;
    stream.controller.abort();
  }, turn.timeoutMs);
  try {
    await platform.change({ act: 'session.message', target: sessionId }, (client) =>
      client.beta.sessions.events.send(sessionId, {
        events: [{ type: 'user.message', content: [{ type: 'text', text: turn.message }] }],
      }),
    );
    return await follow(stream, turn);
  } catch (error) {
    // The SDK ends an aborted stream without a word.
    if (turn.signal.aborted) {
      throw new AppError('interrupted', `interrupted while the session ${quote(sessionId)} goes on`, { cause: error });
    }
    if (!expired) throw error;
    throw new AppError('timed_out', `the agent did not finish within ${Math.round(turn.timeoutMs / 1000)} s`, {
      hint: `the session ${quote(sessionId)} goes on; give it more time with --timeout <seconds>`,
    });
  } finally {
    clearTimeout(timer);
    stream.controller.abort();
  }
}

async function follow(stream: AsyncIterable<Event>, turn: Turn): Promise<TurnEnd> {
  let answer = '';
  const asks = new Map<string, PendingAsk>();
  for await (const event of stream) {
    switch (event.type) {
      case 'agent.message': {
        const text = event.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
        answer += text;
        turn.onText(visibleLines(text));
        break;
      }
      case 'agent.tool_use':
      case 'agent.mcp_tool_use': {
        const service = event.type === 'agent.tool_use' ? 'builtin' : event.mcp_server_name;
        const call = `${quote(service)} ${quote(event.name)}`;
        if (event.evaluated_permission === 'deny') turn.onNote(`refused by the platform: ${call}`);
        if (event.evaluated_permission === 'allow') turn.onNote(`the agent calls ${call}`);
        if (event.evaluated_permission === 'ask') {
          turn.onNote(`the agent asks to call ${call}`);
          asks.set(event.id, { eventId: event.id, service, tool: event.name });
        }
        break;
      }
      case 'session.error':
        turn.onNote(`the session reports ${quote(event.error.type)}: ${quote(event.error.message)}`);
        break;
      case 'session.status_idle':
        return ended(answer, event.stop_reason, asks);
      case 'session.status_terminated':
      case 'session.deleted':
        throw new AppError('session_failed', `the session ${quote(turn.sessionId)} ended: ${event.type}`);
      default:
        break;
    }
  }
  throw new AppError('session_failed', `the event stream of ${quote(turn.sessionId)} ended before the agent did`, {
    hint: 'the session goes on without this command; nothing has to be repaired',
  });
}

function ended(
  answer: string,
  reason: { type: string; event_ids?: readonly string[] },
  asks: ReadonlyMap<string, PendingAsk>,
): TurnEnd {
  if (reason.type === 'retries_exhausted') {
    throw new AppError('session_failed', 'the agent gave up: what it needs did not work', {
      hint: 'check the connections: service-connection list',
    });
  }
  const pending = (reason.event_ids ?? []).flatMap((id) => asks.get(id) ?? []);
  return { answer, stopReason: reason.type, asks: pending };
}

/** An answer keeps its line breaks and tabs; everything else that could move the cursor is made visible (P9). */
function visibleLines(text: string): string {
  return text.replace(/[^\n\t]+/g, visible);
}

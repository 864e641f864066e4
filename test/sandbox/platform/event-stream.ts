import type { StreamSink } from './answer.ts';
import type { SessionEvent } from './event.ts';
import { newId } from './identifier.ts';
import type { Session } from './session.ts';

const pingMs = 15_000;

/** The event types whose text can be streamed piece by piece. */
export const deltaTypes = ['agent.message', 'agent.thinking'] as const;

/**
 * Sends the events of a session as they happen. Documented: only events after the opening, nothing is replayed, and
 * each frame names its type in an `event:` line, without which the SDK would drop it.
 */
export function openEventStream(
  session: Session,
  sink: StreamSink,
  deltas: readonly (typeof deltaTypes)[number][],
): void {
  const write = (event: { type: string }) => {
    sink.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  };
  const listener = {
    happened: (event: SessionEvent) => {
      if (event.type === 'agent.message' && deltas.includes('agent.message')) previewOf(event).forEach(write);
      write(event);
    },
    // Documented: this event ends the stream, and is in no history.
    deleted: (timestamp: string) => {
      write({ type: 'session.deleted', ...{ id: newId('sevt'), processed_at: timestamp } });
      sink.end();
    },
  };
  session.listeners.add(listener);
  // choices.streamAfterArchive
  const ping = setInterval(() => write({ type: 'ping' }), pingMs).unref();
  sink.on('close', () => {
    clearInterval(ping);
    session.listeners.delete(listener);
  });
}

/** Documented: previews have no id of their own, are never stored, and the whole event follows. */
function previewOf(event: Extract<SessionEvent, { type: 'agent.message' }>): { type: string }[] {
  const start = { type: 'event_start', event: { type: event.type, id: event.id } };
  const pieces = event.content.map((content, index) => ({
    type: 'event_delta',
    event_id: event.id,
    delta: { type: 'content_delta', index, content },
  }));
  return [start, ...pieces];
}

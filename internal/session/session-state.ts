/** What a session does, or how its last turn ended: an idle session may be done, wait for somebody, or have given up. */
import type { Platform } from '../platform/client.ts';
import type { Session } from '../platform/sessions.ts';
import type { SessionError, SessionEvent, ToolCall } from './event.ts';
import { readLatest } from './history.ts';
import { TurnState } from './turn-state.ts';

/** What a session does. `unknown` is an idle one of which no event says how it came to rest. */
export type SessionState =
  | { kind: 'running' | 'rescheduling' | 'done' | 'never_started' | 'unknown' }
  | { kind: 'waiting'; asks: readonly ToolCall[] }
  /** `reason` is the platform's stop reason, `error` the last thing that went wrong. */
  | { kind: 'gave_up'; reason: string; error: SessionError | undefined };

/** The latest events that are looked at: what a session rests on is among them, or close to it. */
const latest = 100;
const telling = [
  'user.message',
  'agent.tool_use',
  'agent.mcp_tool_use',
  'agent.custom_tool_use',
  'session.status_running',
  'session.status_idle',
  'session.error',
] as const;

/** What a session does, and since when nothing has happened in it. */
export interface Rest {
  state: SessionState;
  /** When the last thing happened that says what it does, in RFC 3339; `now` where something goes on or waits in the queue. */
  lastAt: string | 'now' | undefined;
}

/** Reads what a session that can still act does: one request for one that rests, none for one that runs. */
export async function readState(platform: Platform, session: Session): Promise<SessionState> {
  return (await readRest(platform, session)).state;
}

/** As {@link readState}, with the time. */
export async function readRest(platform: Platform, { id, status }: Session): Promise<Rest> {
  if (status === 'running' || status === 'rescheduling') return { state: { kind: status }, lastAt: 'now' };
  const pages = platform.sessions.history(id, { types: [...telling], order: 'desc', limit: latest });
  const events = await readLatest(latest, pages);
  const queued = events.some(({ at }) => at === undefined);
  return { state: judgeState(events), lastAt: queued ? 'now' : events.at(-1)?.at };
}

/** The state that events lead to, the earliest first. Pure. */
function judgeState(events: readonly SessionEvent[]): SessionState {
  if (events.length === 0) return { kind: 'never_started' };
  const turn = new TurnState({ text() {}, note() {}, warn() {} }, undefined);
  for (const event of events) turn.take(event, 'history');
  if (turn.end?.kind !== 'idle') return { kind: 'unknown' };
  const { type } = turn.end.reason;
  if (type === 'end_turn') return { kind: 'done' };
  if (type === 'requires_action') return { kind: 'waiting', asks: turn.asks };
  return { kind: 'gave_up', reason: type, error: [...turn.errors.values()].at(-1) };
}

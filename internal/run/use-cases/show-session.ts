/** What happened in one session: its turns, the calls made, what waits, and what it has used. */
import { needOf } from '../../approval/judge-call.ts';
import { isLive } from '../../platform/live.ts';
import { agentKey } from '../../session/facts.ts';
import { readState } from '../../session/session-state.ts';
import { readTurns } from '../../session/turns.ts';
import { isOwnedBy, ownerOf } from '../../vault/owner.ts';
import { callValue, stateWords, waitingLines, waitingValue, whyNoYes } from '../call-words.ts';
import { openSession } from '../open-session.ts';
import type { Ports } from '../ports.ts';
import { budgetOf, usageOf, usageValue } from '../usage.ts';
import type { ShownSession, ShowRequest } from '../values/sessions.ts';

/** Shows a session of one's own; for operators anybody's. */
export async function showSession({ session: id }: ShowRequest, ports: Ports): Promise<ShownSession> {
  const { run, session } = await openSession(ports, 'setup-session show', id);
  const { platform, configuration, signInOf } = run;
  const [turns, state] = await Promise.all([
    readTurns(platform, session.id),
    isLive(session) ? readState(platform, session) : undefined,
  ]);
  const own = isOwnedBy(session.metadata, run.principal);
  const asks = state?.kind === 'waiting' ? state.asks : [];
  const needs = await Promise.all(asks.map((call) => needOf({ platform, configuration, signInOf }, session, call)));
  const waiting = await Promise.all(
    asks.map((call) => waitingLines({ platform, configuration, signInOf, session, own }, call)),
  );
  return {
    session_id: session.id,
    owner: ownerOf(session.metadata) ?? null,
    agent: session.metadata[agentKey] ?? session.agent.name,
    started_at: session.created_at,
    ended_at: session.archived_at,
    status: session.status,
    state: state?.kind ?? 'ended',
    usage: usageValue(usageOf(session)),
    budget: budgetOf(session) ?? null,
    turns: turns.map(({ messageId, at, message, answer, calls, errors, end, interrupted }) => ({
      message_id: messageId,
      at: at ?? null,
      message,
      answer,
      calls: calls.map(({ call, outcome, failed }) => ({ ...callValue(call), outcome, failed: failed ?? null })),
      errors: errors.map(({ type, message: said, service }) => ({ type, message: said, service: service ?? null })),
      stop_reason: end ?? null,
      interrupted,
    })),
    asks: asks.map((call) => waitingValue({ sessionId: session.id, own }, call)),
    beside: {
      state: state === undefined ? 'ended' : stateWords(state),
      waiting: waiting.flatMap((lines) => ['', ...lines]),
      no_yes: needs.map((need) => whyNoYes(need, own) ?? null),
    },
  };
}

/** What happened in one session: its turns, the calls made, what waits, and what it has used. */

import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { BrowserOptions } from '../../internal/cli/terminal-browser.ts';
import type { Configuration } from '../../internal/config/definitions.ts';
import { isLive } from '../../internal/platform/live.ts';
import type { Session } from '../../internal/platform/sessions.ts';
import { agentKey } from '../../internal/session/facts.ts';
import { readState, type SessionState } from '../../internal/session/session-state.ts';
import { type PastCall, type PastTurn, readTurns } from '../../internal/session/turns.ts';
import { visible } from '../../internal/text/quote.ts';
import { isOwnedBy, ownerOf } from '../../internal/vault/owner.ts';
import { callValue, nameOf, waitingLines, waitingValue } from './call-output.ts';
import { stateText } from './live-output.ts';
import { openSession } from './open-session.ts';
import { budgetOf, moneyWords, usageOf, usageValue, usageWords } from './usage-output.ts';

/** Everything that a command shows of a session. */
interface Shown {
  session: Session;
  turns: readonly PastTurn[];
  /** Undefined for a session that has ended. */
  state: SessionState | undefined;
  configuration: Configuration;
  /** Whether it is the person's own, who alone answers what waits. */
  own: boolean;
}

/** Shows a session of one's own; for operators anybody's. */
export async function runShow(context: CommandContext, id: string, options: BrowserOptions): Promise<CommandResult> {
  const { run, session } = await openSession(context, options, 'setup-session show', id);
  const { platform, configuration } = run;
  const [turns, state] = await Promise.all([
    readTurns(platform, session.id),
    isLive(session) ? readState(platform, session) : undefined,
  ]);
  const shown = { session, turns, state, configuration, own: isOwnedBy(session.metadata, run.principal) };
  return { text: shownText(shown), json: shownValue(shown) };
}

function shownText({ session, turns, state, configuration, own }: Shown): string {
  const owner = ownerOf(session.metadata)?.subject ?? '(nobody)';
  const agent = session.metadata[agentKey] ?? session.agent.name;
  const budget = budgetOf(session);
  const asks = state?.kind === 'waiting' ? state.asks : [];
  return [
    `session ${visible(session.id)} of ${visible(owner)}, agent ${visible(agent)}, started ${visible(session.created_at)}`,
    `state: ${visible(state === undefined ? 'ended' : stateText(state))}`,
    `used: ${visible(usageWords(usageOf(session)))}${budget === undefined ? '' : `, of a budget of ${visible(moneyWords(budget))}`}`,
    ...turns.flatMap(turnLines),
    ...asks.flatMap((call) => ['', ...waitingLines({ sessionId: session.id, own }, call, configuration)]),
  ].join('\n');
}

function turnLines({ at, message, answer, calls, errors, end, interrupted }: PastTurn): string[] {
  const ended = end === undefined ? 'goes on' : end;
  return [
    '',
    `${visible(at ?? 'in the queue')}: ${firstOf(message)}`,
    ...calls.map((call) => `  ${nameOf(call.call)}: ${outcomeWords(call)}`),
    ...errors.map(
      ({ type, service }) => `  error: ${visible(type)}${service === undefined ? '' : ` (${visible(service)})`}`,
    ),
    ...(answer === '' ? [] : [`  answer: ${firstOf(answer)}`]),
    `  ${visible(ended)}${interrupted ? ', interrupted' : ''}`,
  ];
}

const shownLength = 200;

/** The beginning of a text, on one line; the whole is in the value for programs. */
function firstOf(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return visible(line.length > shownLength ? `${line.slice(0, shownLength)}…` : line);
}

const outcomes = {
  ran: 'made',
  refused: 'refused by the platform',
  yes: 'made, after a yes',
  no: 'refused, by a no',
  result: 'given a result',
  open: 'asked for',
} as const;

function outcomeWords({ outcome, failed }: PastCall): string {
  return `${outcomes[outcome]}${failed === true && outcome !== 'refused' && outcome !== 'no' ? ', failed' : ''}`;
}

function shownValue({ session, turns, state, own }: Shown) {
  const asks = state?.kind === 'waiting' ? state.asks : [];
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
  };
}

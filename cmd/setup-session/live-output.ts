import type { CommandResult } from '../../internal/cli/program.ts';
import { usageWords } from '../../internal/run/usage.ts';
import type {
  AnsweredCall,
  Approvals,
  ListedSessions,
  StoppedIdle,
  StoppedSession,
  VerifiedSessions,
} from '../../internal/run/values/sessions.ts';
import { visible } from '../../internal/text/quote.ts';
import { callName } from './show-output.ts';

/** Sessions that run, one line each; with what each has used where that is told. */
export function showList(listed: ListedSessions): CommandResult {
  const { sessions, beside } = listed;
  const usages = sessions.some(({ usage }) => usage !== undefined);
  const rows = sessions.map(({ session_id: id, owner, agent, tools, started_at: since, usage }, index) =>
    [
      id,
      beside.states[index] ?? '',
      owner?.subject ?? '(nobody)',
      agent,
      since,
      tools.map(countText).join('; ') || 'none',
      ...(usage === undefined ? [] : [usageWords(usage)]),
    ].map(visible),
  );
  const heading = ['session', 'state', 'owner', 'agent', 'started', 'tools', ...(usages ? ['used'] : [])];
  return { text: rows.length === 0 ? 'no session runs' : [{ heading, rows }], json: listed };
}

/** Sessions against which nothing speaks. */
export function showVerified(verified: VerifiedSessions): CommandResult {
  const rows = verified.sessions.map(({ session_id: id, owner, state, tokens, compared_with: compared }) =>
    [id, owner?.subject ?? '', tokens === undefined ? state : `${state}, tokens ${tokens}`, compared].map(visible),
  );
  return {
    text: rows.length === 0 ? 'no session runs' : [{ heading: ['session', 'owner', 'state', 'compared with'], rows }],
    json: verified,
  };
}

/** What became of a session that was to be stopped, in words. */
export function showStopped(stopped: StoppedSession): CommandResult {
  const { session_id: id, ended, begun = [] } = stopped;
  const also = begun.length === 0 ? '' : `, and so what it began: ${begun.map(visible).join(', ')}`;
  return { text: `${visible(id)}: ${ended}${also}`, json: stopped };
}

/** What became of those that nobody used. */
export function showStoppedIdle(stopped: StoppedIdle): CommandResult {
  const rows = stopped.sessions.map(({ session_id: id, owner, idle_since: since, outcome }) =>
    [id, owner?.subject ?? '(nobody)', since, outcome].map(visible),
  );
  return {
    text:
      rows.length === 0
        ? 'no session is idle for so long'
        : [{ heading: ['session', 'owner', 'idle since', 'ended'], rows }],
    json: stopped,
  };
}

/** The calls that wait; those that were told while somebody watched are not told again. */
export function showApprovals(approvals: Approvals, watched: boolean): CommandResult {
  const { asks, beside } = approvals;
  const none = asks.length === 0 && !watched ? ['nothing waits for you'] : [];
  return { text: [...none, ...beside.lines], json: approvals };
}

/** The answer that stands. */
export function showAnswer(answered: AnsweredCall): CommandResult {
  const { answer, already } = answered;
  const { waits_until: until } = answered;
  const more = until === undefined ? '' : `, and waits for another until ${until}`;
  return { text: `${callName(answered)}: ${already ? 'was answered already: ' : ''}${answer}${more}`, json: answered };
}

function countText({ service, on, auto, ask, open }: ListedSessions['sessions'][number]['tools'][number]): string {
  const counts = Object.entries({ on, auto, ask }).flatMap(([policy, count]) =>
    count > 0 ? [`${count} ${policy}`] : [],
  );
  return `${service} ${[...counts, ...(open ? ['OPEN'] : [])].join(', ')}`;
}

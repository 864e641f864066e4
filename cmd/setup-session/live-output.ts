import type { CommandResult } from '../../internal/cli/program.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import { isLive } from '../../internal/platform/live.ts';
import { readUsage, type Usage } from '../../internal/session/event.ts';
import type { ListedSession, ToolCount } from '../../internal/session/live.ts';
import type { SessionState } from '../../internal/session/session-state.ts';
import type { VerifiedSession } from '../../internal/session/verify.ts';
import { visible } from '../../internal/text/quote.ts';
import { ownerOf } from '../../internal/vault/owner.ts';
import { type WaitingIn, waitingValue } from './call-output.ts';
import { usageValue, usageWords } from './usage-output.ts';

/** Sessions that run, one line each; with what each has used where that is told. */
export function showList(
  sessions: readonly ListedSession[],
  principal: Principal,
  usages?: readonly Usage[],
): CommandResult {
  const rows = sessions.map(({ id, state, owner, agent, tools, createdAt }, index) =>
    [
      id,
      stateText(state),
      owner?.subject ?? '(nobody)',
      agent,
      createdAt,
      tools.map(countText).join('; ') || 'none',
      ...(usages === undefined ? [] : [usageWords(usages[index] ?? nothingTold)]),
    ].map(visible),
  );
  const heading = ['session', 'state', 'owner', 'agent', 'started', 'tools'];
  return {
    text:
      rows.length === 0
        ? 'no session runs'
        : [{ heading: usages === undefined ? heading : [...heading, 'used'], rows }],
    json: {
      sessions: sessions.map(({ id, status, state, owner, agent, tools, createdAt, vaultIds }, index) => ({
        session_id: id,
        status,
        ...stateValue({ sessionId: id, own: isSame(owner, principal) }, state),
        owner: owner ?? null,
        agent,
        started_at: createdAt,
        vault_ids: vaultIds,
        tools,
        ...(usages === undefined ? {} : { usage: usageValue(usages[index] ?? nothingTold) }),
      })),
    },
  };
}

const nothingTold = readUsage(undefined);

/** Sessions against which nothing speaks. */
export function showVerified(verified: readonly VerifiedSession[]): CommandResult {
  const rows = verified.map(({ session, comparedWith }) =>
    [session.id, ownerOf(session.metadata)?.subject ?? '', verdictOn(session), comparedWith].map(visible),
  );
  return {
    text: rows.length === 0 ? 'no session runs' : [{ heading: ['session', 'owner', 'state', 'compared with'], rows }],
    json: {
      sessions: verified.map(({ session, comparedWith }) => ({
        session_id: session.id,
        owner: ownerOf(session.metadata) ?? null,
        state: verdictOn(session),
        compared_with: comparedWith,
      })),
    },
  };
}

/** What has ended is as it was started, and does nothing any more. */
function verdictOn(session: VerifiedSession['session']): string {
  return isLive(session) ? 'as started' : 'ended';
}

/** A state in few words, in which what is from outside is not harmless yet. */
export function stateText(state: SessionState): string {
  switch (state.kind) {
    case 'waiting':
      return `waiting for a yes: ${state.asks.map(({ service, tool, eventId }) => (tool === undefined ? eventId : `${service} ${tool}`)).join(', ')}`;
    case 'gave_up':
      return `gave up: ${state.error?.type ?? state.reason}${state.error?.service === undefined ? '' : ` (${state.error.service})`}`;
    default:
      return state.kind.replaceAll('_', ' ');
  }
}

function isSame(owner: ListedSession['owner'], { kind, issuer, subject }: Principal): boolean {
  return owner?.kind === kind && owner.issuer === issuer && owner.subject === subject;
}

function stateValue(waiting: WaitingIn, state: SessionState) {
  return {
    state: state.kind,
    asks: state.kind === 'waiting' ? state.asks.map((call) => waitingValue(waiting, call)) : [],
    reason: state.kind === 'gave_up' ? (state.error?.type ?? state.reason) : null,
  };
}

/** What became of a session that was to be stopped, in words. */
export function showStopped(id: string, how: string, archivedAt: string | null = null): CommandResult {
  return {
    text: `${visible(id)}: ${how}`,
    json: { session_id: id, ended: how, archived_at: archivedAt },
  };
}

function countText({ service, on, auto, ask, open }: ToolCount): string {
  const counts = Object.entries({ on, auto, ask }).flatMap(([policy, count]) =>
    count > 0 ? [`${count} ${policy}`] : [],
  );
  return `${service} ${[...counts, ...(open ? ['OPEN'] : [])].join(', ')}`;
}

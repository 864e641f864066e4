import type { CommandResult } from '../../internal/cli/program.ts';
import type { EndedSession } from '../../internal/session/end.ts';
import type { ListedSession, ToolCount } from '../../internal/session/live.ts';
import type { VerifiedSession } from '../../internal/session/verify.ts';
import { visible } from '../../internal/text/quote.ts';
import { table } from '../../internal/text/table.ts';
import { ownerOf } from '../../internal/vault/owner.ts';

/** Sessions that run, one line each. */
export function showList(sessions: readonly ListedSession[]): CommandResult {
  const rows = sessions.map(({ id, status, owner, agent, tools, createdAt }) =>
    [id, status, owner?.subject ?? '(nobody)', agent, createdAt, tools.map(countText).join('; ') || 'none'].map(
      visible,
    ),
  );
  return {
    text:
      rows.length === 0 ? 'no session runs' : table(['session', 'status', 'owner', 'agent', 'started', 'tools'], rows),
    json: {
      sessions: sessions.map(({ id, status, owner, agent, tools, createdAt, vaultIds }) => ({
        session_id: id,
        status,
        owner: owner ?? null,
        agent,
        started_at: createdAt,
        vault_ids: vaultIds,
        tools,
      })),
    },
  };
}

/** Sessions against which nothing speaks. */
export function showVerified(verified: readonly VerifiedSession[]): CommandResult {
  const rows = verified.map(({ session, comparedWith }) =>
    [session.id, ownerOf(session.metadata)?.subject ?? '', 'as started', comparedWith].map(visible),
  );
  return {
    text: rows.length === 0 ? 'no session runs' : table(['session', 'owner', 'state', 'compared with'], rows),
    json: {
      sessions: verified.map(({ session, comparedWith }) => ({
        session_id: session.id,
        owner: ownerOf(session.metadata) ?? null,
        state: 'as started',
        compared_with: comparedWith,
      })),
    },
  };
}

/** A session that has ended; `ended` is undefined where it had before. */
export function showStopped(id: string, ended: EndedSession | undefined): CommandResult {
  const how = ended === undefined ? 'had ended already' : `${ended.interrupted ? 'interrupted and ' : ''}archived`;
  return {
    text: `${visible(id)}: ${how}`,
    json: { session_id: id, ended: how, archived_at: ended?.archivedAt ?? null },
  };
}

function countText({ service, on, auto, ask, open }: ToolCount): string {
  const counts = Object.entries({ on, auto, ask }).flatMap(([policy, count]) =>
    count > 0 ? [`${count} ${policy}`] : [],
  );
  return `${service} ${[...counts, ...(open ? ['OPEN'] : [])].join(', ')}`;
}

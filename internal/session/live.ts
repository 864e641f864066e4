/** The sessions that run: whose they are, and what their tools may do, in few words. */
import type { Principal } from '../identity/principal.ts';
import type { Platform } from '../platform/client.ts';
import { isLive } from '../platform/live.ts';
import type { Session } from '../platform/sessions.ts';
import { permissionLines } from '../policy/toolset.ts';
import { isOwnedBy, ownerOf } from '../vault/owner.ts';
import { agentKey } from './facts.ts';
import type { SessionState } from './session-state.ts';

/** Whose sessions are looked at. */
export type Scope =
  | { kind: 'own'; principal: Principal; vaultId: string | undefined }
  /** Everybody's that were started with this tool, or that are bound to somebody's vault. */
  | { kind: 'all'; isSomebodys(vaultId: string): Promise<boolean> };

/** Every session that can still act, page by page. */
export async function* readLive(platform: Platform): AsyncGenerator<Session, void, undefined> {
  for await (const session of platform.sessions.list()) if (isLive(session)) yield session;
}

/** A session is a person's when it says so, or when it is bound to their vault, whatever it says. */
export async function isInScope({ metadata, vault_ids }: Session, scope: Scope): Promise<boolean> {
  if (scope.kind === 'own') {
    return isOwnedBy(metadata, scope.principal) || (scope.vaultId !== undefined && vault_ids.includes(scope.vaultId));
  }
  if (Object.keys(metadata).some((key) => key.startsWith('mai_'))) return true;
  for (const id of vault_ids) if (await scope.isSomebodys(id)) return true;
  return false;
}

/** A line of `setup-session list`. */
export interface ListedSession {
  id: string;
  /** The platform's word. */
  status: string;
  /** What it does, or how its last turn ended. */
  state: SessionState;
  createdAt: string;
  /** What its metadata claims; undefined where it names nobody. */
  owner: ReturnType<typeof ownerOf>;
  agent: string;
  vaultIds: readonly string[];
  /** For each service, or `builtin`, how many tools have which policy. */
  tools: readonly ToolCount[];
}

/** How many tools of a service run, run when judged harmless, and ask. */
export interface ToolCount {
  service: string;
  on: number;
  auto: number;
  ask: number;
  /** Every tool is on unless it is named, or something here is of a kind that we do not know. */
  open: boolean;
}

/** A session in few words. */
export function describeSession(session: Session, state: SessionState): ListedSession {
  return {
    id: session.id,
    status: session.status,
    state,
    createdAt: session.created_at,
    owner: ownerOf(session.metadata),
    agent: session.metadata[agentKey] ?? session.agent.name,
    vaultIds: session.vault_ids,
    tools: countTools(permissionLines(session.agent.tools)),
  };
}

function countTools(lines: readonly string[]): ToolCount[] {
  const counts = new Map<string, ToolCount>();
  for (const line of lines) {
    const parts = /^([^/ ]+)(?:\/\S+)? (?:(always_allow|auto|always_ask)\b|default off$)/.exec(line);
    const service = parts?.[1] ?? line.split(' ')[0] ?? '';
    const count = counts.get(service) ?? { service, on: 0, auto: 0, ask: 0, open: false };
    if (parts === null) count.open = true;
    else if (parts[2] === 'always_allow') count.on += 1;
    else if (parts[2] === 'auto') count.auto += 1;
    else if (parts[2] === 'always_ask') count.ask += 1;
    counts.set(service, count);
  }
  return [...counts.values()].sort((a, b) => (a.service < b.service ? -1 : 1));
}

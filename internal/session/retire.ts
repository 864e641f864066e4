/**
 * Ends an agent for good. It is archived before its sessions are ended, so that none begins in between; the lock keeps
 * that it was meant, so that its file does not bring it back. Killed anywhere, the next run goes on (P8).
 */
import type { FoundAgent } from '../agent/definition.ts';
import { findAgent } from '../agent/ensure.ts';
import { type AgentsLock, changeAgentsLock } from '../agent/lock.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { nearestHint } from '../text/nearest.ts';
import { quote } from '../text/quote.ts';
import { endSession, type LiveSession } from './end.ts';

/** What an agent is retired with. */
export interface RetireRequest {
  platform: Platform;
  configFolder: string;
  lock: AgentsLock;
  name: string;
}

/** The agent that is to be retired, and what would go on without it. */
export interface Retiring {
  agent: FoundAgent;
  sessions: readonly LiveSession[];
  /** Archived, so known to the lock, and without sessions: nothing is left to be done. */
  whole: boolean;
}

/** Looks at an agent and its sessions. Throws `unknown_agent` where there is none, `drift` where there are several. */
export async function findRetiring({ platform, lock, name }: RetireRequest): Promise<Retiring> {
  const locked = lock.agents[name];
  const agent = await findAgent(platform, name, locked);
  if (agent === undefined) {
    throw new AppError(
      'unknown_agent',
      `no agent of this workspace is called ${quote(name)} in its mark or in the lock`,
      {
        hint: nearestHint(name, Object.keys(lock.agents)),
      },
    );
  }
  const sessions = await liveSessionsOf(platform, agent.id);
  return { agent, sessions, whole: agent.archived_at !== null && locked?.retired === true && sessions.length === 0 };
}

/** Archives the agent, writes that down, and ends its sessions where that is wanted. Returns the sessions that were ended. */
export async function retireAgent(
  request: RetireRequest,
  { agent }: Retiring,
  { stop, onStep }: { stop: boolean; onStep(step: string): void },
): Promise<string[]> {
  const { platform, configFolder, lock, name } = request;
  if (agent.archived_at === null) {
    await archiveAgent(platform, agent, name);
    onStep(`archived the agent ${name} (${agent.id})`);
  }
  await changeAgentsLock(configFolder, lock, {
    agents: { [name]: { id: agent.id, version: agent.version, retired: true } },
  });
  if (!stop) return [];
  const ended: string[] = [];
  for (const session of await liveSessionsOf(platform, agent.id)) {
    await endSession(platform, session);
    onStep(`ended the session ${session.id}`);
    ended.push(session.id);
  }
  return ended;
}

/** Every session of an agent that is not archived and has not ended. */
async function liveSessionsOf(platform: Platform, agentId: string): Promise<LiveSession[]> {
  const live: LiveSession[] = [];
  for await (const session of platform.readPages('list sessions', (client) =>
    client.beta.sessions.list({ agent_id: agentId, limit: 100 }),
  )) {
    const { id, status, vault_ids, archived_at } = session;
    if (archived_at === null && status !== 'terminated') live.push({ id, status, vaultIds: vault_ids });
  }
  return live;
}

/** A lost answer is settled by looking. */
async function archiveAgent(platform: Platform, { id }: FoundAgent, name: string): Promise<void> {
  try {
    await platform.change({ act: 'agent.archive', target: name }, (client) => client.beta.agents.archive(id));
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    const now = await findAgent(platform, name, { id, version: 1 });
    if (now === undefined || now.archived_at === null) throw error;
  }
}

/**
 * Ends an agent for good. It is archived before its sessions are ended, so that none begins in between; the lock keeps
 * that it was meant, so that its file does not bring it back. Killed anywhere, the next run goes on (P8).
 */
import { type FoundAgent, nameKey } from '../agent/definition.ts';
import { findAgent } from '../agent/ensure.ts';
import { type AgentsLock, changeAgentsLock, type LockPlace } from '../agent/lock.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { isLive } from '../platform/live.ts';
import { notAsListed } from '../platform/pages.ts';
import { nearestHint } from '../text/nearest.ts';
import { quote } from '../text/quote.ts';
import { endListed, type LiveSession, liveOf } from './end.ts';

/** What an agent is retired with. */
export interface RetireRequest {
  platform: Platform;
  configuration: LockPlace;
  lock: AgentsLock;
  name: string;
}

/** The agent that is to be retired, and what would go on without it. */
export interface Retiring {
  agent: FoundAgent;
  sessions: readonly LiveSession[];
  /** Read by its id just now; not where a list named it, or where somebody took their time to say yes since. */
  justRead: boolean;
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
  const whole = !isLive(agent) && locked?.retired === true && sessions.length === 0;
  return { agent, sessions, justRead: locked !== undefined, whole };
}

/** Archives the agent, writes that down, and ends its sessions where that is wanted. Returns the sessions that were ended. */
export async function retireAgent(
  request: RetireRequest,
  { agent, justRead }: Retiring,
  { stop, onStep }: { stop: boolean; onStep(step: string): void },
): Promise<string[]> {
  const { platform, configuration, lock, name } = request;
  if (isLive(agent)) {
    await archiveAgent(platform, agent, name, justRead);
    onStep(`archived the agent ${name} (${agent.id})`);
  }
  const change = { agents: { [name]: { id: agent.id, version: agent.version, retired: true as const } } };
  await changeAgentsLock(configuration, lock, change, platform.recorder);
  if (!stop) return [];
  const ended: string[] = [];
  for (const session of await liveSessionsOf(platform, agent.id)) {
    await endListed(platform, session);
    onStep(`ended the session ${session.id}`);
    ended.push(session.id);
  }
  return ended;
}

/** Every session of an agent that is not archived and has not ended. */
async function liveSessionsOf(platform: Platform, agentId: string): Promise<LiveSession[]> {
  const live: LiveSession[] = [];
  for await (const session of platform.sessions.list({ agent_id: agentId })) {
    const found = liveOf(session);
    if (found !== undefined) live.push(found);
  }
  return live;
}

/** A lost answer is settled by looking. Throws `drift` where the agent is another one by now, or has another version. */
async function archiveAgent(platform: Platform, agent: FoundAgent, name: string, justRead: boolean): Promise<void> {
  const { id, version } = agent;
  if (!justRead) {
    const now = await platform.agents.retrieve(id, { label: name });
    if (!isLive(now)) return;
    if (now.version !== version || now.metadata[nameKey] !== agent.metadata[nameKey]) throw notAsListed('agent', id);
  }
  try {
    await platform.agents.archive(id, { label: name });
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    const now = await findAgent(platform, name, { id, version: 1 });
    if (now === undefined || isLive(now)) throw error;
  }
}

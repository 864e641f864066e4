import type { BetaManagedAgentsAgent } from '@anthropic-ai/sdk/resources/beta/agents/agents';
import type { AgentFields } from './agent-fields.ts';
import { ApiError, invalidRequest, notFound } from './api-error.ts';
import { inArbitraryOrder } from './arbitrary-order.ts';
import { Collection } from './collection.ts';
import { newId } from './identifier.ts';
import type { Workspace } from './workspace.ts';

/** One version of an agent; its id is its number. Documented: no call changes or deletes a version. */
export interface AgentVersion {
  readonly id: string;
  readonly version: number;
  readonly fields: AgentFields;
  readonly updatedAt: string;
}

/** A stored agent. */
export interface AgentRecord {
  readonly id: string;
  readonly createdAt: string;
  archivedAt: string | null;
  current: AgentVersion;
  readonly versions: Collection<AgentVersion>;
}

/** Adds an agent with its version 1. */
export function addAgent(workspace: Workspace, fields: AgentFields): AgentRecord {
  const now = workspace.clock.timestamp();
  const first: AgentVersion = { id: '1', version: 1, fields, updatedAt: now };
  const agent: AgentRecord = {
    id: newId('agent'),
    createdAt: now,
    archivedAt: null,
    current: first,
    versions: new Collection(),
  };
  agent.versions.add(first);
  return workspace.agents.add(agent);
}

/** Adds the next version to an agent. */
export function addAgentVersion(agent: AgentRecord, fields: AgentFields, updatedAt: string): void {
  const version = agent.current.version + 1;
  agent.current = agent.versions.add({ id: String(version), version, fields, updatedAt });
}

/** Finds an agent. Seen: a malformed id is a 400, a well-formed unknown one a 404. */
export function findAgent(workspace: Workspace, id: string): AgentRecord {
  if (!/^agent_[A-Za-z0-9]{8,}$/.test(id)) throw invalidRequest(`Invalid agent ID: ${id.slice(0, 64)}`);
  const agent = workspace.agents.find(id);
  if (agent === undefined) throw notFound('agent', id);
  return agent;
}

/** Finds a version of an agent, the newest one unless told which. */
export function findAgentVersion(workspace: Workspace, id: string, version: number | undefined): AgentVersion {
  const agent = findAgent(workspace, id);
  if (version === undefined) return agent.current;
  const found = agent.versions.find(String(version));
  if (found === undefined) throw new ApiError(404, `agent ${id} has no version ${version}`);
  return found;
}

/** Shows an agent as of one version. */
export function shownAgent(agent: AgentRecord, { version, fields, updatedAt }: AgentVersion): BetaManagedAgentsAgent {
  return {
    id: agent.id,
    type: 'agent',
    version,
    ...fields,
    tools: inArbitraryOrder(fields.tools),
    mcp_servers: inArbitraryOrder(fields.mcp_servers),
    created_at: agent.createdAt,
    updated_at: updatedAt,
    archived_at: agent.archivedAt,
  };
}

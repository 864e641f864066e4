/** Asks the platform which skills its agents use. Only reads. */

import type { FoundAgent } from '../agent/definition.ts';
import { nameKey } from '../agent/definition.ts';
import { readAgents } from '../agent/fleet.ts';
import { inParallel } from '../async/in-parallel.ts';
import type { Platform } from '../platform/client.ts';
import { unlessMissing } from '../platform/live.ts';
import type { Pin } from './pins.ts';

/** How many questions are asked at the same time; the platform allows some hundred reads a minute. */
const readsAtOnce = 8;

/**
 * Every pin of a custom skill by an agent that is not archived: one request per hundred agents. The sub-agents of an
 * agent stay at the version at which it was saved; one that is not the newest is asked for, one request each.
 */
export async function platformPins(platform: Platform): Promise<Pin[]> {
  const agents = await readAgents(platform);
  const newest = new Set(agents.map(keyOf));
  const kept = new Map<string, SubAgent>();
  for (const keeper of agents) {
    for (const { id, version } of agentReferences(keeper.multiagent)) {
      const key = keyOf({ id, version });
      if (!newest.has(key) && !kept.has(key)) kept.set(key, { id, version, keeper });
    }
  }
  const older = await inParallel([...kept.values()], readsAtOnce, async ({ id, version, keeper }) => {
    const agent = await unlessMissing('listed', platform.agents.retrieve(id, { version }));
    if (agent === undefined) return [];
    const keptBy = { agentId: keeper.id, agentName: nameOf(keeper) };
    return pinsOf(agent).map((pin): Pin => ({ ...pin, keptBy }));
  });
  return [...agents.flatMap(pinsOf), ...older.flat()];
}

interface SubAgent {
  id: string;
  version: number;
  keeper: FoundAgent;
}

function pinsOf(agent: FoundAgent): Pin[] {
  const { id: agentId, version: agentVersion, metadata, skills } = agent;
  return skills.flatMap(({ type, skill_id: skillId, version }) =>
    type === 'custom'
      ? [{ agentId, agentName: nameOf(agent), agentVersion, marked: nameKey in metadata, skillId, version }]
      : [],
  );
}

/** The agents that a `multiagent` names, wherever in it: its forms differ and grow, their references do not. */
function agentReferences(value: unknown): { id: string; version: number }[] {
  if (Array.isArray(value)) return value.flatMap(agentReferences);
  if (typeof value !== 'object' || value === null) return [];
  const { type, id, version } = value as Record<string, unknown>;
  if (type === 'agent' && typeof id === 'string' && typeof version === 'number') return [{ id, version }];
  return Object.values(value).flatMap(agentReferences);
}

function keyOf({ id, version }: { id: string; version: number }): string {
  return `${id} ${version}`;
}

function nameOf({ metadata, name }: FoundAgent): string {
  return metadata[nameKey] ?? name;
}

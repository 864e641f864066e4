/** Agents and environments as a run opens them, and as values: how each stands to the platform, with the words beside. */
import { differenceLines, permissionWords, type SkillNames } from '../agent/difference-lines.ts';
import {
  type Fleet,
  type FleetRequest,
  isPending,
  type PlannedAgent,
  type PlannedEnvironment,
} from '../agent/fleet.ts';
import { readAgentsLock } from '../agent/lock.ts';
import type { Agent } from '../config/definitions.ts';
import { agentNamed } from '../config/lookup.ts';
import { permissionLines } from '../policy/toolset.ts';
import { readSkillPins } from '../skills/skill-pins.ts';
import { visible } from '../text/quote.ts';
import { openShared, type SharedChange } from './open-for-change.ts';
import type { Ports } from './ports.ts';
import { loadProject } from './project.ts';
import type { AgentValue, FleetPlan, FleetValue, FleetWords } from './values/agents.ts';

type Planned = PlannedAgent | PlannedEnvironment;

/** What everything about a fleet starts from. Who only looks need not be anybody. */
export async function openFleet(ports: Ports, names: readonly string[], change?: SharedChange): Promise<FleetRequest> {
  const { signal } = ports;
  const configuration = await loadProject(ports);
  for (const name of names) agentNamed(configuration, name);
  const [lock, pins] = await Promise.all([readAgentsLock(configuration), readSkillPins(configuration, signal)]);
  const platform = await openShared(ports, configuration, change);
  return { platform, configuration, lock, pins, signal, names };
}

/** What is about one agent or environment starts from: configuration, lock and platform. */
export async function openAgents(ports: Ports, change: SharedChange | undefined) {
  const configuration = await loadProject(ports);
  const lock = await readAgentsLock(configuration);
  return { configuration, lock, platform: await openShared(ports, configuration, change) };
}

/** What would be done, and how much of it is pending. */
export function planValue(fleet: Fleet): FleetPlan {
  const { beside, ...value } = fleetValue(fleet);
  return { ...value, pending: [...fleet.environments, ...fleet.agents].filter(isPending).length, beside };
}

/** How each stands to the platform. */
export function fleetValue({ environments, agents, strays, skillNames }: Fleet): FleetValue {
  return {
    environments: environments.map((planned) => ({
      name: planned.meant.name,
      state: planned.state.act,
      id: planned.found?.id ?? null,
      lock_is_behind: planned.relock,
      differences: differencesOf(planned),
    })),
    agents: agents.map(agentValue),
    strays: strays.map(({ id, markedAs }) => ({ id, marked_as: markedAs })),
    beside: wordsOf({ environments, agents, skillNames }),
  };
}

/** How one agent stands to the platform. */
export function agentValue(planned: PlannedAgent): AgentValue {
  const { agent, definition, found, state, relock } = planned;
  return {
    name: agent.name,
    state: state.act,
    id: found?.id ?? null,
    version: found?.version ?? null,
    lock_is_behind: relock,
    differences: differencesOf(planned),
    unknown_members: [...planned.unknown],
    undecided_members: [...planned.undecided],
    skills: definition.skills.map(({ skill_id, version }, index) => ({
      name: agent.skills[index] ?? null,
      skill_id,
      version,
    })),
  };
}

/** What is different about one, in words. */
export function changeLines(planned: Planned, skillNames: SkillNames): string[] {
  return differencesOf(planned).flatMap((difference) => differenceLines(difference, skillNames));
}

function wordsOf({ environments, agents, skillNames }: Omit<Fleet, 'strays'>): FleetWords {
  return {
    environments: environments.map((planned) => changeLines(planned, skillNames)),
    agents: agents.map((planned) => ({
      changes: planned.state.act === 'create' ? contentLines(planned) : changeLines(planned, skillNames),
      twins: planned.twins.map(({ id }) => id),
    })),
  };
}

function differencesOf({ state }: Planned) {
  return state.act === 'update' || state.act === 'drifted' ? state.differences.map((each) => ({ ...each })) : [];
}

/** What a new agent is, service by service. */
function contentLines({ agent, definition }: PlannedAgent): string[] {
  const open = permissionLines(definition.tools).filter((line) => !line.includes(' default '));
  const services = [...new Set(open.map((line) => line.slice(0, line.indexOf('/'))))];
  const count = (service: string, policy: string) =>
    open.filter((line) => line.startsWith(`${service}/`) && line.includes(` ${policy}`)).length;
  return [
    `  model ${visible(agent.model)}, environment ${agent.environment}, for ${forWhom(agent)}`,
    ...services.map((service) => {
      const counts = (['always_allow', 'auto', 'always_ask'] as const)
        .map((policy) => [permissionWords(`x ${policy}`).slice(2), count(service, policy)] as const)
        .filter(([, tools]) => tools > 0)
        .map(([verdict, tools]) => `${tools} ${tools === 1 ? 'tool' : 'tools'} ${verdict}`);
      return `  ${service}: ${counts.join(', ')}, every other off`;
    }),
  ];
}

/** Groups by name, single people by number: their subjects say nothing to a reader. */
function forWhom({ allowed: { groups, principals } }: Agent): string {
  const single = principals.length === 1 ? '1 single person' : `${principals.length} single people`;
  return [...groups.map(visible), ...(principals.length > 0 ? [single] : [])].join(', ') || 'nobody yet';
}

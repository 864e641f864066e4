/**
 * Every agent and environment of the configuration against the platform: looked at as a whole, planned as a whole, and
 * carried out one by one, the lock written after each. Killed anywhere, the next run looks again and goes on (P8).
 */
import type { Agent, Configuration, Environment } from '../config/definitions.ts';
import { agentNamed } from '../config/lookup.ts';
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import { isLive } from '../platform/live.ts';
import { quote } from '../text/quote.ts';
import { applyEnvironment } from './change-environment.ts';
import { byAge, isTwin, removeTwin } from './create.ts';
import { type AgentDefinition, defineAgent, type FoundAgent, nameKey, type SkillPins } from './definition.ts';
import { differenceLines, type SkillNames } from './difference-lines.ts';
import { type AgentState, applyAgent, findAgent, findEnvironment, judgeAgent, onlyOne, requireSaid } from './ensure.ts';
import { type EnvironmentState, environmentDigest, type FoundEnvironment, judgeEnvironment } from './environment.ts';
import { type AgentsLock, changeAgentsLock, type LockChange } from './lock.ts';
import { effortOf } from './model.ts';

/** What a fleet is looked at with. */
export interface FleetRequest {
  platform: Platform;
  configuration: Configuration;
  lock: AgentsLock;
  pins: SkillPins;
  signal: AbortSignal;
  /** The agents that matter, with their environments; empty for everything there is. */
  names: readonly string[];
}

/** An agent of the configuration and what has to be done about it. */
export interface PlannedAgent {
  agent: Agent;
  definition: AgentDefinition;
  found: FoundAgent | undefined;
  state: AgentState;
  /** The lock does not say yet what is there. */
  relock: boolean;
  /** The same once more, of a run that was killed between making it and looking: apply archives what was never used. */
  twins: readonly FoundAgent[];
  /** Members of its answer that this version does not know and that decide nothing. */
  unknown: readonly string[];
  /** Those that decide what a tool may do: no session is created with it. */
  undecided: readonly string[];
}

/** An environment of the configuration and what has to be done about it. */
export interface PlannedEnvironment {
  meant: Environment;
  found: FoundEnvironment | undefined;
  state: EnvironmentState;
  relock: boolean;
}

/** An agent of the platform that carries our mark and that no file stands for. */
export interface Stray {
  id: string;
  markedAs: string;
}

/** What is meant and what is there. */
export interface Fleet {
  environments: readonly PlannedEnvironment[];
  agents: readonly PlannedAgent[];
  strays: readonly Stray[];
  /** The skills of the lock, for words about differences. */
  skillNames: SkillNames;
}

/** Looks at everything. Throws `unknown_agent`, `skill_not_pinned`, or `drift` for what nobody can choose between. */
export async function surveyFleet(request: FleetRequest): Promise<Fleet> {
  const { platform, configuration, lock, pins, names } = request;
  const agents =
    names.length === 0
      ? [...configuration.agents.values()]
      : [...new Set(names)].map((name) => agentNamed(configuration, name));
  const definitions = agents.map((agent) => defineAgent(agent, configuration, pins, lock.agents[agent.name]?.effort));
  const wanted = new Set(agents.map(({ environment }) => environment));
  const environments = [...configuration.environments.values()].filter(
    ({ name }) => names.length === 0 || wanted.has(name),
  );
  const [listed, foundEnvironments] = await Promise.all([
    readAgents(platform),
    Promise.all(environments.map(({ name }) => findEnvironment(platform, name, lock.environments[name]))),
  ]);
  const resolved = await Promise.all(
    definitions.map((definition) => resolve(platform, definition, lock.agents[definition.name], listed)),
  );
  const known = new Set(resolved.flatMap(({ found, twins }) => [found?.id, ...twins.map(({ id }) => id)]));
  return {
    environments: environments.map((meant, index) => {
      const [found, locked] = [foundEnvironments[index], lock.environments[meant.name]];
      const relock = locked?.id !== found?.id || locked?.sha256 !== environmentDigest(meant);
      return { meant, found, state: judgeEnvironment(meant, found, locked), relock };
    }),
    agents: agents.map((agent, index) => {
      const definition = definitions[index] as AgentDefinition;
      const { found, twins } = resolved[index] ?? { found: undefined, twins: [] };
      const locked = lock.agents[agent.name];
      const relock =
        locked?.id !== found?.id ||
        locked?.version !== found?.version ||
        (found !== undefined && locked?.effort !== effortOf(found.model));
      return {
        agent,
        definition,
        found,
        state: judgeAgent(definition, found, locked),
        relock,
        twins,
        unknown: found?.unknown ?? [],
        undecided: found?.undecided ?? [],
      };
    }),
    strays: listed.flatMap(({ id, metadata }) => {
      const markedAs = metadata[nameKey];
      // With names given, the others were not looked up.
      const looked = names.length === 0 || names.includes(markedAs ?? '');
      return markedAs === undefined || known.has(id) || !looked ? [] : [{ id, markedAs }];
    }),
    skillNames: new Map([...pins].map(([name, { skillId }]) => [skillId, name])),
  };
}

/** Every agent of the workspace that is not archived. */
export async function readAgents(platform: Platform): Promise<FoundAgent[]> {
  const agents: FoundAgent[] = [];
  for await (const agent of platform.agents.list()) {
    if (isLive(agent)) agents.push(agent);
  }
  return agents;
}

/** Whether something has to be done about it, if only in the lock. */
export function isPending(planned: PlannedAgent | PlannedEnvironment): boolean {
  const { act } = planned.state;
  const twins = 'twins' in planned && planned.twins.length > 0;
  return act === 'create' || act === 'update' || (act === 'none' && planned.relock) || twins;
}

/**
 * Throws `drift` with every difference that was made outside. What was archived outside cannot be overwritten:
 * `overwrite` excuses only the rest.
 */
export function refuseDrift({ agents, environments, skillNames }: Fleet, overwrite: boolean): void {
  const archived = agents.flatMap(({ agent: { name }, state }) =>
    state.act === 'archived' ? [`the agent ${quote(name)} (${quote(state.id)}) was archived on the platform`] : [],
  );
  const changed = (what: string, state: AgentState | EnvironmentState) =>
    state.act === 'drifted' && !overwrite
      ? [
          `the ${what} was changed outside its file:`,
          ...state.differences.flatMap((difference) => differenceLines(difference, skillNames)),
        ]
      : [];
  const drifted = [
    ...environments.flatMap(({ meant, state }) => changed(`environment ${quote(meant.name)}`, state)),
    ...agents.flatMap(({ agent, state }) => changed(`agent ${quote(agent.name)}`, state)),
  ];
  if (drifted.length > 0) {
    throw new AppError('drift', [...drifted, ...archived].join('\n'), {
      hint: 'take it into the files: setup-session agents apply --adopt; or put the files in force: setup-session agents apply --overwrite',
    });
  }
  if (archived.length > 0) {
    throw new AppError('drift', archived.join('\n'), {
      hint: 'if somebody retired it, update your files: their agents.lock.json says so; else remove its file, or its entry from config/agents.lock.json to have a new one created',
    });
  }
}

/** Which thing was brought in line, and how. */
export type FleetChange = (what: 'agent' | 'environment', name: string, act: 'create' | 'update') => void;

/** Carries a plan out, environments first. Call {@link refuseDrift} before: what has drifted is overwritten here. */
export async function applyFleet(
  request: FleetRequest,
  fleet: Fleet,
  onChange: FleetChange,
  onWait: (text: string) => void = () => {},
): Promise<AgentsLock> {
  const { platform, configuration, signal } = request;
  let lock = request.lock;
  const remember = async (change: LockChange) => {
    lock = await changeAgentsLock(configuration, request.lock, change, platform.recorder);
  };
  for (const { meant, found, state, relock } of fleet.environments) {
    if (state.act === 'none' && !relock) continue;
    await remember({ environments: { [meant.name]: await applyEnvironment(platform, meant, found, signal, onWait) } });
    if (state.act !== 'none') onChange('environment', meant.name, state.act === 'create' ? 'create' : 'update');
  }
  for (const { agent, definition, state, relock, twins } of fleet.agents) {
    for (const twin of twins) await removeTwin(platform, twin);
    if (state.act === 'archived' || state.act === 'retired' || (state.act === 'none' && !relock)) continue;
    const plan = state.act === 'drifted' ? { ...state, act: 'update' as const } : state;
    await remember({ agents: { [agent.name]: await applyAgent(platform, definition, plan) } });
    if (plan.act !== 'none') onChange('agent', agent.name, plan.act);
  }
  return lock;
}

/**
 * The agent of a file among those that are listed; one that the lock knows and the list lacks is asked for. Of several that
 * are exactly what the file says the oldest is it, as it was for the runs that made them (create.ts).
 */
async function resolve(
  platform: Platform,
  definition: AgentDefinition,
  locked: AgentsLock['agents'][string] | undefined,
  listed: readonly FoundAgent[],
): Promise<{ found: FoundAgent | undefined; twins: readonly FoundAgent[] }> {
  const { name } = definition;
  if (locked !== undefined) {
    const known = listed.find(({ id }) => id === locked.id) ?? (await findAgent(platform, name, locked));
    return { found: known, twins: [] };
  }
  const marked = listed.filter(({ metadata }) => metadata[nameKey] === name);
  if (marked.length === 0) for (const agent of listed) requireSaid(agent, name, 'agent');
  const [oldest, ...younger] = byAge(marked);
  if (oldest !== undefined && marked.every((agent) => isTwin(definition, agent)))
    return { found: oldest, twins: younger };
  return { found: onlyOne(marked, `agents are marked as ${quote(name)}`), twins: [] };
}

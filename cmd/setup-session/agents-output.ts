import type { AdoptedEnvironment } from '../../internal/agent/adopt-environment.ts';
import type { FoundAgent } from '../../internal/agent/definition.ts';
import { differenceLines, permissionWords, type SkillNames } from '../../internal/agent/difference-lines.ts';
import { type Fleet, isPending, type PlannedAgent, type PlannedEnvironment } from '../../internal/agent/fleet.ts';
import type { AgentsLock } from '../../internal/agent/lock.ts';
import { undecidedWords } from '../../internal/agent/undecided.ts';
import type { CommandResult } from '../../internal/cli/program.ts';
import type { Agent } from '../../internal/config/definitions.ts';
import { unknownMemberWords } from '../../internal/platform/known-members.ts';
import { permissionLines } from '../../internal/policy/toolset.ts';
import { visible } from '../../internal/text/quote.ts';

type Planned = PlannedAgent | PlannedEnvironment;

const intended = {
  none: 'unchanged',
  create: 'to be created',
  update: 'to be updated',
  drifted: 'drifted',
  archived: 'archived on the platform',
  retired: 'retired',
  relock: 'but agents.lock.json is behind',
  twin: 'to be archived where it was never used',
} as const;

const planned = { ...intended, drifted: 'to be overwritten' } as const;

const done = {
  ...intended,
  create: 'created',
  update: 'updated',
  drifted: 'overwritten',
  relock: 'agents.lock.json brought up to date',
  twin: 'archived where it was never used',
} as const;

/** What would be done, per agent and environment in words; 7 when something is pending. */
export function showFleet(fleet: Fleet): CommandResult {
  const pending = [...fleet.environments, ...fleet.agents].filter(isPending).length;
  const summary = pending === 0 ? 'nothing is pending' : `${pending} pending: setup-session agents apply`;
  return {
    text: [...fleetLines(fleet, intended), '', summary].join('\n'),
    json: { ...fleetValue(fleet), pending },
    exit: pending === 0 ? 0 : 7,
  };
}

/** What apply would do, drift included where it is to be overwritten. */
export function showApplyPlan(fleet: Fleet): CommandResult {
  return { text: fleetLines(fleet, planned).join('\n'), json: fleetValue(fleet) };
}

/** What was done, per agent and environment in words. */
export function showApplied(fleet: Fleet, lock: AgentsLock): CommandResult {
  const value = fleetValue(fleet);
  return {
    text: fleetLines(fleet, done).join('\n'),
    json: {
      environments: value.environments.map((entry) => ({ ...entry, id: lock.environments[entry.name]?.id ?? null })),
      agents: value.agents.map((entry) => ({
        ...entry,
        id: lock.agents[entry.name]?.id ?? null,
        version: lock.agents[entry.name]?.version ?? null,
      })),
      strays: value.strays,
    },
  };
}

/** The files that now say what is on the platform, or would. */
export function showAdoptedDrift(
  paths: readonly string[],
  warnings: readonly string[],
  dryRun: boolean,
): CommandResult {
  if (dryRun && paths.length > 0) {
    return {
      text: paths.map((path) => `would change ${visible(path)}`).join('\n'),
      json: { would_change: paths, warnings },
    };
  }
  return {
    text:
      paths.length === 0
        ? 'nothing has drifted'
        : [...paths.map((path) => `changed ${visible(path)}`), 'review them, then: setup-session agents plan'].join(
            '\n',
          ),
    json: { changed: paths, warnings },
  };
}

/** Which file stands for the environment from now on, and how to go on where they differ. */
export function showAdoptedEnvironment(
  { meant, path, text, entry, state }: AdoptedEnvironment,
  dryRun: boolean,
): CommandResult {
  const { differences } = state.act === 'create' ? { differences: [] } : state;
  const write = dryRun ? 'would write' : 'wrote';
  return {
    text: [
      text === undefined
        ? `${visible(path)} stays as it is and ${dryRun ? 'would stand' : 'stands'} for ${visible(entry.id)}`
        : `${write} ${visible(path)}`,
      ...differences.flatMap((difference) => differenceLines(difference, new Map())),
      {
        create: '',
        none: 'file and platform agree',
        update: 'put its mark there: setup-session agents apply',
        drifted:
          'take that into the file: setup-session agents apply --adopt; or put the file in force: setup-session agents apply --overwrite',
      }[state.act],
    ].join('\n'),
    json: {
      environment: meant.name,
      id: entry.id,
      path,
      written: text !== undefined && !dryRun,
      state: state.act,
      differences: differences.map((difference) => ({ ...difference })),
    },
  };
}

/** One row for each agent: of the files, then those of the workspace without one. */
export function showList(fleet: Fleet, listed: readonly FoundAgent[]): CommandResult {
  const { agents } = fleet;
  const ofFiles = new Set(agents.map(({ found }) => found?.id));
  const others = listed.filter(({ id }) => !ofFiles.has(id));
  const rows = [
    ...agents.map(({ agent, found, state }) => [
      agent.name,
      intended[state.act],
      found?.id ?? '-',
      String(found?.version ?? '-'),
    ]),
    ...others.map(({ name, id, version }) => [name, 'no file', id, String(version)]),
  ].map((row) => row.map(visible));
  return {
    text: rows.length === 0 ? 'no agents' : [{ heading: ['agent', 'state', 'id', 'version'], rows }],
    json: {
      agents: fleetValue(fleet).agents,
      environments: fleetValue(fleet).environments,
      without_file: others.map(({ id, name, version }) => ({ id, name, version })),
    },
  };
}

/** One agent as a whole: what its file allows, who may use it, and how it stands to the platform. */
export function showAgent(agent: Agent, fleet: Fleet): CommandResult {
  const [planned] = fleet.agents;
  if (planned === undefined) throw new Error('one agent was asked for');
  const { definition, found, state } = planned;
  const tools = permissionLines(definition.tools).map(permissionWords);
  const skills = definition.skills.map(({ version }, index) => `${agent.skills[index]} at ${version}`);
  const rows = [
    ['agent', agent.name],
    ['on the platform', found === undefined ? 'not yet' : `${found.id} version ${found.version}`],
    ['state', intended[state.act]],
    ['description', agent.description ?? '-'],
    ['model', agent.model],
    ['environment', agent.environment],
    ['groups that may use it', agent.allowed.groups.join(', ') || 'none'],
    ['single people that may use it', String(agent.allowed.principals.length)],
    ['skills', skills.join(', ') || 'none'],
    ['MCP servers', definition.mcp_servers.map(({ name, url }) => `${name} ${url}`).join(', ') || 'none'],
  ].map(([what = '', value = '']) => `${what.padEnd(30)}${visible(value)}`);
  const differences = state.act === 'update' || state.act === 'drifted' ? state.differences : [];
  return {
    text: [
      ...rows,
      '',
      'what it allows at most, before any person:',
      ...(tools.length === 0 ? ['  nothing'] : tools.map((line) => `  ${visible(line)}`)),
      ...(differences.length === 0 ? [] : ['', 'differences:', ...changeLines(planned, fleet.skillNames)]),
    ].join('\n'),
    json: {
      ...agentValue(planned),
      description: agent.description ?? null,
      model: agent.model,
      environment: agent.environment,
      allowed: agent.allowed,
      mcp_servers: definition.mcp_servers.map(({ name, url }) => ({ name, url })),
      tools: permissionLines(definition.tools),
    },
  };
}

function fleetLines(
  { environments, agents, strays, skillNames }: Fleet,
  words: Readonly<Record<string, string>>,
): string[] {
  return [
    ...environments.flatMap((planned) => [
      `environment ${planned.meant.name}: ${stateWords(planned, words)}`,
      ...changeLines(planned, skillNames),
    ]),
    ...agents.flatMap((planned) => [
      `agent ${planned.agent.name}: ${stateWords(planned, words)}`,
      ...(planned.state.act === 'create' ? contentLines(planned) : changeLines(planned, skillNames)),
      ...planned.unknown.map((member) => `  ${unknownMemberWords(member)}`),
      ...planned.undecided.map((member) => `  ${undecidedWords(member)}`),
      ...planned.twins.map(({ id }) => `  ${visible(id)} is the same once more: ${words['twin']}`),
      ...planned.definition.skills.map(
        ({ version }, index) => `  skill ${planned.agent.skills[index]} pinned at ${visible(version)}`,
      ),
    ]),
    ...strays.map(({ id, markedAs }) => {
      const marked = `${visible(id)} on the platform is marked as ${visible(markedAs)}`;
      return agents.some(({ agent }) => agent.name === markedAs)
        ? `${marked} too, and is not the one of agents.lock.json: archive it there if nobody needs it`
        : `${marked} and no file stands for it: setup-session agents retire ${visible(markedAs)}`;
    }),
  ];
}

function stateWords({ state: { act }, relock }: Planned, words: Readonly<Record<string, string>>): string {
  return act === 'none' && relock ? `${words[act]}, ${words['relock']}` : String(words[act]);
}

function changeLines({ state }: Planned, skillNames: SkillNames): string[] {
  if (state.act !== 'update' && state.act !== 'drifted') return [];
  return state.differences.flatMap((difference) => differenceLines(difference, skillNames));
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

function fleetValue({ environments, agents, strays }: Fleet) {
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
  };
}

function agentValue(planned: PlannedAgent) {
  const { agent, definition, found, state, relock } = planned;
  return {
    name: agent.name,
    state: state.act,
    id: found?.id ?? null,
    version: found?.version ?? null,
    lock_is_behind: relock,
    differences: differencesOf(planned),
    unknown_members: planned.unknown,
    undecided_members: planned.undecided,
    skills: definition.skills.map(({ skill_id, version }, index) => ({
      name: agent.skills[index] ?? null,
      skill_id,
      version,
    })),
  };
}

function differencesOf({ state }: Planned) {
  return state.act === 'update' || state.act === 'drifted'
    ? state.differences.map((difference) => ({ ...difference }))
    : [];
}

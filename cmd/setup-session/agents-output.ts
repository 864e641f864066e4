import { permissionWords } from '../../internal/agent/difference-lines.ts';
import { undecidedWords } from '../../internal/agent/undecided.ts';
import type { CommandResult } from '../../internal/cli/program.ts';
import { piecesOf } from '../../internal/cli/result-text.ts';
import { unknownMemberWords } from '../../internal/platform/known-members.ts';
import type {
  AdoptedAgent,
  AdoptedEnvironment,
  AgentValue,
  ApplyResult,
  CreatedAgent,
  FleetPlan,
  FleetValue,
  ListedAgents,
  RetireResult,
  ShownAgent,
} from '../../internal/run/values/agents.ts';
import { visible } from '../../internal/text/quote.ts';

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

type Words = Readonly<Record<keyof typeof intended, string>>;

/** What would be done, per agent and environment in words; 7 when something is pending. */
export function showPlan(result: FleetPlan): CommandResult {
  const { pending } = result;
  const summary = pending === 0 ? 'nothing is pending' : `${pending} pending: setup-session agents apply`;
  return {
    text: [...fleetLines(result, intended), '', summary].join('\n'),
    json: result,
    exit: pending === 0 ? 0 : 7,
  };
}

/** What was put in force or would be, drift included; or the files that say now what is on the platform, or would. */
export function showApplied(result: ApplyResult, dryRun: boolean): CommandResult {
  if ('agents' in result) return { text: fleetLines(result, dryRun ? planned : done).join('\n'), json: result };
  if ('would_change' in result) {
    return { text: result.would_change.map((path) => `would change ${visible(path)}`).join('\n'), json: result };
  }
  const changed = result.changed.map((path) => `changed ${visible(path)}`);
  const next = ['review them, then: setup-session agents plan'];
  return { text: changed.length === 0 ? 'nothing has drifted' : [...changed, ...next].join('\n'), json: result };
}

/** The file of an agent that was on the platform already, what it allows there, and what apply would change about it. */
export function showAdopted(result: AdoptedAgent): CommandResult {
  const { allows, written, path } = result;
  return {
    text: [
      `${written ? 'wrote' : 'would write'} ${visible(path)}; on the platform the agent allows:`,
      ...(allows.length === 0 ? ['  nothing'] : allows.map((line) => `  ${line}`)),
      '',
      ...planBelow(result),
    ],
    json: result,
  };
}

/** The file of a new agent, and what it would be on the platform. */
export function showCreated(result: CreatedAgent): CommandResult {
  return { text: [`wrote ${visible(result.path)}`, '', ...planBelow(result)], json: result };
}

function planBelow({ plan, beside }: AdoptedAgent | CreatedAgent) {
  return piecesOf(showPlan({ ...plan, beside }).text);
}

/** An agent that is retired, or what would end with it. */
export function showRetired(result: RetireResult): CommandResult {
  const { agent, id } = result;
  if ('would_end_sessions' in result) {
    const { would_end_sessions: sessions, beside } = result;
    return {
      text: [
        `would archive the agent ${visible(agent)} (${visible(id)}) for good`,
        ...sessions.map((each, at) => `would end the session ${visible(each)}, which is ${beside.statuses[at]}`),
      ].join('\n'),
      json: result,
    };
  }
  const file = result.beside.hasFile
    ? [`its file config/agents/${agent}.yaml has no effect any more: remove it, and its entry in agents.lock.json`]
    : [];
  return { text: [`the agent ${visible(agent)} is retired`, ...file].join('\n'), json: result };
}

/** Which file stands for the environment from now on, and how to go on where they differ. */
export function showAdoptedEnvironment(result: AdoptedEnvironment, dryRun: boolean): CommandResult {
  const { id, path, state, beside } = result;
  return {
    text: [
      beside.stays
        ? `${visible(path)} stays as it is and ${dryRun ? 'would stand' : 'stands'} for ${visible(id)}`
        : `${dryRun ? 'would write' : 'wrote'} ${visible(path)}`,
      ...beside.changes,
      {
        create: '',
        none: 'file and platform agree',
        update: 'put its mark there: setup-session agents apply',
        drifted:
          'take that into the file: setup-session agents apply --adopt; or put the file in force: setup-session agents apply --overwrite',
      }[state],
    ].join('\n'),
    json: result,
  };
}

/** One row for each agent: of the files, then those of the workspace without one. */
export function showList(result: ListedAgents): CommandResult {
  const rows = [
    ...result.agents.map(({ name, state, id, version }) => [name, intended[state], id ?? '-', String(version ?? '-')]),
    ...result.without_file.map(({ name, id, version }) => [name, 'no file', id, String(version)]),
  ].map((row) => row.map(visible));
  return {
    text: rows.length === 0 ? 'no agents' : [{ heading: ['agent', 'state', 'id', 'version'], rows }],
    json: result,
  };
}

/** One agent as a whole: what its file allows, who may use it, and how it stands to the platform. */
export function showOne(result: ShownAgent): CommandResult {
  const { id, version, state, allowed, mcp_servers: servers, beside } = result;
  const skills = result.skills.map((skill) => `${skill.name} at ${skill.version}`);
  const tools = result.tools.map(permissionWords);
  const rows = [
    ['agent', result.name],
    ['on the platform', id === null ? 'not yet' : `${id} version ${version}`],
    ['state', intended[state]],
    ['description', result.description ?? '-'],
    ['model', result.model],
    ['environment', result.environment],
    ['groups that may use it', allowed.groups.join(', ') || 'none'],
    ['single people that may use it', String(allowed.principals.length)],
    ['skills', skills.join(', ') || 'none'],
    ['MCP servers', servers.map(({ name, url }) => `${name} ${url}`).join(', ') || 'none'],
  ].map(([what = '', value = '']) => `${what.padEnd(30)}${visible(value)}`);
  return {
    text: [
      ...rows,
      '',
      'what it allows at most, before any person:',
      ...(tools.length === 0 ? ['  nothing'] : tools.map((line) => `  ${visible(line)}`)),
      ...(beside.changes.length === 0 ? [] : ['', 'differences:', ...beside.changes]),
    ].join('\n'),
    json: result,
  };
}

function fleetLines({ environments, agents, strays, beside }: FleetValue, words: Words): string[] {
  return [
    ...environments.flatMap((environment, at) => [
      `environment ${environment.name}: ${stateWords(environment, words)}`,
      ...(beside.environments[at] ?? []),
    ]),
    ...agents.flatMap((agent, at) => [
      `agent ${agent.name}: ${stateWords(agent, words)}`,
      ...(beside.agents[at]?.changes ?? []),
      ...agent.unknown_members.map((member) => `  ${unknownMemberWords(member)}`),
      ...agent.undecided_members.map((member) => `  ${undecidedWords(member)}`),
      ...(beside.agents[at]?.twins ?? []).map((id) => `  ${visible(id)} is the same once more: ${words.twin}`),
      ...agent.skills.map(({ name, version }) => `  skill ${name} pinned at ${visible(version)}`),
    ]),
    ...strays.map(({ id, marked_as: name }) => {
      const marked = `${visible(id)} on the platform is marked as ${visible(name)}`;
      return agents.some((agent) => agent.name === name)
        ? `${marked} too, and is not the one of agents.lock.json: archive it there if nobody needs it`
        : `${marked} and no file stands for it: setup-session agents retire ${visible(name)}`;
    }),
  ];
}

function stateWords({ state, lock_is_behind }: Pick<AgentValue, 'state' | 'lock_is_behind'>, words: Words): string {
  return state === 'none' && lock_is_behind ? `${words[state]}, ${words.relock}` : words[state];
}

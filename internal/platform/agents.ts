/** Agents: what the platform answers, and what it can be asked for. */
import { type Door, eachOf, type How } from './door.ts';
import { knownOf, unknownIn } from './known-members.ts';
import {
  entriesOf,
  type Fields,
  fieldsOf,
  listOf,
  metadataOf,
  type Reading,
  shown,
  text,
  textOrNull,
  thingOf,
} from './reading.ts';
import type { Client } from './sdk.ts';

/** What an agent is made of; a session has a snapshot of it. */
export interface AgentAnswer {
  id: string;
  /** From 1; 0 where it was not said, which is no version. */
  version: number;
  name: string;
  model: string | ModelAnswer;
  system: string | null;
  description: string | null;
  /** Without what this version does not know: see `undecided`. */
  tools: readonly ({ type: string } & object)[];
  mcp_servers: readonly { name: string; url: string }[];
  skills: readonly { type: string; skill_id: string; version: string }[];
  multiagent: unknown;
  execution_identity: { type: string };
  /** Members that this version does not know and that decide what a tool may do: nothing is begun with such an agent. */
  undecided: readonly string[];
  /** The others that it does not know. */
  unknown: readonly string[];
}

interface ModelAnswer {
  id: string;
  effort?: unknown;
  speed?: unknown;
  inference_geo?: unknown;
}

export interface Agent extends AgentAnswer {
  metadata: Readonly<Record<string, string>>;
  /** Whether the platform said any metadata at all: an agent of which it did not may be one of ours. */
  saysMetadata: boolean;
  created_at: string;
  archived_at: string | null;
}

export function readAgent(value: unknown, reading: Reading): Agent {
  const agent = thingOf(value, 'an agent');
  return {
    ...readAgentAnswer(agent, 'agent', reading),
    metadata: metadataOf(agent['metadata']),
    saysMetadata: fieldsOf(agent['metadata']) !== undefined,
    created_at: text(agent['created_at']) ?? '',
    archived_at: textOrNull(agent['archived_at']),
  };
}

/**
 * Reads what an agent is made of. The documented defaults: no skills, no MCP servers, nobody beside it, the service account.
 * Tools have none: where they are not said, they equal nothing that is meant.
 */
export function readAgentAnswer(agent: Fields, thing: 'agent' | 'session.agent', reading: Reading): AgentAnswer {
  const undecided = new Set<string>();
  const tools = agent['tools'];
  const version = agent['version'];
  const identity = fieldsOf(agent['execution_identity']);
  return {
    id: text(agent['id']) ?? '',
    version: typeof version === 'number' && Number.isSafeInteger(version) && version > 0 ? version : 0,
    name: shown(agent['name']),
    model: modelOf(agent['model']),
    system: shown(agent['system']) || null,
    description: shown(agent['description']) || null,
    tools: Array.isArray(tools) ? tools.map((each) => toolsetOf(each, undecided)) : [{ type: 'not said' }],
    mcp_servers: entriesOf(agent['mcp_servers']).map((each) => {
      const server = fieldsOf(each) ?? {};
      return { name: shown(server['name']), url: shown(server['url']) };
    }),
    skills: entriesOf(agent['skills']).map((each) => {
      const skill = fieldsOf(each) ?? {};
      // A reference without a version follows the latest one.
      return {
        type: shown(skill['type']),
        skill_id: shown(skill['skill_id']),
        version: shown(skill['version']) || 'latest',
      };
    }),
    multiagent: agent['multiagent'] ?? null,
    execution_identity: {
      type: shown(identity === undefined ? agent['execution_identity'] : identity['type']) || usual,
    },
    undecided: [...undecided].filter((name) => !reading.accepted.has(name)).sort(),
    unknown: [
      ...unknownIn(thing, agent, reading),
      ...unknownIn('agent.model', agent['model'], reading),
      ...unknownIn('agent.mcp_servers', agent['mcp_servers'], reading),
      ...unknownIn('agent.skills', agent['skills'], reading),
      ...unknownIn('agent.execution_identity', identity, reading),
    ].sort(),
  };
}

/** What an agent runs as where nothing is said. */
const usual = 'service_account';

function modelOf(value: unknown): AgentAnswer['model'] {
  const model = fieldsOf(value);
  if (model === undefined) return shown(value);
  return { ...model, id: shown(model['id']) };
}

/** The kinds of toolset that this version knows from the inside; another one is kept whole, and equals nothing that is meant. */
const kinds: readonly unknown[] = ['agent_toolset_20260401', 'mcp_toolset'];

function toolsetOf(value: unknown, undecided: Set<string>): { type: string } & object {
  const toolset = fieldsOf(value);
  if (toolset === undefined || !kinds.includes(toolset['type'])) return { ...toolset, type: shown(toolset?.['type']) };
  const { default_config: base, configs, ...rest } = knownOf('tools.', toolset, undecided);
  const [basis, entries] = [fieldsOf(base), listOf(configs).map(fieldsOf)];
  const odd =
    (base !== undefined && basis === undefined) ||
    (configs !== undefined && !Array.isArray(configs)) ||
    entries.includes(undefined);
  if (odd) return { ...toolset, type: 'unreadable' };
  return {
    ...rest,
    type: shown(rest['type']),
    ...(basis !== undefined && { default_config: configOf('tools.default_config.', basis, undecided) }),
    ...{
      configs: entries.flatMap((entry) => (entry === undefined ? [] : [configOf('tools.configs.', entry, undecided)])),
    },
  };
}

function configOf(place: 'tools.default_config.' | 'tools.configs.', value: Fields, undecided: Set<string>): Fields {
  const config = knownOf(place, value, undecided);
  const policy = fieldsOf(config['permission_policy']);
  return policy === undefined
    ? config
    : { ...config, permission_policy: knownOf('tools.permission_policy.', policy, undecided) };
}

type Agents = Client['agents'];

/** What is asked of agents. */
export const agentVerbs = ({ read, pages, change }: Door) => ({
  list: (query: { limit?: number } = {}) =>
    eachOf(pages('list agents', readAgent, ({ agents }, page) => agents.list({ limit: 100, ...query, ...page }))),
  retrieve: (id: string, { version, label = id }: { version?: number; label?: string } = {}) =>
    read(`read agent ${label}${version === undefined ? '' : ` version ${version}`}`, readAgent, ({ agents }) =>
      agents.retrieve(id, version === undefined ? undefined : { version }),
    ),
  create: (agent: Parameters<Agents['create']>[0]) =>
    change('agent.create', undefined, { label: agent.name }, readAgent, ({ agents }) => agents.create(agent)),
  update: (id: string, agent: Parameters<Agents['update']>[1], how: How = {}) =>
    change('agent.update', id, how, readAgent, ({ agents }) => agents.update(id, agent)),
  archive: (id: string, how: How = {}) =>
    change('agent.archive', id, how, readAgent, ({ agents }) => agents.archive(id)),
});

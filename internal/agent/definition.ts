/** An agent's file as the definition it has on the platform, and the comparison of the two. Pure. */
import type { Agent, Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Agent as PlatformAgent } from '../platform/agents.ts';
import { type AnsweredToolset, compileTooling, permissionLines, type Tooling } from '../policy/toolset.ts';
import { agentTools } from '../policy/verdict.ts';
import { quote } from '../text/quote.ts';
import { type AnsweredModel, type Effort, modelLines, modelLinesBesideEffort } from './model.ts';

/** The metadata key by which an agent or environment is found again when the lock does not know it. */
export const nameKey = 'mai_name';

export interface PinnedSkill {
  type: 'custom';
  skill_id: string;
  version: string;
}

/** What is sent to the platform when an agent is created or updated. */
export interface AgentDefinition extends Tooling {
  name: string;
  /** With an effort where the lock knows one: no file names it, and a change of it is a change. */
  model: string | { id: string; effort: Effort };
  system: string | null;
  description: string | null;
  skills: PinnedSkill[];
  /** Several agents under one person's vault are off until a file can say so. */
  multiagent: null;
  metadata: Record<string, string>;
}

/** The lock of skill-sync: name to pinned ids. */
export type SkillPins = ReadonlyMap<string, { skillId: string; versionId: string }>;

/**
 * The definition that an agent's file asks for, with the effort that was in force when it was applied last. Throws
 * `skill_not_pinned` when a skill was never pushed.
 */
export function defineAgent(
  agent: Agent,
  configuration: Configuration,
  pins: SkillPins,
  effort?: Effort,
): AgentDefinition {
  return {
    name: agent.name,
    model: effort === undefined ? agent.model : { id: agent.model, effort },
    system: agent.system ?? null,
    description: agent.description ?? null,
    ...compileTooling(agentTools(agent, configuration), configuration),
    skills: agent.skills.map((name) => pinned(name, pins)),
    multiagent: null,
    metadata: { [nameKey]: agent.name },
  };
}

/** What is compared of an agent on the platform; a session's snapshot has the same shape. */
export interface AnsweredAgent {
  name: string;
  model: AnsweredModel;
  system: string | null;
  description: string | null;
  tools: readonly AnsweredToolset[];
  mcp_servers: readonly { name: string; url: string }[];
  skills: readonly { type: string; skill_id: string; version: string }[];
  multiagent: unknown;
  execution_identity: { type: string };
}

/** An agent as the platform answers it. */
export type FoundAgent = PlatformAgent;

/** One difference between what was meant and what is there. */
export interface Difference {
  what: string;
  meant: string;
  found: string;
}

/** An agent as it is meant to be: its definition, or with the model that was looked at. */
export type MeantAgent = Omit<AgentDefinition, 'metadata' | 'model'> & { model: AnsweredModel };

/** Where an agent differs from its definition; lists are compared as sets, because the platform reorders them. */
export function compareAgent(meant: MeantAgent, found: AnsweredAgent): Difference[] {
  const pairs: [string, unknown, unknown][] = [
    ['name', meant.name, found.name],
    ['model', ...modelPair(meant.model, found.model)],
    ['system prompt', meant.system ?? '', found.system ?? ''],
    ['description', meant.description ?? '', found.description ?? ''],
    ['tools', permissionLines(meant.tools), permissionLines(found.tools)],
    ['MCP servers', serverLines(meant.mcp_servers), serverLines(found.mcp_servers)],
    ['skills', skillLines(meant.skills), skillLines(found.skills)],
    ['sub-agents', meant.multiagent, found.multiagent ?? null],
    ['execution identity', 'service_account', found.execution_identity.type],
  ];
  return pairs.flatMap(([what, a, b]) => {
    const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
    return left === right ? [] : [{ what, meant: left, found: right }];
  });
}

/** Differences as the lines of a message; what was found is text from outside. */
export function describeDifferences(differences: readonly Difference[]): string {
  return differences
    .map(({ what, meant, found }) => `${what}: meant ${quote(meant)}, found ${quote(found)}`)
    .join('\n');
}

function pinned(name: string, pins: SkillPins): PinnedSkill {
  const pin = pins.get(name);
  if (pin === undefined) {
    throw new AppError('skill_not_pinned', `the skill ${quote(name)} has no pinned version in the skills lock`, {
      hint: 'push it first: skill-sync',
    });
  }
  return { type: 'custom', skill_id: pin.skillId, version: pin.versionId };
}

/** Without an effort that is meant there is none to compare with. */
function modelPair(meant: AnsweredModel, found: AnsweredModel): [string[], string[]] {
  const lines = typeof meant === 'string' ? modelLinesBesideEffort : modelLines;
  return [lines(meant), lines(found)];
}

/** MCP servers in a form where equal means the same: sorted lines. */
export function serverLines(servers: readonly { name: string; url: string }[]): string[] {
  return servers.map(({ name, url }) => `${name} ${matchedUrl(url)}`).sort();
}

/**
 * An address as the platform matches it: scheme and host in lower case, no default port, no trailing slashes. Whatever the
 * documents of that rule do not mention (a query, a fragment, a name before the host) stays as it is, and a difference.
 */
function matchedUrl(url: string): string {
  const [, scheme = '', host = '', port = '', path = ''] =
    /^(https?):\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d+)?(\/[^?#]*)?$/i.exec(url) ?? [];
  if (host === '') return url;
  const usual = scheme.toLowerCase() === 'https' ? ':443' : ':80';
  return `${scheme}://${host}${port === usual ? '' : port}`.toLowerCase() + path.replace(/\/+$/, '');
}

/** Skills in that form. */
export function skillLines(skills: readonly { type: string; skill_id: string; version: string }[]): string[] {
  return skills.map(({ type, skill_id, version }) => `${type} ${skill_id} ${version}`).sort();
}

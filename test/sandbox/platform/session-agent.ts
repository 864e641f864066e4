import type {
  BetaManagedAgentsAgent,
  BetaManagedAgentsAgentReference,
  BetaManagedAgentsSessionThreadAgent,
} from '@anthropic-ai/sdk/resources/beta/agents/agents';
import type { BetaManagedAgentsSessionAgent } from '@anthropic-ai/sdk/resources/beta/sessions/sessions';
import { z } from 'zod';
import { type AgentVersion, findAgent, findAgentVersion } from './agent-definition.ts';
import {
  type AgentFields,
  checkedSkills,
  filledModel,
  modelSchema,
  skillsSchema,
  systemSchema,
} from './agent-fields.ts';
import { chosenError, invalidRequest, notFound } from './api-error.ts';
import { choices } from './choices.ts';
import { checkServerUrl } from './mcp-url.ts';
import { text } from './schema.ts';
import { mcpServersSchema, toolsSchema } from './tool-schema.ts';
import { builtinToolSwitches } from './tool-switches.ts';
import { checkReferences, filledTools } from './toolsets.ts';
import type { Workspace } from './workspace.ts';

const reference = { id: text(1, 256), version: z.int().min(1).optional() };

/** `agent` in a session create, in its three forms. */
export const sessionAgentSchema = z.union([
  text(1, 256),
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('agent'), ...reference }),
    z.strictObject({
      type: z.literal('agent_with_overrides'),
      ...reference,
      model: modelSchema.nullish(),
      system: systemSchema,
      tools: toolsSchema.nullish(),
      mcp_servers: mcpServersSchema.nullish(),
      skills: skillsSchema.nullish(),
    }),
  ]),
]);

/** `agent` in a session update. Documented: nothing else of it can change while the session lives. */
export const sessionAgentUpdateSchema = z.strictObject({
  tools: toolsSchema.optional(),
  mcp_servers: mcpServersSchema.optional(),
});

/** Takes the snapshot of the agent that a new session runs. Documented danger: a plain id means the newest version. */
export function resolveSessionAgent(
  workspace: Workspace,
  input: z.output<typeof sessionAgentSchema>,
): BetaManagedAgentsSessionAgent {
  const { id, version = undefined } = typeof input === 'string' ? { id: input } : input;
  const agent = findAgent(workspace, id);
  if (agent.archivedAt !== null) throw chosenError(choices.archivedAgentInSession, `agent ${id} is archived`);
  const base = findAgentVersion(workspace, id, version);
  const overrides = typeof input === 'object' && input.type === 'agent_with_overrides' ? input : {};
  const fields = overriddenFields(base.fields, overrides, workspace);
  checkReferences(fields.tools, fields.mcp_servers);
  return {
    ...threadAgent(id, base.version, { ...fields, skills: pinnedSkills(fields, workspace) }),
    multiagent: expandedMultiagent(fields.multiagent, workspace),
  };
}

type Overrides = Partial<
  Pick<
    Extract<z.output<typeof sessionAgentSchema>, { type: 'agent_with_overrides' }>,
    'model' | 'system' | 'tools' | 'mcp_servers' | 'skills'
  >
>;

/** Documented: omitted inherits, null or empty clears, a value replaces the whole field. */
function overriddenFields(base: AgentFields, overrides: Overrides, workspace: Workspace): AgentFields {
  const { model, system, tools, mcp_servers, skills } = overrides;
  if (model === null) throw invalidRequest('agent.model: an agent needs a model', 'agent_model_required');
  for (const { url } of mcp_servers ?? []) checkServerUrl(url, 'agent.mcp_servers.url');
  return {
    ...base,
    model: model === undefined ? base.model : overriddenModel(base.model, model),
    system: system === undefined ? base.system : system || null,
    tools: tools === undefined ? base.tools : filledTools(tools ?? []),
    mcp_servers: mcp_servers === undefined ? base.mcp_servers : (mcp_servers ?? []),
    skills: skills === undefined ? base.skills : checkedSkills(skills ?? [], workspace),
  };
}

/** Documented: an effort inside an override is ignored. */
function overriddenModel(base: AgentFields['model'], model: z.output<typeof modelSchema>): AgentFields['model'] {
  const { effort: _ignored, ...rest } = filledModel(model);
  return base.effort === undefined ? rest : { ...rest, effort: base.effort };
}

/** Applies a session update to the snapshot. */
export function updatedSessionAgent(
  agent: BetaManagedAgentsSessionAgent,
  update: z.output<typeof sessionAgentUpdateSchema>,
): BetaManagedAgentsSessionAgent {
  for (const { url } of update.mcp_servers ?? []) checkServerUrl(url, 'agent.mcp_servers.url');
  const tools = update.tools === undefined ? agent.tools : filledTools(update.tools);
  const mcp_servers = update.mcp_servers ?? agent.mcp_servers;
  checkReferences(tools, mcp_servers);
  if (agent.skills.length > 0) checkReadTool(tools);
  return { ...agent, tools, mcp_servers };
}

/** Resolves latest (choices.skillReference) and applies the rules for skills (choices.skillsWithoutRead). */
function pinnedSkills({ skills, tools }: AgentFields, workspace: Workspace): AgentFields['skills'] {
  if (skills.length > 0) checkReadTool(tools);
  const names = new Set<string>();
  return skills.map((reference) => {
    if (reference.type === 'anthropic') return reference;
    const skill = workspace.skills.find(reference.skill_id);
    if (skill === undefined) throw notFound('skill', reference.skill_id);
    if (names.has(skill.name)) throw chosenError(choices.skillsWithoutRead, `two skills are named ${skill.name}`);
    names.add(skill.name);
    const version = reference.version === 'latest' ? skill.shown.latest_version_id : reference.version;
    if (skill.versions.find(version) === undefined) throw notFound('skill version', version);
    return { ...reference, version };
  });
}

function checkReadTool(tools: AgentFields['tools']): void {
  if (builtinToolSwitches(tools, 'read')?.enabled !== true) {
    throw chosenError(choices.skillsWithoutRead, 'skills need the read tool of agent_toolset_20260401');
  }
}

function threadAgent(id: string, version: number, fields: AgentFields): BetaManagedAgentsSessionThreadAgent {
  const { name, description, model, system, tools, mcp_servers, skills, execution_identity } = fields;
  return {
    id,
    type: 'agent',
    version,
    name,
    description,
    model,
    system,
    tools,
    mcp_servers,
    skills,
    execution_identity,
  };
}

/** Documented: a session shows the members of its agent as full snapshots. */
function expandedMultiagent(
  multiagent: BetaManagedAgentsAgent['multiagent'],
  workspace: Workspace,
): BetaManagedAgentsSessionAgent['multiagent'] {
  const expanded = ({ id, version }: BetaManagedAgentsAgentReference) => {
    const found: AgentVersion = findAgentVersion(workspace, id, version);
    return threadAgent(id, version, found.fields);
  };
  if (multiagent === null) return null;
  if (multiagent.type === 'coordinator') {
    const agents = multiagent.agents.map((member) => (member.type === 'agent' ? expanded(member) : member));
    return { type: 'coordinator', agents };
  }
  const { type, advisor, subagents, workflows } = multiagent;
  const delegates = (list: typeof subagents) =>
    list.type === 'disabled' ? list : { ...list, predefined_agents: list.predefined_agents.map(expanded) };
  return { type, advisor, subagents: delegates(subagents), workflows: delegates(workflows) };
}

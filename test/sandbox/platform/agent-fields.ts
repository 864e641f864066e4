import type { BetaManagedAgentsAgent } from '@anthropic-ai/sdk/resources/beta/agents/agents';
import { z } from 'zod';
import { invalidRequest, notFound } from './api-error.ts';
import { checkServerUrl } from './mcp-url.ts';
import { checkedMetadata, metadataPatchSchema, metadataSchema, patchedMetadata } from './metadata.ts';
import { multiagentSchema, resolvedMultiagent } from './multiagent.ts';
import { text } from './schema.ts';
import { mcpServersSchema, toolsSchema } from './tool-schema.ts';
import { checkReferences, filledTools } from './toolsets.ts';
import type { Workspace } from './workspace.ts';

/** What a version of an agent holds. */
export type AgentFields = Omit<
  BetaManagedAgentsAgent,
  'id' | 'type' | 'version' | 'created_at' | 'updated_at' | 'archived_at'
>;

const effort = z.enum(['low', 'medium', 'high', 'xhigh', 'max']);

// choices.modelName
const modelName = text(1, 256).regex(/^claude-/, 'expected a name that begins with claude-');

export const modelSchema = z.union([
  modelName,
  z.strictObject({
    id: modelName,
    speed: z.enum(['standard', 'fast']).nullish(),
    effort: z.union([effort, z.strictObject({ type: effort })]).nullish(),
    inference_geo: text(1, 64).nullish(),
  }),
]);

export const systemSchema = z.string().max(100_000).nullish();

const skillVersion = text(1, 64).nullish();

/** choices.toolLimit: at most 20 skills. */
export const skillsSchema = z
  .array(
    z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('anthropic'),
        skill_id: z.enum(['docx', 'pdf', 'pptx', 'xlsx']),
        version: skillVersion,
      }),
      z.strictObject({ type: z.literal('custom'), skill_id: text(1, 256), version: skillVersion }),
    ]),
  )
  .max(20);

const executionIdentity = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('service_account') }),
    z.strictObject({
      type: z.literal('aws_role'),
      role_arn: text(1, 2048).regex(/^arn:aws[a-z-]*:iam::\d{12}:role\//),
    }),
  ])
  .nullish();

export const agentCreateSchema = z.strictObject({
  name: text(1, 256),
  model: modelSchema,
  system: systemSchema,
  description: z.string().max(2048).nullish(),
  tools: toolsSchema.default([]),
  mcp_servers: mcpServersSchema.default([]),
  skills: skillsSchema.default([]),
  multiagent: multiagentSchema,
  metadata: metadataSchema,
  execution_identity: executionIdentity,
});

export const agentUpdateSchema = z.strictObject({
  name: text(1, 256).optional(),
  model: modelSchema.optional(),
  system: systemSchema,
  description: z.string().max(2048).nullish(),
  tools: toolsSchema.nullish(),
  mcp_servers: mcpServersSchema.nullish(),
  skills: skillsSchema.nullish(),
  multiagent: multiagentSchema,
  metadata: metadataPatchSchema,
  execution_identity: executionIdentity,
  version: z.int().min(1).optional(),
});

/** Builds the fields of a new agent. */
export function createdFields(input: z.output<typeof agentCreateSchema>, workspace: Workspace): AgentFields {
  return checkedFields({
    name: input.name,
    model: filledModel(input.model),
    system: input.system || null,
    description: input.description || null,
    tools: filledTools(input.tools),
    mcp_servers: input.mcp_servers,
    skills: checkedSkills(input.skills, workspace),
    multiagent: resolvedMultiagent(input.multiagent, workspace),
    metadata: checkedMetadata(input.metadata),
    execution_identity: input.execution_identity ?? { type: 'service_account' },
  });
}

/** Applies an update. Documented: an omitted field stays, null or empty clears, metadata is a patch per key. */
export function updatedFields(
  fields: AgentFields,
  input: z.output<typeof agentUpdateSchema>,
  workspace: Workspace,
): AgentFields {
  const { tools, mcp_servers, skills } = input;
  return checkedFields({
    name: input.name ?? fields.name,
    model: input.model === undefined ? fields.model : filledModel(input.model, fields.model.effort),
    system: input.system === undefined ? fields.system : input.system || null,
    description: input.description === undefined ? fields.description : input.description || null,
    tools: tools === undefined ? fields.tools : filledTools(tools ?? []),
    mcp_servers: mcp_servers === undefined ? fields.mcp_servers : (mcp_servers ?? []),
    skills: skills === undefined ? fields.skills : checkedSkills(skills ?? [], workspace),
    multiagent: input.multiagent === undefined ? fields.multiagent : resolvedMultiagent(input.multiagent, workspace),
    metadata: checkedMetadata(patchedMetadata(fields.metadata, input.metadata)),
    execution_identity:
      input.execution_identity === undefined
        ? fields.execution_identity
        : (input.execution_identity ?? { type: 'service_account' }),
  });
}

function checkedFields(fields: AgentFields): AgentFields {
  for (const { url } of fields.mcp_servers) checkServerUrl(url, 'mcp_servers.url');
  checkReferences(fields.tools, fields.mcp_servers);
  return fields;
}

/**
 * Documented: the answer has the defaults filled in, the effort always: as given, else as stored, else the model's own
 * (choices.defaultEffort). The rest of a model is replaced as a whole.
 */
export function filledModel(
  given: z.output<typeof modelSchema>,
  stored?: AgentFields['model']['effort'],
): AgentFields['model'] {
  const model = typeof given === 'string' ? { id: given } : given;
  const filled: AgentFields['model'] = { id: model.id, speed: model.speed ?? 'standard' };
  const effort = model.effort ?? stored ?? 'high';
  filled.effort = typeof effort === 'string' ? { type: effort } : effort;
  if (model.inference_geo != null) filled.inference_geo = model.inference_geo;
  return filled;
}

/** Looks the skills up. Documented: the version defaults to latest (choices.skillReference). */
export function checkedSkills(skills: z.output<typeof skillsSchema>, workspace: Workspace): AgentFields['skills'] {
  const ids = skills.map(({ skill_id }) => skill_id);
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
  if (repeated !== undefined) throw invalidRequest(`skills: ${repeated} occurs more than once`);
  return skills.map(({ type, skill_id, version }) => {
    if (type === 'custom') {
      const skill = workspace.skills.find(skill_id);
      if (skill === undefined) throw notFound('skill', skill_id);
      if (version != null && version !== 'latest' && skill.versions.find(version) === undefined) {
        throw notFound('skill version', version);
      }
    }
    return { type, skill_id, version: version ?? 'latest' };
  });
}

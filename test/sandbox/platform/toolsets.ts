import type {
  BetaManagedAgentsAgent,
  BetaManagedAgentsAgentToolConfig,
  BetaManagedAgentsMCPServerURLDefinition,
} from '@anthropic-ai/sdk/resources/beta/agents/agents';
import { z } from 'zod';
import { chosenError, invalidRequest } from './api-error.ts';
import { choices } from './choices.ts';
import { text } from './schema.ts';

/** The tools of an agent with every default filled in. */
export type Tools = BetaManagedAgentsAgent['tools'];

/** A permission policy. */
export type Policy = { type: 'always_allow' | 'always_ask' | 'auto' };

/** The tools of the built-in toolset. */
export const builtinTools = ['bash', 'read', 'write', 'edit', 'glob', 'grep', 'web_fetch', 'web_search'] as const;

const toolLimit = 128;

const policy = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('always_allow') }),
  z.strictObject({ type: z.literal('always_ask') }),
  z.strictObject({ type: z.literal('auto') }),
]);

const switches = { enabled: z.boolean().nullish(), permission_policy: policy.nullish() };
const defaultConfig = z.strictObject(switches).nullish();

// Documented: 1 to 64 plain hostnames, not URLs.
const domains = z
  .array(z.string().regex(/^[a-z0-9.-]+$/i, 'expected a plain hostname'))
  .min(1)
  .max(64)
  .optional();
const domainLists = { allowed_domains: domains, blocked_domains: domains };

function builtinConfig<Name extends (typeof builtinTools)[number], Extra extends z.ZodRawShape>(
  name: Name,
  extra: Extra,
) {
  return z.strictObject({ name: z.literal(name), type: z.literal(name).optional(), ...switches, ...extra });
}

const builtinConfigs = z.discriminatedUnion('name', [
  builtinConfig('bash', {}),
  builtinConfig('read', {}),
  builtinConfig('write', {}),
  builtinConfig('edit', {}),
  builtinConfig('glob', {}),
  builtinConfig('grep', {}),
  builtinConfig('web_fetch', { ...domainLists, max_content_tokens: z.int().positive().nullish() }),
  builtinConfig('web_search', domainLists),
]);

const builtinToolset = z.strictObject({
  type: z.literal('agent_toolset_20260401'),
  default_config: defaultConfig,
  configs: z.array(builtinConfigs).default([]),
});

const mcpToolset = z.strictObject({
  type: z.literal('mcp_toolset'),
  mcp_server_name: text(1, 255),
  default_config: defaultConfig,
  configs: z.array(z.strictObject({ name: text(1, 128), ...switches })).default([]),
});

const customTool = z.strictObject({
  type: z.literal('custom'),
  name: text(1, 128).regex(/^[A-Za-z0-9_-]+$/, 'expected letters, digits, _ and -'),
  description: text(1, 100_000),
  input_schema: z.looseObject({
    type: z.literal('object'),
    properties: z.record(z.string(), z.unknown()).nullish(),
    required: z.array(z.string()).nullish(),
  }),
});

/** `tools` in a request. */
export const toolsSchema = z.array(z.discriminatedUnion('type', [builtinToolset, mcpToolset, customTool]));

/** `mcp_servers` in a request. Documented: up to 20, each with a name and a URL and nothing else. */
export const mcpServersSchema = z
  .array(z.strictObject({ type: z.literal('url'), name: text(1, 255), url: text(1, 2048) }))
  .max(20);

type ToolInput = z.output<typeof toolsSchema>[number];

/**
 * Fills in the defaults. Documented dangers: a built-in toolset starts with every tool on and always_allow, and an
 * MCP toolset with every tool of the server on, now or later, though always_ask.
 */
export function filledTools(tools: ToolInput[]): Tools {
  const filled = tools.map(filledTool);
  checkTools(filled);
  return filled;
}

function filledTool(tool: ToolInput): Tools[number] {
  if (tool.type === 'custom') {
    const { properties = null, required = null, ...rest } = tool.input_schema;
    return { ...tool, input_schema: { ...rest, properties, required } };
  }
  if (tool.type === 'agent_toolset_20260401') {
    const defaults = filledSwitches(tool.default_config, builtinDefaults);
    const configs = tool.configs.map((config) => filledBuiltinConfig(config, defaults));
    return { type: tool.type, default_config: defaults, configs };
  }
  const { type, mcp_server_name } = tool;
  const defaults = filledSwitches(tool.default_config, mcpDefaults);
  const configs = tool.configs.map((config) => ({ name: config.name, ...filledSwitches(config, defaults) }));
  return { type, mcp_server_name, default_config: defaults, configs };
}

const builtinDefaults: Switches = { enabled: true, permission_policy: { type: 'always_allow' } };
const mcpDefaults: Switches = { enabled: true, permission_policy: { type: 'always_ask' } };

interface Switches {
  enabled: boolean;
  permission_policy: Policy;
}

function filledSwitches(
  given: { enabled?: boolean | null | undefined; permission_policy?: Policy | null | undefined } | null | undefined,
  defaults: Switches,
): Switches {
  return {
    enabled: given?.enabled ?? defaults.enabled,
    permission_policy: given?.permission_policy ?? defaults.permission_policy,
  };
}

function filledBuiltinConfig(
  config: z.output<typeof builtinConfigs>,
  defaults: Switches,
): BetaManagedAgentsAgentToolConfig {
  const filled = { ...config, type: config.name, ...filledSwitches(config, defaults) };
  if ('allowed_domains' in config && config.allowed_domains && config.blocked_domains) {
    throw invalidRequest(`tools: ${config.name} takes allowed_domains or blocked_domains, not both`);
  }
  const complete = config.name === 'web_fetch' ? { ...filled, url_sources: null } : filled;
  // The spread loses which name goes with which type; the schema has already tied them together.
  return complete as BetaManagedAgentsAgentToolConfig;
}

function checkTools(tools: Tools): void {
  // choices.toolLimit
  const count = tools.reduce((sum, tool) => sum + (tool.type === 'custom' ? 1 : tool.configs.length), 0);
  if (count > toolLimit) throw chosenError(choices.toolLimit, `tools: at most ${toolLimit} tools`);
  refuseRepeated(tools.map(toolKey), 'tools');
  for (const tool of tools) {
    if (tool.type !== 'custom')
      refuseRepeated(
        tool.configs.map(({ name }) => name),
        'tools.configs',
      );
  }
}

function toolKey(tool: Tools[number]): string {
  if (tool.type === 'custom') return `custom tool ${tool.name}`;
  return tool.type === 'mcp_toolset' ? `mcp_toolset ${tool.mcp_server_name}` : tool.type;
}

function refuseRepeated(names: string[], field: string): void {
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw invalidRequest(`${field}: ${repeated} occurs more than once`);
}

/** Documented: every declared server needs an mcp_toolset, and every mcp_toolset a declared server. */
export function checkReferences(tools: Tools, servers: BetaManagedAgentsMCPServerURLDefinition[]): void {
  const declared = servers.map(({ name }) => name);
  const referenced = tools.flatMap((tool) => (tool.type === 'mcp_toolset' ? tool.mcp_server_name : []));
  refuseRepeated(declared, 'mcp_servers');
  const unused = declared.find((name) => !referenced.includes(name));
  if (unused !== undefined) throw invalidRequest(`mcp_servers: ${unused} is declared but no mcp_toolset refers to it`);
  const unknown = referenced.find((name) => !declared.includes(name));
  if (unknown !== undefined) throw invalidRequest(`tools: the mcp_toolset ${unknown} refers to no declared mcp_server`);
}

/** The switches that hold for one tool of an MCP server, or undefined when no toolset covers it. */
export function mcpToolSwitches(tools: Tools, server: string, name: string): Switches | undefined {
  for (const tool of tools) {
    if (tool.type === 'mcp_toolset' && tool.mcp_server_name === server) {
      return tool.configs.find((config) => config.name === name) ?? tool.default_config;
    }
  }
  return undefined;
}

/** The switches that hold for one built-in tool, or undefined when no toolset covers it. */
export function builtinToolSwitches(tools: Tools, name: string): Switches | undefined {
  for (const tool of tools) {
    if (tool.type === 'agent_toolset_20260401' && builtinTools.some((builtin) => builtin === name)) {
      return tool.configs.find((config) => config.name === name) ?? tool.default_config;
    }
  }
  return undefined;
}

let answers = 0;

/** Seen: tools and servers come back in arbitrary order, so it changes from one answer to the next. */
export function inArbitraryOrder<T>(items: readonly T[]): T[] {
  answers += 1;
  return answers % 3 === 0 ? [...items] : items.toReversed();
}

import type {
  BetaManagedAgentsAgentToolConfig,
  BetaManagedAgentsMCPServerURLDefinition,
} from '@anthropic-ai/sdk/resources/beta/agents/agents';
import type { z } from 'zod';
import { chosenError, invalidRequest } from './api-error.ts';
import { choices } from './choices.ts';
import type { builtinConfigs, toolsSchema } from './tool-schema.ts';
import type { Switches, Tools } from './tool-switches.ts';

const toolLimit = 128;

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

function filledSwitches(
  given:
    | { enabled?: boolean | null | undefined; permission_policy?: Switches['permission_policy'] | null | undefined }
    | null
    | undefined,
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

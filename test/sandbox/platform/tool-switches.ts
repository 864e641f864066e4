import type { BetaManagedAgentsAgent } from '@anthropic-ai/sdk/resources/beta/agents/agents';

/** The tools of an agent with every default filled in. */
export type Tools = BetaManagedAgentsAgent['tools'];

/** What an agent says about a tool. */
export interface Switches {
  enabled: boolean;
  permission_policy: { type: 'always_allow' | 'always_ask' | 'auto' };
}

const builtinTools = ['bash', 'read', 'write', 'edit', 'glob', 'grep', 'web_fetch', 'web_search'];

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
    if (tool.type === 'agent_toolset_20260401' && builtinTools.includes(name)) {
      return tool.configs.find((config) => config.name === name) ?? tool.default_config;
    }
  }
  return undefined;
}

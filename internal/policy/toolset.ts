/** Verdicts as the platform's toolsets, and toolsets as something that can be compared. */
import type { BuiltinTool, Configuration, Verdict } from '../config/definitions.ts';

/** A permission policy of the platform. */
export interface Policy {
  type: 'always_allow' | 'always_ask' | 'auto';
}

interface ToolConfig {
  name: string;
  enabled: true;
  permission_policy: Policy;
}

/** A built-in tool; only the web tools have domains. */
type BuiltinConfig = Omit<ToolConfig, 'name'> &
  ({ name: Exclude<BuiltinTool, WebTool> } | { name: WebTool; allowed_domains?: string[] });

type WebTool = 'web_fetch' | 'web_search';

/** Everything is off unless it is named: a tool that a server adds tomorrow stays off (P4). */
interface Closed {
  default_config: { enabled: false; permission_policy: Policy };
}

/** One toolset of an agent or session. */
export type Toolset =
  | (Closed & { type: 'mcp_toolset'; mcp_server_name: string; configs: ToolConfig[] })
  | (Closed & { type: 'agent_toolset_20260401'; configs: BuiltinConfig[] });

/** The servers and toolsets that carry out some verdicts. */
export interface Tooling {
  mcp_servers: { type: 'url'; name: string; url: string }[];
  tools: Toolset[];
}

/** One tool and how far it may go. */
export interface DecidedTool {
  service: string;
  tool: string;
  verdict: Verdict;
  /** The hosts that a web tool may reach, sorted; any, where nothing is said. */
  domains?: readonly string[];
}

const policyOf: Record<Exclude<Verdict, 'off'>, Policy> = {
  ask: { type: 'always_ask' },
  auto: { type: 'auto' },
  on: { type: 'always_allow' },
};

/**
 * Compiles verdicts: every toolset off by default, tools enabled one by one with their policy. A service without a
 * single open tool is left out with its server, so that its credential is never used.
 */
export function compileTooling(decided: readonly DecidedTool[], configuration: Configuration): Tooling {
  const open = decided.flatMap(({ service, tool, verdict, domains }) => {
    if (verdict === 'off') return [];
    const limit = domains === undefined ? {} : { allowed_domains: [...domains] };
    return [
      { service, config: { name: tool, enabled: true as const, permission_policy: policyOf[verdict], ...limit } },
    ];
  });
  const configsOf = (wanted: string) => open.filter(({ service }) => service === wanted).map(({ config }) => config);
  const closed = { enabled: false as const, permission_policy: policyOf.ask };
  const services = [...new Set(open.map(({ service }) => service))].filter((service) => service !== 'builtin').sort();
  const builtin = configsOf('builtin') as BuiltinConfig[];
  return {
    mcp_servers: services.map((name) => ({
      type: 'url',
      name,
      url: configuration.services.get(name)?.mcp_server_url ?? '',
    })),
    tools: [
      ...(builtin.length === 0
        ? []
        : [{ type: 'agent_toolset_20260401' as const, default_config: closed, configs: builtin }]),
      ...services.map((name) => ({
        type: 'mcp_toolset' as const,
        mcp_server_name: name,
        default_config: closed,
        configs: configsOf(name),
      })),
    ],
  };
}

/** Toolsets as the platform may answer them: in any order, with defaults filled in, perhaps of kinds we do not know. */
export type AnsweredToolset = { type: string } & object;

/**
 * A toolset list in a form where equal means the same permissions: one line per enabled tool and one per toolset,
 * sorted. A kind of tool that we do not know is kept whole, so that it can never pass unnoticed (P6).
 */
export function permissionLines(tools: readonly AnsweredToolset[]): string[] {
  return tools.flatMap(linesOf).sort();
}

function linesOf(toolset: AnsweredToolset): string[] {
  const {
    type,
    mcp_server_name: server,
    default_config: base,
    configs,
    ...rest
  } = toolset as Record<string, unknown> & AnsweredToolset;
  const name = type === 'mcp_toolset' ? String(server) : type === 'agent_toolset_20260401' ? 'builtin' : undefined;
  if (name === undefined || Object.keys(rest).length > 0) return [`unknown ${JSON.stringify(toolset)}`];
  const fallback = base as { enabled?: unknown; permission_policy?: Policy } | undefined;
  const entries = Array.isArray(configs) ? (configs as Record<string, unknown>[]) : [];
  const lines = entries.map(({ name: tool, type: kind = tool, enabled, permission_policy: policy, ...more }) => {
    const on = enabled !== false;
    // The platform repeats the name of a built-in tool as its type; anything else it says is a difference.
    const extra = Object.entries(kind === tool ? more : { type: kind, ...more })
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([key, value]) => [key, key === 'allowed_domains' && Array.isArray(value) ? value.toSorted() : value]);
    // Whether a tool is on has no default in an answer: not said, it equals nothing that is meant.
    if (typeof enabled !== 'boolean') extra.push(['enabled', 'not said']);
    return on
      ? `${name}/${String(tool)} ${(policy as Policy | undefined)?.type}${extra.length > 0 ? ` ${JSON.stringify(extra)}` : ''}`
      : undefined;
  });
  const opening = fallback?.enabled === false ? 'off' : `ON ${fallback?.permission_policy?.type}`;
  return [`${name} default ${opening}`, ...lines.filter((line) => line !== undefined)];
}

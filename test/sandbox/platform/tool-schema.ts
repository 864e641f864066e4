import { z } from 'zod';
import { text } from './schema.ts';

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

function builtinConfig<Name extends string, Extra extends z.ZodRawShape>(name: Name, extra: Extra) {
  return z.strictObject({ name: z.literal(name), type: z.literal(name).optional(), ...switches, ...extra });
}

/** `configs` of the built-in toolset; each tool has a shape of its own. */
export const builtinConfigs = z.discriminatedUnion('name', [
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

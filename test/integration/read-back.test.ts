/** Whatever was decided comes back from the platform as what was decided, and nothing beside it is on (P5, P6). */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Configuration } from '../../internal/config/definitions.ts';
import { compileTooling, type DecidedTool } from '../../internal/policy/toolset.ts';
import { sdkClient } from '../sandbox/platform/sdk-client.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';

let platform: PlatformSandbox;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform.close());

const services = ['notion', 'slack', 'linear'];
const configuration = {
  services: new Map(services.map((name) => [name, { mcp_server_url: `https://mcp.${name}.example/mcp` }])),
} as unknown as Configuration;

const verdict = fc.constantFrom('off' as const, 'ask' as const, 'auto' as const, 'on' as const);
const ofService = fc.record({
  service: fc.constantFrom(...services),
  tool: fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/),
  verdict,
});
const hosts = fc.uniqueArray(fc.constantFrom('docs.example.com', 'example.org', 'status.example.net'), {
  minLength: 1,
});
const builtin = fc
  .record({ tool: fc.constantFrom('bash', 'read', 'write', 'edit', 'glob', 'grep'), verdict })
  .map((one) => ({ service: 'builtin', ...one }));
const web = fc
  .record({ tool: fc.constantFrom('web_fetch', 'web_search'), verdict, domains: hosts })
  .map(({ domains, ...one }) => ({ service: 'builtin', ...one, domains: domains.sort() }));

const nameOf = ({ service, tool }: DecidedTool) => `${service}/${tool}`;
const decided = fc.uniqueArray(fc.oneof(ofService, builtin, web), { selector: nameOf, maxLength: 24 });

/** What an answered agent allows, read independently of the compiler. */
interface AnsweredToolset {
  type: string;
  mcp_server_name?: string;
  default_config?: { enabled?: boolean } | null;
  configs?: { name: string; enabled?: boolean; permission_policy?: { type: string }; allowed_domains?: string[] }[];
}

const verdictOf: Record<string, string> = { always_ask: 'ask', auto: 'auto', always_allow: 'on' };

function allowed(toolsets: readonly AnsweredToolset[]) {
  return toolsets.flatMap(({ type, mcp_server_name: server, default_config, configs }) => {
    expect(default_config?.enabled).toBe(false);
    return (configs ?? []).map(({ name, enabled, permission_policy: policy, allowed_domains: domains }) => {
      expect(enabled).toBe(true);
      const service = type === 'mcp_toolset' ? server : 'builtin';
      return { service, tool: name, verdict: verdictOf[policy?.type ?? ''], ...(domains?.length && { domains }) };
    });
  });
}

test('any verdicts, compiled and read back from the platform, are those verdicts', { timeout: 60_000 }, async () => {
  const client = sdkClient(platform);
  await fc.assert(
    fc.asyncProperty(decided, async (tools) => {
      const { id } = await client.beta.agents.create({
        name: 'a',
        model: 'claude-sonnet-5-5',
        ...compileTooling(tools, configuration),
      });
      const agent = await client.beta.agents.retrieve(id);
      const open = tools.filter((tool) => tool.verdict !== 'off');
      const found = allowed(agent.tools as unknown as AnsweredToolset[]);
      expect(new Map(found.map((tool) => [nameOf(tool as DecidedTool), tool]))).toEqual(
        new Map(open.map((tool) => [nameOf(tool), tool])),
      );
      expect(agent.mcp_servers.map(({ name }) => name).sort()).toEqual(
        [...new Set(open.map(({ service }) => service))].filter((service) => service !== 'builtin').sort(),
      );
    }),
    { numRuns: 150 },
  );
});

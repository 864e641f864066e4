import { existsSync, statSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfiguration } from '../../internal/config/load.ts';
import { connect } from './connect.ts';
import { callTool } from './services/call-tool.ts';
import { type Sandbox, startSandbox } from './start.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

it('writes a configuration that loads and points at itself', async () => {
  const configuration = await loadConfiguration(sandbox.environment['MAI_CONFIG'] ?? '');
  expect(configuration.interface.identity).toMatchObject({
    mode: 'sso',
    issuer: sandbox.identityProvider.issuer,
    client_id: sandbox.identityProvider.clientId,
  });
  for (const service of Object.values(sandbox.services)) {
    const definition = configuration.services.get(service.name);
    expect(definition?.mcp_server_url).toBe(service.mcpUrl);
    expect(definition?.authorization.issuers).toEqual([service.issuer]);
    const listed = Object.values(definition?.tools ?? {}).flat();
    expect(listed.sort()).toEqual(
      service
        .tools()
        .map(({ name }) => name)
        .sort(),
    );
  }
  expect([...configuration.agents.keys()].sort()).toEqual(['editor', 'support']);
});

it('keeps what is in the folder readable for another user', () => {
  expect(statSync(sandbox.folder).mode & 0o777).toBe(0o755);
});

it('gives a command what it needs to reach the platform', async () => {
  const { ANTHROPIC_BASE_URL: baseURL, ANTHROPIC_API_KEY: apiKey } = sandbox.environment;
  const client = new Anthropic({ baseURL: baseURL ?? null, apiKey: apiKey ?? null });
  expect((await client.beta.vaults.list()).data).toEqual([]);
});

it('does not mix with another sandbox of the same process', async () => {
  const other = await startSandbox();
  try {
    const { accessToken } = await connect(other.services.notion);
    await callTool(other.services.notion.mcpUrl, accessToken, 'notion-search', { query: 'x' });
    const here = callTool(sandbox.services.notion.mcpUrl, accessToken, 'notion-search', { query: 'x' });
    await expect(here).rejects.toThrow('invalid_token');
    expect(sandbox.services.notion.calls).toEqual([]);
    expect(sandbox.issuedSecrets()).not.toContain(accessToken);
    expect(other.issuedSecrets()).toContain(accessToken);
  } finally {
    await other.close();
  }
  expect(existsSync(other.folder)).toBe(false);
});

it('lets tokens grow old with its clock', async () => {
  const { accessToken } = await connect(sandbox.services.linear);
  sandbox.clock.advance(24 * 3600 * 1000);
  const call = callTool(sandbox.services.linear.mcpUrl, accessToken, 'list_issues');
  await expect(call).rejects.toThrow('invalid_token');
});

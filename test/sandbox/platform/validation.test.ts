import type Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { runningClock } from '../clock.ts';
import { type Connection, connect } from '../connect.ts';
import { startNotion } from '../services/notion.ts';
import type { SandboxService } from '../services/service.ts';
import { refusal, sdkClient } from './sdk-client.ts';
import { type PlatformSandbox, startPlatform } from './start.ts';

const clock = runningClock();
let notion: SandboxService;
let platform: PlatformSandbox;
let client: Anthropic;
let connection: Connection;
let vaultId: string;

beforeAll(async () => {
  notion = await startNotion(clock.now);
  platform = await startPlatform({ clock });
  client = sdkClient(platform);
});
afterAll(async () => {
  await platform.close();
  await notion.close();
});
beforeEach(async () => {
  notion.control.behave();
  connection = await connect(notion);
  vaultId = (await client.beta.vaults.create({ display_name: 'Ada' })).id;
});

function refreshOf({ clientId, tokenEndpoint, refreshToken, resource }: Connection) {
  return {
    client_id: clientId,
    token_endpoint: tokenEndpoint,
    refresh_token: refreshToken,
    token_endpoint_auth: { type: 'none' as const },
    resource,
  };
}

async function store(more: object = {}): Promise<string> {
  const auth = {
    type: 'mcp_oauth' as const,
    mcp_server_url: connection.mcpUrl,
    access_token: connection.accessToken,
    ...more,
  };
  return (await client.beta.vaults.credentials.create(vaultId, { auth })).id;
}

const validate = (id: string) => client.beta.vaults.credentials.mcpOAuthValidate(id, { vault_id: vaultId });

it('finds a live token valid', async () => {
  const id = await store();
  expect(await validate(id)).toEqual({
    type: 'vault_credential_validation',
    credential_id: id,
    vault_id: vaultId,
    validated_at: expect.any(String),
    has_refresh_token: false,
    status: 'valid',
    mcp_probe: null,
    refresh: null,
  });
});

it('finds a refused token invalid when there is no refresh token, and shows what the server said', async () => {
  const id = await store({ access_token: 'made-up' });
  expect(await validate(id)).toMatchObject({
    status: 'invalid',
    mcp_probe: { method: 'initialize', http_response: { status_code: 401, body_truncated: false } },
    refresh: { status: 'no_refresh_token', http_response: null },
  });
});

it('refreshes after a 401 and stores what comes back, the rotated refresh token too', async () => {
  const id = await store({ access_token: 'made-up', refresh: refreshOf(connection) });
  const refreshes = notion.counters.refreshes;
  expect(await validate(id)).toMatchObject({
    status: 'valid',
    has_refresh_token: true,
    mcp_probe: null,
    refresh: { status: 'succeeded', http_response: null },
  });
  expect(notion.counters.refreshes).toBe(refreshes + 1);
  const stored = platform.control.peek.secrets(id);
  expect(stored?.access_token).not.toBe('made-up');
  expect(stored?.refresh_token).not.toBe(connection.refreshToken);
  const { auth } = await client.beta.vaults.credentials.retrieve(id, { vault_id: vaultId });
  expect(Date.parse((auth as { expires_at: string }).expires_at)).toBeGreaterThan(clock.now());
  expect(await validate(id)).toMatchObject({ status: 'valid', refresh: null });
});

it('shares one exchange between validations at the same time, so that a rotating token is spent once', async () => {
  const id = await store({ access_token: 'made-up', refresh: refreshOf(connection) });
  const refreshes = notion.counters.refreshes;
  const verdicts = await Promise.all([validate(id), validate(id), validate(id)]);
  expect(verdicts.map(({ status }) => status)).toEqual(['valid', 'valid', 'valid']);
  expect(notion.counters.refreshes).toBe(refreshes + 1);
});

it('reports a failed refresh with the answer, without the secrets in it', async () => {
  const id = await store({ access_token: 'made-up', refresh: refreshOf(connection) });
  notion.control.failTokenEndpoint({ status: 400, body: { error: 'invalid_grant', sent: connection.refreshToken } });
  const verdict = await validate(id);
  expect(verdict).toMatchObject({
    status: 'invalid',
    mcp_probe: { method: 'initialize' },
    refresh: { status: 'failed', http_response: { status_code: 400 } },
  });
  expect(verdict.refresh?.http_response?.body).toContain('[scrubbed]');
  expect(JSON.stringify(verdict)).not.toContain(connection.refreshToken);
});

it('reports an unreachable token endpoint', async () => {
  const refresh = { ...refreshOf(connection), token_endpoint: 'http://127.0.0.1:9/token' };
  const id = await store({ access_token: 'made-up', refresh });
  expect(await validate(id)).toMatchObject({ status: 'invalid', refresh: { status: 'connect_error' } });
});

it('cannot tell when the server does not answer', async () => {
  const id = await store({ mcp_server_url: 'http://127.0.0.1:9/mcp' });
  expect(await validate(id)).toMatchObject({
    status: 'unknown',
    mcp_probe: { method: 'initialize', http_response: null },
    refresh: null,
  });
});

it('validates nothing but active mcp_oauth credentials', async () => {
  const auth = { type: 'static_bearer' as const, mcp_server_url: connection.mcpUrl, token: connection.accessToken };
  const { id } = await client.beta.vaults.credentials.create(vaultId, { auth });
  expect(await refusal(validate(id))).toMatchObject({ status: 400 });
  await client.beta.vaults.credentials.archive(id, { vault_id: vaultId });
  const archived = await store();
  await client.beta.vaults.credentials.archive(archived, { vault_id: vaultId });
  expect(await refusal(validate(archived))).toMatchObject({ status: 400 });
});

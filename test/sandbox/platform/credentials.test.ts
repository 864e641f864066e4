import type Anthropic from '@anthropic-ai/sdk';
import type { CredentialCreateParams } from '@anthropic-ai/sdk/resources/beta/vaults/credentials';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { standingClock } from '../clock.ts';
import { refusal, sdkClient } from './sdk-client.ts';
import { type PlatformSandbox, startPlatform } from './start.ts';

const clock = standingClock('2026-11-22T10:00:00Z');
const serverUrl = 'https://mcp.example.com/mcp';
let platform: PlatformSandbox;
let client: Anthropic;
let vaultId: string;

beforeAll(async () => {
  platform = await startPlatform({ clock });
  client = sdkClient(platform);
});
afterAll(() => platform.close());
beforeEach(async () => {
  clock.set('2026-11-22T10:00:00Z');
  vaultId = (await client.beta.vaults.create({ display_name: 'Ada' })).id;
});

type Auth = CredentialCreateParams['auth'];

const bearer: Auth = { type: 'static_bearer', mcp_server_url: serverUrl, token: 'hidden-token' };

const oauth = {
  type: 'mcp_oauth',
  mcp_server_url: serverUrl,
  access_token: 'hidden-access',
  expires_at: '2026-11-22T12:00:00+01:00',
  refresh: {
    client_id: 'client',
    token_endpoint: 'https://auth.example.com/token',
    refresh_token: 'hidden-refresh',
    token_endpoint_auth: { type: 'client_secret_post', client_secret: 'hidden-secret' },
    scope: 'read',
    resource: serverUrl,
  },
} as const satisfies Auth;

const variable = {
  type: 'environment_variable',
  secret_name: 'API_KEY',
  secret_value: 'hidden-value',
  networking: { type: 'limited', allowed_hosts: ['api.example.com', '*.example.org', '192.0.2.1'] },
} as const satisfies Auth;

const create = (auth: unknown, more: object = {}) =>
  client.beta.vaults.credentials.create(vaultId, { auth: auth as Auth, ...more });

const update = (id: string, auth: unknown) =>
  client.beta.vaults.credentials.update(id, { vault_id: vaultId, auth: auth as never });

it('never returns a secret, whatever the call', async () => {
  const answers: unknown[] = [];
  for (const auth of [bearer, { ...oauth, mcp_server_url: 'https://other.example.com' }, variable]) {
    const credential = await create(auth, { display_name: 'Hidden', metadata: { account: 'ada' } });
    answers.push(credential);
    const params = { vault_id: vaultId };
    answers.push(await client.beta.vaults.credentials.retrieve(credential.id, params));
    answers.push(await client.beta.vaults.credentials.update(credential.id, { ...params, display_name: 'Renamed' }));
    answers.push(await client.beta.vaults.credentials.list(vaultId));
    answers.push(await client.beta.vaults.credentials.archive(credential.id, params));
  }
  expect(JSON.stringify(answers)).not.toContain('hidden');
});

it('shows everything else about an mcp_oauth credential', async () => {
  const { auth } = await create(oauth);
  expect(auth).toEqual({
    type: 'mcp_oauth',
    mcp_server_url: serverUrl,
    expires_at: '2026-11-22T11:00:00.000Z',
    refresh: {
      client_id: 'client',
      token_endpoint: 'https://auth.example.com/token',
      token_endpoint_auth: { type: 'client_secret_post' },
      scope: 'read',
      resource: serverUrl,
    },
  });
});

it('leaves expires_at and refresh out when they are not known', async () => {
  const { auth } = await create({ type: 'mcp_oauth', mcp_server_url: serverUrl, access_token: 'x' });
  expect(auth).toEqual({ type: 'mcp_oauth', mcp_server_url: serverUrl });
});

it('takes one active credential per server URL over both MCP types, however the URL is written', async () => {
  const { id } = await create(bearer);
  const again = await refusal(create({ ...oauth, mcp_server_url: 'HTTPS://mcp.example.com:443/mcp/' }));
  expect(again).toMatchObject({ status: 409, type: 'conflict_error' });
  await client.beta.vaults.credentials.archive(id, { vault_id: vaultId });
  const second = await create(oauth);
  await client.beta.vaults.credentials.delete(second.id, { vault_id: vaultId });
  await create(bearer);
});

it('takes one active credential per secret name', async () => {
  await create(variable);
  expect(await refusal(create(variable))).toMatchObject({ status: 409 });
});

it('is asked three times by the SDK for a duplicate, since it repeats a 409', async () => {
  await create(bearer);
  platform.control.log.reset();
  const patient = client.withOptions({ maxRetries: 2 });
  await refusal(patient.beta.vaults.credentials.create(vaultId, { auth: bearer }));
  expect(platform.control.log.entries.map(({ retry }) => retry)).toEqual([0, 1, 2]);
});

it('holds at most 20 credentials, archived ones included', async () => {
  for (let index = 0; index < 20; index += 1) {
    const { id } = await create({ ...bearer, mcp_server_url: `${serverUrl}/${index}` });
    if (index === 0) await client.beta.vaults.credentials.archive(id, { vault_id: vaultId });
  }
  expect(await refusal(create(bearer))).toMatchObject({ status: 400 });
});

it.each([
  ['an expiry in the past', { ...oauth, expires_at: '2026-11-22T10:00:00Z' }, 'auth.expires_at'],
  ['plain http', { ...bearer, mcp_server_url: 'http://mcp.example.com' }, 'auth.mcp_server_url'],
  ['no token', { type: 'static_bearer', mcp_server_url: serverUrl }, 'auth.token'],
  ['an unknown field', { ...bearer, header: 'x' }, 'auth.header'],
  ['an unknown type', { type: 'basic' }, 'auth.type'],
  ['a secret without a type that has one', withClientAuth({ type: 'none', client_secret: 'x' }), undefined],
  ['a type without its secret', withClientAuth({ type: 'client_secret_basic' }), undefined],
  ['no networking', { ...variable, networking: undefined }, 'auth.networking'],
  ['a URL as host', withHosts(['https://example.com']), 'auth.networking.allowed_hosts.0'],
  ['a port', withHosts(['example.com:80']), 'auth.networking.allowed_hosts.0'],
  ['17 hosts', withHosts(Array.from({ length: 17 }, (_, i) => `h${i}.com`)), 'auth.networking.allowed_hosts'],
  ['no injection', { ...variable, injection_location: { header: false } }, 'auth.injection_location'],
  ['null injection', { ...variable, injection_location: null }, 'auth.injection_location'],
  ['a strange name', { ...variable, secret_name: '1-A' }, 'auth.secret_name'],
])('refuses %s', async (_name, auth, field) => {
  const { status, message } = await refusal(create(auth));
  expect(status).toBe(400);
  if (field !== undefined) expect(message.split(':')[0]).toBe(field);
  expect(message).not.toContain('hidden');
});

function withClientAuth(token_endpoint_auth: object) {
  return { ...oauth, refresh: { ...oauth.refresh, token_endpoint_auth } };
}

function withHosts(allowed_hosts: string[]) {
  return { ...variable, networking: { type: 'limited', allowed_hosts } };
}

it('puts a secret into headers and bodies unless told where', async () => {
  const everywhere = await create(variable);
  expect(everywhere.auth).toMatchObject({ injection_location: { header: true, body: true } });
  const merged = await update(everywhere.id, { type: 'environment_variable', injection_location: { body: false } });
  expect(merged.auth).toMatchObject({ injection_location: { header: true, body: false } });
  const none = update(everywhere.id, { type: 'environment_variable', injection_location: { header: false } });
  expect(await refusal(none)).toMatchObject({ status: 400 });
  const headerOnly = await create({ ...variable, secret_name: 'B', injection_location: { header: true } });
  expect(headerOnly.auth).toMatchObject({ injection_location: { header: true, body: false } });
});

it('keeps the old expiry when only the token is replaced', async () => {
  const { id } = await create(oauth);
  const { auth } = await update(id, { type: 'mcp_oauth', access_token: 'hidden-new' });
  expect(auth).toMatchObject({ expires_at: '2026-11-22T11:00:00.000Z' });
  expect(platform.control.peek.secrets(id)).toEqual({
    access_token: 'hidden-new',
    refresh_token: 'hidden-refresh',
    client_secret: 'hidden-secret',
  });
});

it('replaces the parts of refresh that may change, and keeps the stored kind of client authentication', async () => {
  const { id } = await create(oauth);
  const { auth } = await update(id, {
    type: 'mcp_oauth',
    refresh: {
      refresh_token: 'r2',
      scope: '',
      token_endpoint_auth: { type: 'client_secret_basic', client_secret: 's2' },
    },
  });
  expect(auth).toMatchObject({ refresh: { token_endpoint_auth: { type: 'client_secret_post' } } });
  expect(auth).not.toHaveProperty('refresh.scope');
  expect(platform.control.peek.secrets(id)).toMatchObject({ refresh_token: 'r2', client_secret: 's2' });
});

it.each([
  ['the server', { type: 'mcp_oauth', mcp_server_url: 'https://evil.example.com' }],
  ['the token endpoint', { type: 'mcp_oauth', refresh: { token_endpoint: 'https://evil.example.com' } }],
  ['the client', { type: 'mcp_oauth', refresh: { client_id: 'x' } }],
  ['the resource', { type: 'mcp_oauth', refresh: { resource: 'x' } }],
  ['the type', { type: 'static_bearer', token: 'x' }],
])('does not change %s', async (_name, auth) => {
  const { id } = await create(oauth);
  expect(await refusal(update(id, auth))).toMatchObject({ status: 400 });
});

it('gives no secret to a public client and no refresh to a credential without one', async () => {
  const { id } = await create(withClientAuth({ type: 'none' }));
  const secret = { refresh: { token_endpoint_auth: { type: 'client_secret_post', client_secret: 'x' } } };
  expect(await refusal(update(id, { type: 'mcp_oauth', ...secret }))).toMatchObject({ status: 400 });
  const plain = await create({ type: 'mcp_oauth', mcp_server_url: 'https://b.example.com', access_token: 'x' });
  const refresh = update(plain.id, { type: 'mcp_oauth', refresh: { refresh_token: 'x' } });
  expect(await refusal(refresh)).toMatchObject({ status: 400 });
});

it('purges the secrets of an archived credential and keeps its record', async () => {
  const { id } = await create(bearer);
  expect(platform.control.peek.secrets(id)).toEqual({ token: 'hidden-token' });
  await client.beta.vaults.credentials.archive(id, { vault_id: vaultId });
  expect(platform.control.peek.secrets(id)).toEqual({});
  const params = { vault_id: vaultId };
  expect((await client.beta.vaults.credentials.retrieve(id, params)).auth).toMatchObject({ mcp_server_url: serverUrl });
  expect((await client.beta.vaults.credentials.list(vaultId)).data).toEqual([]);
  expect((await client.beta.vaults.credentials.list(vaultId, { include_archived: true })).data).toHaveLength(1);
  expect(await refusal(update(id, { type: 'static_bearer', token: 'x' }))).toMatchObject({ status: 400 });
  expect(await refusal(client.beta.vaults.credentials.archive(id, params))).toMatchObject({ status: 400 });
});

it('archives credentials with their vault, and takes no more there', async () => {
  const { id } = await create(bearer);
  await client.beta.vaults.archive(vaultId);
  expect(platform.control.peek.secrets(id)).toEqual({});
  const archived = await client.beta.vaults.credentials.retrieve(id, { vault_id: vaultId });
  expect(archived.archived_at).not.toBeNull();
  expect(await refusal(create(variable))).toMatchObject({ status: 400 });
});

it('deletes credentials, with their vault too', async () => {
  const params = { vault_id: vaultId };
  const { id } = await create(bearer);
  const deleted = await client.beta.vaults.credentials.delete(id, params);
  expect(deleted).toEqual({ id, type: 'vault_credential_deleted' });
  expect(await refusal(client.beta.vaults.credentials.retrieve(id, params))).toMatchObject({ status: 404 });
  const other = await create(bearer);
  await client.beta.vaults.delete(vaultId);
  expect(platform.control.peek.secrets(other.id)).toBeUndefined();
  expect(await refusal(client.beta.vaults.credentials.list(vaultId))).toMatchObject({ status: 404 });
});

it('finds a credential only in its own vault', async () => {
  const { id } = await create(bearer);
  const other = await client.beta.vaults.create({ display_name: 'other' });
  const strayed = client.beta.vaults.credentials.retrieve(id, { vault_id: other.id });
  expect(await refusal(strayed)).toMatchObject({ status: 404 });
});

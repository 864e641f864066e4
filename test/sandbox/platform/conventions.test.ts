import { afterAll, beforeAll, expect, it } from 'vitest';
import { refusal, sdkClient } from './sdk-client.ts';
import { type PlatformSandbox, startPlatform } from './start.ts';

let platform: PlatformSandbox;

beforeAll(async () => {
  const extraKeys = [{ apiKey: 'same-workspace-key' }, { apiKey: 'other-workspace-key', workspaceId: 'wrkspc_other' }];
  platform = await startPlatform({ extraKeys });
});
afterAll(() => platform.close());

/** Sends a request by hand, with everything in order unless told otherwise. */
async function send(line: string, init: { headers?: Record<string, string | undefined>; body?: string } = {}) {
  const [method = 'GET', path = '/'] = line.split(' ');
  const headers = new Headers();
  const given = {
    'x-api-key': platform.apiKey,
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'managed-agents-2026-04-01',
    'content-type': 'application/json',
    ...init.headers,
  };
  for (const [name, value] of Object.entries(given)) if (value !== undefined) headers.set(name, value);
  const response = await fetch(`${platform.baseUrl}${path}`, {
    method,
    headers,
    ...(init.body === undefined ? {} : { body: init.body }),
  });
  const body = (await response.json()) as { error?: { type: string; message: string }; request_id?: string };
  return { status: response.status, headers: response.headers, body };
}

it('listens on loopback only', () => {
  expect(new URL(platform.baseUrl).hostname).toBe('127.0.0.1');
});

it('takes the key as x-api-key and as bearer token', async () => {
  expect((await send('GET /v1/vaults')).status).toBe(200);
  const bearer = { 'x-api-key': undefined, authorization: `Bearer ${platform.apiKey}` };
  expect((await send('GET /v1/vaults', { headers: bearer })).status).toBe(200);
});

it('refuses a missing and an unknown key', async () => {
  expect((await send('GET /v1/vaults', { headers: { 'x-api-key': undefined } })).status).toBe(401);
  const wrong = await refusal(sdkClient({ ...platform, apiKey: 'wrong' }).beta.vaults.list());
  expect(wrong).toMatchObject({ status: 401, type: 'authentication_error' });
});

it('answers errors in the documented shape, with ids that the SDK finds', async () => {
  const { body, headers } = await send('GET /v1/vaults/vlt_nobody');
  expect(body).toEqual({
    type: 'error',
    error: { type: 'not_found_error', message: 'vault vlt_nobody not found' },
    request_id: headers.get('request-id'),
  });
  const error = await sdkClient(platform)
    .beta.vaults.retrieve('vlt_nobody')
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ requestID: expect.stringMatching(/^req_/), workspaceID: platform.workspaceId });
});

it('keeps workspaces apart', async () => {
  const { id } = await sdkClient(platform).beta.vaults.create({ display_name: 'mine' });
  const other = sdkClient({ ...platform, apiKey: 'other-workspace-key' });
  expect(await refusal(other.beta.vaults.retrieve(id))).toMatchObject({
    status: 404,
    message: `vault ${id} not found`,
  });
  const same = sdkClient({ ...platform, apiKey: 'same-workspace-key' });
  expect((await same.beta.vaults.retrieve(id)).id).toBe(id);
});

it('refuses the header of a workspace that is not the one of the key', async () => {
  const vaults = sdkClient(platform).beta.vaults;
  expect(await refusal(vaults.list({ workspace_id: 'wrkspc_other' }))).toMatchObject({ status: 403 });
  expect((await vaults.list({ workspace_id: platform.workspaceId })).data).toBeDefined();
});

it('needs the beta header, hides streams and threads without it, and does not ask for it on skills', async () => {
  const headers = { 'anthropic-beta': undefined };
  expect((await send('GET /v1/vaults', { headers })).status).toBe(400);
  expect((await send('GET /v1/sessions/sesn_1/events/stream', { headers })).status).toBe(404);
  expect((await send('GET /v1/sessions/sesn_1/threads', { headers })).status).toBe(404);
  expect((await send('GET /v1/skills', { headers })).status).toBe(200);
});

it('refuses an unknown beta value by name and takes several known ones', async () => {
  const unknown = await send('GET /v1/vaults', { headers: { 'anthropic-beta': 'managed-agents-2026-04-01,dream-1' } });
  expect(unknown.status).toBe(400);
  expect(unknown.body.error?.message).toContain('dream-1');
  const known = 'oauth-2025-04-20, managed-agents-2026-04-01';
  expect((await send('GET /v1/vaults', { headers: { 'anthropic-beta': known } })).status).toBe(200);
});

it('refuses an unknown version of the API', async () => {
  expect((await send('GET /v1/vaults', { headers: { 'anthropic-version': '2020-01-01' } })).status).toBe(400);
});

it('names an unknown field and an unknown query parameter', async () => {
  const field = await send('POST /v1/vaults', { body: '{"display_name":"a","owner":"me"}' });
  expect(field).toMatchObject({ status: 400, body: { error: { message: 'owner: unknown field' } } });
  const parameter = await send('GET /v1/vaults?owner=me');
  expect(parameter).toMatchObject({ status: 400, body: { error: { message: 'owner: unknown field' } } });
  expect((await send('GET /v1/vaults?beta=true')).status).toBe(200);
  expect((await send('GET /v1/vaults?limit=1&limit=2')).status).toBe(400);
});

it.each([
  ['{"display_name":', 'the body is not valid JSON'],
  ['[]', 'expected object, received array'],
  ['null', 'display_name: expected string, received undefined'],
])('refuses the body %s', async (body, message) => {
  expect(await send('POST /v1/vaults', { body })).toMatchObject({ status: 400, body: { error: { message } } });
});

it('refuses a body of another content type', async () => {
  const headers = { 'content-type': 'text/plain' };
  expect((await send('POST /v1/vaults', { headers, body: '{"display_name":"a"}' })).status).toBe(400);
});

it('refuses a body over 32 MB', async () => {
  const body = JSON.stringify({ display_name: 'x'.repeat(32 * 1024 * 1024) });
  expect(await send('POST /v1/vaults', { body })).toMatchObject({
    status: 413,
    body: { error: { type: 'request_too_large' } },
  });
});

it('knows no PATCH, no delete of agents and no other endpoints', async () => {
  expect((await send('PATCH /v1/vaults/vlt_1', { body: '{}' })).status).toBe(405);
  expect((await send('DELETE /v1/agents/agent_0123456789')).status).toBe(404);
  expect((await send('GET /v1/messages')).status).toBe(404);
  expect((await send('GET /v1/vaults/%E0%A4%A')).status).toBe(404);
});

it('refuses cursors that it did not issue for this list', async () => {
  platform.control.seedVaults(3);
  const page = await sdkClient(platform).beta.vaults.list({ limit: 1 });
  const cursor = page.next_page ?? '';
  expect(cursor).toMatch(/^page_/);
  expect((await send(`GET /v1/vaults?page=${cursor}`)).status).toBe(200);
  expect((await send(`GET /v1/agents?page=${cursor}`)).status).toBe(400);
  expect((await send('GET /v1/vaults?page=page_x')).status).toBe(400);
});

const trace = 'ab'.repeat(16);

it.each([
  ['no version', { traceparent: `${trace}-${'cd'.repeat(8)}-01` }],
  ['another version', { traceparent: `01-${trace}-${'cd'.repeat(8)}-01` }],
  ['capitals', { traceparent: `00-${trace.toUpperCase()}-${'cd'.repeat(8)}-01` }],
  ['an id of zeros', { traceparent: `00-${'0'.repeat(32)}-${'cd'.repeat(8)}-01` }],
  ['something behind it', { traceparent: `00-${trace}-${'cd'.repeat(8)}-01-x` }],
  ['baggage', { baggage: 'user=ada' }],
])('refuses a trace context with %s', async (_name, headers) => {
  expect((await send('GET /v1/vaults', { headers })).status).toBe(400);
});

it('keeps the trace of a request in the log', async () => {
  await send('GET /v1/vaults', { headers: { traceparent: `00-${trace}-${'cd'.repeat(8)}-00` } });
  expect(platform.control.log.entries.at(-1)?.trace).toBe(trace);
});

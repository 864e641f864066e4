import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { connect } from '../connect.ts';
import { callTool } from './call-tool.ts';
import { type LinearService, startLinear } from './linear.ts';
import { authorizeUrl, postJson } from './requests.ts';

let linear: LinearService;

beforeAll(async () => {
  linear = await startLinear(Date.now);
});
afterAll(() => linear.close());
beforeEach(() => linear.clientDocument.tamper());

it('asks for read and write in its challenge and announces client metadata documents', async () => {
  const challenge = (await postJson(linear.mcpUrl, {})).headers.get('www-authenticate');
  expect(challenge).toContain('scope="read write"');
  const metadata = await fetch(`${linear.issuer}/.well-known/oauth-authorization-server`);
  expect(await metadata.json()).toMatchObject({ client_id_metadata_document_supported: true });
});

it('takes a client that is nothing but the address of its own document', async () => {
  const { accessToken, clientId } = await connect(linear, { person: 'linus' });
  expect(clientId).toBe(linear.clientDocument.url);
  expect(linear.clientDocument.fetches()).toBeGreaterThan(0);
  expect(await callTool(linear.mcpUrl, accessToken, 'get_user', { query: 'me' })).toEqual({
    user: { name: 'Linus Pauling', email: 'linus@example.test' },
    workspace: { name: "Linus's Linear" },
  });
});

it.each([
  ['names another client', { client_id: 'http://127.0.0.1:9/other.json' }],
  ['has no name', { client_name: undefined }],
  ['has no redirect URIs', { redirect_uris: [] }],
  ['publishes a secret', { client_secret: 'not so secret' }],
  ['wants to authenticate with a secret', { token_endpoint_auth_method: 'client_secret_post' }],
])('refuses a document that %s', async (_, change) => {
  linear.clientDocument.tamper((honest) => ({ ...honest, ...change }));
  const response = await fetch(authorizeUrl(linear, linear.clientDocument.url), { redirect: 'manual' });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('invalid_client');
});

it.each([['https://example.test/client.json'], ['http://127.0.0.1:9/'], ['not a url']])(
  'does not go and fetch %s',
  async (clientId) => {
    const response = await fetch(authorizeUrl(linear, clientId), { redirect: 'manual' });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('invalid_client');
  },
);

it('refuses a redirect URI that is not in the document', async () => {
  const url = authorizeUrl(linear, linear.clientDocument.url, { redirect_uri: 'http://127.0.0.1:9/elsewhere' });
  const response = await fetch(url, { redirect: 'manual' });
  expect(await response.text()).toContain('invalid_redirect_uri');
});

it('lets a token for reading read, and refuses it when it would write', async () => {
  const { accessToken, scope } = await connect(linear, { scope: 'read' });
  expect(scope).toBe('read');
  await callTool(linear.mcpUrl, accessToken, 'list_issues');

  const save = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'save_issue', arguments: { title: 'x' } },
  };
  const response = await postJson(linear.mcpUrl, save, { authorization: `Bearer ${accessToken}` });
  expect(response.status).toBe(403);
  const challenge = response.headers.get('www-authenticate');
  expect(challenge).toContain('error="insufficient_scope"');
  expect(challenge).toContain('scope="write"');
  expect(linear.calls.map(({ tool }) => tool)).not.toContain('save_issue');
  expect(linear.mcpRequests.insufficientScope).toBe(1);
});

it('writes with both scopes', async () => {
  const { accessToken } = await connect(linear, { person: 'grace' });
  await callTool(linear.mcpUrl, accessToken, 'save_issue', { title: 'x' });
  expect(linear.calls.at(-1)).toMatchObject({ account: 'grace', tool: 'save_issue', arguments: { title: 'x' } });
});

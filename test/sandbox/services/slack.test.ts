import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../connect.ts';
import { callTool } from './call-tool.ts';
import { authorizeUrl, jsonIn, postForm, postJson } from './requests.ts';
import type { SandboxService } from './service.ts';
import { startSlack } from './slack.ts';

let slack: SandboxService;
let client: { clientId: string; redirectUri: string };

beforeAll(async () => {
  slack = await startSlack(Date.now);
  if (slack.registration.kind !== 'pre-registered') throw new Error('the client is not registered beforehand');
  client = slack.registration;
});
afterAll(() => slack.close());

it('calls the bare origin the resource, at the root form of the metadata only', async () => {
  const challenge = (await postJson(slack.mcpUrl, {})).headers.get('www-authenticate');
  expect(challenge).toBe('Bearer realm="Slack"');
  const pathForm = await fetch(`${slack.issuer}/.well-known/oauth-protected-resource/mcp`, { redirect: 'manual' });
  expect(pathForm.status).toBe(302);
  expect(new URL(pathForm.headers.get('location') ?? '').origin).not.toBe(slack.issuer);
  const root = await fetch(`${slack.issuer}/.well-known/oauth-protected-resource`);
  expect(await root.json()).toMatchObject({ resource: slack.issuer, authorization_servers: [slack.issuer] });
});

it('offers no registration', async () => {
  expect((await postJson(`${slack.issuer}/register`, { redirect_uris: [client.redirectUri] })).status).toBe(404);
});

it('calls tools as the person who connected', async () => {
  const { accessToken } = await connect(slack, { person: 'grace' });
  expect(await callTool(slack.mcpUrl, accessToken, 'slack_read_user_profile')).toEqual({
    user: { name: 'Grace Hopper', email: 'grace@example.test' },
    workspace: { name: "Grace's Slack" },
  });
});

it('answers a code with a nested token and a refresh with a flat one', async () => {
  let answer = {};
  slack.control.tamperTokenResponse((honest) => {
    answer = honest;
    return honest;
  });
  const { clientId, refreshToken, tokenEndpoint } = await connect(slack, { scope: 'users:read chat:write' });
  const user = { token_type: 'user', scope: 'users:read,chat:write', expires_in: 43_200 };
  expect(answer).toEqual({
    ok: true,
    authed_user: { ...user, access_token: expect.any(String), refresh_token: refreshToken },
  });
  const refreshed = await postForm(tokenEndpoint, {
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: refreshToken,
  });
  expect(await jsonIn(refreshed)).toMatchObject({ ok: true, ...user, access_token: expect.any(String) });
  slack.control.behave();
});

it('answers an error with status 200', async () => {
  const response = await postForm(slack.tokenEndpoint, {
    grant_type: 'authorization_code',
    client_id: client.clientId,
    code: 'no such code',
    code_verifier: 'x'.repeat(43),
    redirect_uri: client.redirectUri,
    resource: slack.resource,
  });
  expect([response.status, await jsonIn(response)]).toEqual([200, { ok: false, error: 'invalid_grant' }]);
});

it('refuses a token that lacks the scope of the tool', async () => {
  const { accessToken } = await connect(slack, { scope: 'users:read' });
  const send = callTool(slack.mcpUrl, accessToken, 'slack_send_message', { channel: 'general', text: 'hello' });
  await expect(send).rejects.toThrow('insufficient_scope');
  expect(slack.calls.filter(({ tool }) => tool === 'slack_send_message')).toEqual([]);
});

describe('an authorization request', () => {
  const ask = (changes: Record<string, string | undefined>) =>
    fetch(authorizeUrl(slack, client.clientId, { redirect_uri: client.redirectUri, ...changes }), {
      redirect: 'manual',
    });

  it('must name the exact redirect URI, port included', async () => {
    const { port } = new URL(client.redirectUri);
    for (const redirectUri of [
      client.redirectUri.replace(port, String(Number(port) - 1)),
      `${client.redirectUri}/`,
      client.redirectUri.replace('127.0.0.1', 'localhost'),
    ]) {
      const response = await ask({ redirect_uri: redirectUri, scope: 'users:read' });
      expect(response.status).toBe(400);
      expect(await response.text()).toContain('invalid_redirect_uri');
    }
  });

  it.each([undefined, 'users:read admin'])('must name declared scopes: %s', async (scope) => {
    const response = await ask({ scope });
    expect(new URL(response.headers.get('location') ?? '').searchParams.get('error')).toBe('invalid_scope');
  });
});

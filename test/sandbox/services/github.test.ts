import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../authorization/control.ts';
import { type Clock, runningClock } from '../clock.ts';
import { connect } from '../connect.ts';
import { visit } from '../visit.mjs';
import { callTool } from './call-tool.ts';
import { type GitHubService, startGitHub } from './github.ts';
import { authorizeUrl, jsonIn, postForm, postJson } from './requests.ts';

let clock: Clock;
let github: GitHubService;
let client: { client_id: string; client_secret: string };

beforeAll(async () => {
  clock = runningClock();
  github = await startGitHub(clock.now);
  const { registration } = github;
  if (registration.kind !== 'pre-registered' || registration.clientSecret === undefined) throw new Error('no secret');
  client = { client_id: registration.clientId, client_secret: registration.clientSecret };
});
afterAll(() => github.close());

async function askJson(url: string, form: Record<string, string>): Promise<{ status: number; body: JsonObject }> {
  const headers = { accept: 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: new URLSearchParams(form) });
  return { status: response.status, body: await jsonIn(response) };
}

describe('what it says of itself', () => {
  const statusOf = async (url: string) => (await fetch(url, { redirect: 'manual' })).status;

  it('has an issuer with a path, and its metadata at the path-inserted address only', async () => {
    const { origin } = new URL(github.mcpUrl);
    expect(github.issuer).toBe(`${origin}/login/oauth`);
    expect(github.metadataUrl).toBe(`${origin}/.well-known/oauth-authorization-server/login/oauth`);
    const metadata = await jsonIn(await fetch(github.metadataUrl));
    expect(metadata).toMatchObject({
      issuer: github.issuer,
      authorization_endpoint: `${origin}/login/oauth/authorize`,
      token_endpoint: `${origin}/login/oauth/access_token`,
      device_authorization_endpoint: `${origin}/login/device/code`,
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    });
    for (const missing of ['registration_endpoint', 'revocation_endpoint'])
      expect(metadata).not.toHaveProperty(missing);
    for (const elsewhere of [
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
      '/.well-known/openid-configuration/login/oauth',
      '/login/oauth/.well-known/openid-configuration',
    ]) {
      expect([elsewhere, await statusOf(`${origin}${elsewhere}`)]).toEqual([elsewhere, 404]);
    }
  });

  it('has an MCP address that ends with a slash, and asks for scopes in its challenge', async () => {
    expect(github.mcpUrl).toMatch(/\/mcp\/$/);
    const refused = await postJson(github.mcpUrl, {});
    const metadataUrl = `${new URL(github.mcpUrl).origin}/.well-known/oauth-protected-resource/mcp/`;
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      `Bearer realm="GitHub", resource_metadata="${metadataUrl}", scope="repo read:org"`,
    ]);
    expect(await jsonIn(await fetch(metadataUrl))).toMatchObject({
      resource: github.mcpUrl,
      authorization_servers: [github.issuer],
      scopes_supported: github.scopes,
    });
    expect((await postJson(github.mcpUrl.slice(0, -1), {})).status).toBe(404);
  });
});

describe('the exchange', () => {
  const exchange = {
    grant_type: 'authorization_code',
    code: 'no such code',
    code_verifier: 'x'.repeat(43),
    redirect_uri: 'http://127.0.0.1:9/callback',
  };

  it.each([
    ['no secret', {}],
    ['another secret', { client_secret: 'a guess' }],
  ])('with %s is an error with status 200, PKCE or not', async (_, secret) => {
    const { client_id } = client;
    const form = { ...exchange, client_id, resource: github.resource, ...secret };
    const { status, body } = await askJson(github.tokenEndpoint, form);
    expect([status, body['error'], body['access_token']]).toEqual([200, 'incorrect_client_credentials', undefined]);
  });

  it('of a wrong code has an error name of its own', async () => {
    const form = { ...exchange, ...client, resource: github.resource };
    const { status, body } = await askJson(github.tokenEndpoint, form);
    expect([status, body['error']]).toEqual([200, 'bad_verification_code']);
  });

  it('is answered as a form unless JSON is asked for', async () => {
    const response = await postForm(github.tokenEndpoint, { ...exchange, ...client, resource: github.resource });
    expect(response.headers.get('content-type')).toContain('application/x-www-form-urlencoded');
    expect(new URLSearchParams(await response.text()).get('error')).toBe('bad_verification_code');
  });

  it('takes any port of the loopback address, and nothing else for it', async () => {
    const ask = async (redirect_uri: string) => {
      const url = authorizeUrl(github, client.client_id, { redirect_uri, scope: 'repo' });
      return (await fetch(url, { redirect: 'manual' })).status;
    };
    for (const uri of ['http://127.0.0.1:9/callback', 'http://127.0.0.1:10/callback']) expect(await ask(uri)).toBe(303);
    for (const uri of ['http://localhost:9/callback', 'http://127.0.0.1:9/other', 'https://127.0.0.1:9/callback']) {
      expect([uri, await ask(uri)]).toEqual([uri, 400]);
    }
  });
});

describe('the kinds of app', () => {
  let answer: JsonObject = {};
  beforeEach(() => {
    github.control.tamperTokenResponse((honest) => {
      answer = honest;
      return honest;
    });
  });
  afterEach(() => {
    github.control.behave();
    github.registerAs('oauth-app');
  });

  it('an OAuth app gets a token that lasts, and cannot renew it', async () => {
    const { accessToken, clientId } = await connect(github, { person: 'grace', scope: 'repo read:org' });
    expect(answer).toEqual({ access_token: accessToken, token_type: 'bearer', scope: 'repo,read:org' });
    clock.advance(365 * 24 * 3600 * 1000);
    expect(await callTool(github.mcpUrl, accessToken, 'get_me')).toMatchObject({ login: 'grace-example' });
    await callTool(github.mcpUrl, accessToken, 'list_issues', { owner: 'o', repo: 'r' });
    expect(github.calls.at(-1)).toMatchObject({ account: 'grace', clientId });
    await expect(callTool(github.mcpUrl, accessToken, 'list_gists')).rejects.toThrow('insufficient_scope');
  });

  it('a GitHub app gets a token for 8 hours, and one refresh token for each renewal', async () => {
    github.registerAs('github-app');
    const { accessToken, refreshToken } = await connect(github);
    expect(answer).toEqual({
      access_token: accessToken,
      expires_in: 28_800,
      refresh_token: refreshToken,
      refresh_token_expires_in: 15_897_600,
      token_type: 'bearer',
      scope: '',
    });
    clock.advance(28_801 * 1000);
    await expect(callTool(github.mcpUrl, accessToken, 'get_me')).rejects.toThrow('invalid_token');
    const refresh = { ...client, grant_type: 'refresh_token', refresh_token: refreshToken };
    const renewed = await askJson(github.tokenEndpoint, refresh);
    expect(renewed.body['refresh_token']).not.toBe(refreshToken);
    expect(await callTool(github.mcpUrl, String(renewed.body['access_token']), 'get_me')).toMatchObject({
      login: 'ada-example',
    });
    expect(await askJson(github.tokenEndpoint, refresh)).toMatchObject({
      status: 200,
      body: { error: 'bad_refresh_token' },
    });
    expect(github.counters.reuses).toBe(1);
  });
});

describe('personal tokens', () => {
  it('are taken by the MCP server as far as their scopes go', async () => {
    const token = github.issuePersonalToken('linus', ['gist']);
    expect(await callTool(github.mcpUrl, token, 'get_me')).toMatchObject({ login: 'linus-example' });
    await callTool(github.mcpUrl, token, 'list_gists');
    await expect(callTool(github.mcpUrl, token, 'list_issues', { owner: 'o', repo: 'r' })).rejects.toThrow(
      'insufficient_scope',
    );
    expect(github.issuedSecrets()).toContain(token);
  });
});

describe('the device flow', () => {
  const begin = async (form: Record<string, string> = {}) => {
    const { resource } = github;
    return askJson(`${new URL(github.mcpUrl).origin}/login/device/code`, {
      ...client,
      resource,
      scope: 'repo',
      ...form,
    });
  };
  const poll = async (code: unknown) => {
    const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: String(code) };
    const { status, body } = await askJson(github.tokenEndpoint, { ...client, ...grant, resource: github.resource });
    expect(status).toBe(200);
    return body;
  };
  const passes = (seconds: number) => clock.advance(seconds * 1000);

  it('hands out a code that a person enters at the verification page', async () => {
    const { body } = await begin();
    expect(body).toEqual({
      device_code: expect.any(String),
      user_code: expect.stringMatching(/^[A-Z]{4}-[A-Z]{4}$/),
      verification_uri: `${new URL(github.mcpUrl).origin}/login/device`,
      expires_in: 900,
      interval: 5,
    });
    expect(await poll(body['device_code'])).toMatchObject({ error: 'authorization_pending' });
    const page = await visit(String(body['verification_uri']), { person: 'grace', code: String(body['user_code']) });
    expect(page.body).toContain('Go back to where the code is shown');
    passes(5);
    const answer = await poll(body['device_code']);
    expect(answer).toEqual({ access_token: expect.any(String), token_type: 'bearer', scope: 'repo' });
    expect(await callTool(github.mcpUrl, String(answer['access_token']), 'get_me')).toMatchObject({
      login: 'grace-example',
    });
    expect(github.issuedSecrets()).toContain(body['device_code']);
    expect(await poll(body['device_code'])).toMatchObject({ error: 'incorrect_device_code' });
  });

  it('tells whoever asks too early to slow down, for good', async () => {
    const { device_code: code } = (await begin()).body;
    expect(await poll(code)).toMatchObject({ error: 'authorization_pending' });
    passes(4);
    expect(await poll(code)).toMatchObject({ error: 'slow_down', interval: 10 });
    passes(6);
    expect(await poll(code)).toMatchObject({ error: 'slow_down', interval: 15 });
    passes(15);
    expect(await poll(code)).toMatchObject({ error: 'authorization_pending' });
  });

  it('says when a code has expired, to both sides', async () => {
    const { device_code: code, user_code: userCode, verification_uri: address } = (await begin()).body;
    passes(901);
    expect(await poll(code)).toMatchObject({ error: 'expired_token' });
    const page = await visit(String(address), { code: String(userCode) });
    expect(page.body).toContain('This code has expired');
  });

  it('says when it was denied', async () => {
    const { device_code: code, user_code: userCode, verification_uri: address } = (await begin()).body;
    const page = await visit(String(address), { code: String(userCode), deny: true });
    expect(page.body).toContain('Access was denied');
    expect(await poll(code)).toMatchObject({ error: 'access_denied' });
  });

  it('does not know codes that it did not hand out, and clients without their secret', async () => {
    expect(await poll('a guess')).toMatchObject({ error: 'incorrect_device_code' });
    const page = await visit(`${new URL(github.mcpUrl).origin}/login/device`, { code: 'AAAA-AAAA' });
    expect(page.body).toContain('There is no such code');
    expect((await begin({ client_secret: 'a guess' })).body).toMatchObject({ error: 'incorrect_client_credentials' });
    expect((await begin({ scope: 'admin' })).body).toMatchObject({ error: 'invalid_scope' });
    expect((await begin({ resource: 'https://elsewhere.test/' })).body).toMatchObject({ error: 'invalid_target' });
  });
});

import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../authorization/control.ts';
import { connect } from '../connect.ts';
import { callTool } from './call-tool.ts';
import { startGoogle } from './google.ts';
import { authorizeUrl, errorIn, jsonIn, postForm, postJson } from './requests.ts';
import type { SandboxService } from './service.ts';

let google: SandboxService;
let client: { client_id: string; client_secret: string };
let redirectUri: string;
let endpoints: string;

beforeAll(async () => {
  google = await startGoogle(Date.now);
  const { registration } = google;
  if (registration.kind !== 'pre-registered' || registration.clientSecret === undefined) throw new Error('no secret');
  client = { client_id: registration.clientId, client_secret: registration.clientSecret };
  redirectUri = registration.redirectUri;
  endpoints = new URL(google.mcpUrl).origin;
});
afterAll(() => google.close());

describe('what it says of itself', () => {
  it('spells its issuer with a slash as a resource, at the path form only', async () => {
    const form = `${endpoints}/.well-known/oauth-protected-resource`;
    expect(await jsonIn(await fetch(`${form}/mcp/v1`))).toMatchObject({
      resource: google.mcpUrl,
      authorization_servers: [`${google.issuer}/`],
      scopes_supported: google.scopes,
    });
    expect((await fetch(form, { redirect: 'manual' })).status).toBe(404);
  });

  it('is described at the OpenID Connect address of its issuer, without the slash, and has its endpoints elsewhere', async () => {
    expect(google.metadataUrl).toBe(`${google.issuer}/.well-known/openid-configuration`);
    const metadata = await jsonIn(await fetch(google.metadataUrl));
    expect(endpoints).not.toBe(google.issuer);
    expect(metadata).toMatchObject({
      issuer: google.issuer,
      authorization_endpoint: `${endpoints}/o/oauth2/v2/auth`,
      token_endpoint: `${endpoints}/token`,
      userinfo_endpoint: `${endpoints}/v1/userinfo`,
      revocation_endpoint: `${endpoints}/revoke`,
      code_challenge_methods_supported: ['plain', 'S256'],
    });
    expect(metadata).not.toHaveProperty('registration_endpoint');
    for (const elsewhere of [
      `${google.issuer}/.well-known/oauth-authorization-server`,
      `${google.issuer}/o/oauth2/v2/auth`,
      `${endpoints}/.well-known/openid-configuration`,
      `${endpoints}/.well-known/oauth-authorization-server`,
    ]) {
      expect([elsewhere, (await fetch(elsewhere)).status]).toEqual([elsewhere, 404]);
    }
  });
});

describe('without a token', () => {
  const rpc = (method: string, params: object = {}) => ({ jsonrpc: '2.0', id: 1, method, params });

  it('tells anybody what tools there are, and lets nobody call one', async () => {
    const initialize = rpc('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    });
    expect((await postJson(google.mcpUrl, initialize)).status).toBe(200);
    const listed = await postJson(google.mcpUrl, rpc('tools/list'));
    expect(await jsonIn(listed)).toMatchObject({ result: { tools: google.tools().map(({ name }) => ({ name })) } });

    const call = rpc('tools/call', { name: 'search_threads', arguments: { query: 'x' } });
    for (const body of [call, [rpc('tools/list'), call], {}, 'no message', []]) {
      const refused = await postJson(google.mcpUrl, body as object);
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="Google"']);
    }
    expect(google.calls).toEqual([]);
  });

  it('refuses a wrong token even there', async () => {
    const listed = await postJson(google.mcpUrl, rpc('tools/list'), { authorization: 'Bearer a-guess' });
    expect([listed.status, listed.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="Google", error="invalid_token"',
    ]);
  });
});

describe('an authorization request', () => {
  it.each([
    ['another port', (uri: string) => uri.replace(/:\d+\//, ':9/')],
    ['another host', (uri: string) => uri.replace('127.0.0.1', 'localhost')],
    ['another path', (uri: string) => `${uri}/`],
  ])('with %s is refused', async (_, change) => {
    const url = authorizeUrl(google, client.client_id, { redirect_uri: change(redirectUri), scope: 'email' });
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(400);
  });

  it('with plain PKCE is refused, whatever the metadata lists', async () => {
    const changes = { redirect_uri: redirectUri, scope: 'email', code_challenge_method: 'plain' };
    const response = await fetch(authorizeUrl(google, client.client_id, changes), { redirect: 'manual' });
    expect(new URL(response.headers.get('location') ?? '').searchParams.get('error')).toBe('invalid_request');
  });
});

describe('the token answer', () => {
  let answer: JsonObject = {};
  beforeEach(() => {
    google.control.tamperTokenResponse((honest) => {
      answer = honest;
      return honest;
    });
  });
  afterEach(() => google.control.behave());

  it.each([
    ['neither', {}],
    ['offline access alone', { access_type: 'offline' }],
    ['consent alone', { prompt: 'consent' }],
    ['online access', { access_type: 'online', prompt: 'consent' }],
  ])('has no refresh token for who asks for %s', async (_, parameters) => {
    expect((await connect(google, { parameters })).refreshToken).toBe('');
  });

  it('has one for who asks for both, an expiry in words and an ID token that nobody asked for', async () => {
    const scope = 'https://www.googleapis.com/auth/gmail.readonly';
    const { accessToken, refreshToken } = await connect(google, { person: 'grace', scope });
    expect(answer).toEqual({
      access_token: accessToken,
      refresh_token: expect.stringMatching(/./),
      expires_in: '3599',
      token_type: 'Bearer',
      scope,
      id_token: expect.any(String),
    });
    expect(decodeJwt(String(answer['id_token']))).toMatchObject({
      iss: google.issuer,
      aud: client.client_id,
      sub: 'google-grace',
      email: 'grace@example.test',
    });
    expect(google.issuedSecrets()).toContain(answer['id_token']);

    const refresh = { ...client, grant_type: 'refresh_token', refresh_token: refreshToken };
    for (let times = 0; times < 2; times += 1) {
      const renewed = await jsonIn(await postForm(google.tokenEndpoint, refresh));
      expect(renewed).toEqual({ access_token: expect.any(String), expires_in: 3599, token_type: 'Bearer', scope });
      expect(await callTool(google.mcpUrl, String(renewed['access_token']), 'get_profile')).toMatchObject({
        user: { email: 'grace@example.test' },
      });
    }
    expect(google.counters.reuses).toBe(0);
  });

  it('is refused without the secret', async () => {
    const { client_id } = client;
    const form = { grant_type: 'authorization_code', client_id, code: 'x', code_verifier: 'x'.repeat(43) };
    const response = await postForm(google.tokenEndpoint, { ...form, redirect_uri: redirectUri });
    expect([response.status, await errorIn(response)]).toEqual([401, 'invalid_client']);
  });
});

describe('userinfo', () => {
  const ask = (token: string) => fetch(`${endpoints}/v1/userinfo`, { headers: { authorization: `Bearer ${token}` } });

  it('says whose token it is, where that was granted', async () => {
    const { accessToken } = await connect(google, { person: 'linus', scope: 'openid email' });
    const claims = { sub: 'google-linus', email: 'linus@example.test', email_verified: true };
    expect(await jsonIn(await ask(accessToken))).toEqual(claims);
  });

  it('says nothing to others', async () => {
    const { accessToken } = await connect(google, { scope: 'email' });
    expect((await ask(accessToken)).status).toBe(403);
    expect((await ask('a-guess')).status).toBe(401);
  });
});

it('gives a grant back', async () => {
  const { accessToken, refreshToken } = await connect(google);
  expect((await postForm(`${endpoints}/revoke`, { ...client, token: refreshToken })).status).toBe(200);
  await expect(callTool(google.mcpUrl, accessToken, 'get_profile')).rejects.toThrow('invalid_token');
});

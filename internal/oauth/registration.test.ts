import { describe, expect, test } from 'vitest';
import { type Answer, startHostileServer } from '../../test/support/hostile-server.ts';
import { unrecorded } from '../../test/support/unrecorded.ts';
import type { Service } from '../config/definitions.ts';
import { guardedFetch } from '../outside/http.ts';
import { type AuthorizationServer, judgeAuthorizationServer } from './authorization-server.ts';
import { chooseRegistration, registerClient, requireOwnServer } from './registration.ts';

const redirectUri = 'http://127.0.0.1:5555/callback';
const fetch = guardedFetch({ allowLoopbackHttp: true, signal: new AbortController().signal });

function serviceWith(authorization: Partial<Service['authorization']>): Service {
  return {
    name: 'notion',
    mcp_server_url: 'https://mcp.example/mcp',
    authorization: {
      issuers: ['https://as.example'],
      token_endpoint_auth_method: 'none',
      redirect: { host: '127.0.0.1', path: '/callback' },
      resource_parameter: true,
      token_response: 'standard',
      ...authorization,
    },
    tools: { read: [], write: [], destructive: [] },
  };
}

/** Registers at a server that answers the registration with `answer`. */
async function register(answer: Answer, metadata: Record<string, unknown> = {}, scopes?: string[]) {
  const server = await startHostileServer((line) => (line === 'POST /register' ? answer : undefined));
  const document = {
    issuer: server.origin,
    authorization_endpoint: `${server.origin}/authorize`,
    token_endpoint: `${server.origin}/token`,
    registration_endpoint: `${server.origin}/register`,
    code_challenge_methods_supported: ['S256'],
    ...metadata,
  };
  const attempt = async () =>
    await registerClient({
      service: serviceWith({}),
      server: judgeAuthorizationServer(document, { issuer: server.origin, requirePkce: true }),
      redirectUri,
      scopes,
      allowLoopbackHttp: true,
      fetch,
      recorder: unrecorded,
    });
  const outcome = await attempt().catch((error: unknown) => error);
  return { outcome, requests: server.requests };
}

const registered = { client_id: 'us', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' };

describe('dynamic registration', () => {
  test('asks for a native public client with the exact redirect URI [A1.13] [A2.3] [A3.3]', async () => {
    const { outcome, requests } = await register({ status: 201, json: registered });
    expect(outcome).toEqual({ clientId: 'us', authMethod: 'none' });
    expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({
      application_type: 'native',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    });
  });

  test.each<[string, Answer, object]>([
    ['200 where the RFC says 201', { status: 200, json: registered }, { authMethod: 'none' }],
    ['no redirect URIs', { status: 201, json: { client_id: 'us' } }, { authMethod: 'none' }],
    [
      'a secret that is not to be used',
      { status: 201, json: { ...registered, client_secret: 's', client_secret_expires_at: 0 } },
      { authMethod: 'none' },
    ],
    [
      'a secret without an expiry',
      { status: 201, json: { ...registered, client_secret: 's' } },
      { authMethod: 'none' },
    ],
    [
      'a secret that is to be posted',
      {
        status: 201,
        json: {
          ...registered,
          client_secret: 's',
          client_secret_expires_at: 0,
          token_endpoint_auth_method: 'client_secret_post',
        },
      },
      { authMethod: 'client_secret_post' },
    ],
    [
      'a secret without a method, as the RFC has it by default',
      { status: 201, json: { client_id: 'us', client_secret: 's' } },
      { authMethod: 'client_secret_basic' },
    ],
    [
      'management addresses that nobody asks',
      {
        status: 201,
        json: { ...registered, registration_client_uri: 'https://evil.example/', registration_access_token: 't' },
      },
      {},
    ],
  ])('takes an answer with %s [A5.3] [A5.4]', async (_case, answer, expected) => {
    const { outcome, requests } = await register(answer);
    expect(outcome).toMatchObject({ clientId: 'us', ...expected });
    expect(requests).toHaveLength(1);
  });

  test.each<[string, Answer, string]>([
    [
      'other redirect URIs',
      { status: 201, json: { ...registered, redirect_uris: ['https://evil.example/'] } },
      'other redirect URIs',
    ],
    [
      'redirect URIs that are none',
      { status: 201, json: { ...registered, redirect_uris: redirectUri } },
      'other redirect URIs',
    ],
    [
      'a method that we have not',
      { status: 201, json: { ...registered, token_endpoint_auth_method: 'private_key_jwt' } },
      'a way that we cannot',
    ],
    [
      'a method with a secret, without one',
      { status: 201, json: { ...registered, token_endpoint_auth_method: 'client_secret_basic' } },
      'without the secret',
    ],
    [
      'a secret of 900 KB',
      { status: 201, json: { client_id: 'us', client_secret: 'x'.repeat(900_000) } },
      'without the secret',
    ],
    [
      'a secret that has expired already',
      { status: 201, json: { client_id: 'us', client_secret: 's', client_secret_expires_at: 1 } },
      'expired already',
    ],
    [
      'a secret whose expiry is no time',
      { status: 201, json: { client_id: 'us', client_secret: 's', client_secret_expires_at: 'soon' } },
      'expired already',
    ],
    [
      'a client id of several lines',
      { status: 201, json: { ...registered, client_id: 'us\nerror: none' } },
      'usable id',
    ],
    ['no client id', { status: 201, json: { redirect_uris: [redirectUri] } }, ''],
    ['an empty client id', { status: 201, json: { ...registered, client_id: '' } }, ''],
    ['a client id of 900 KB', { status: 201, json: { ...registered, client_id: 'x'.repeat(900_000) } }, 'usable id'],
    ['a page', { status: 201, text: '<html>', headers: { 'content-type': 'text/html' } }, ''],
    ['a list', { status: 201, json: [] }, ''],
    [
      '400 with a reason',
      { status: 400, json: { error: 'invalid_redirect_uri', error_description: 'not here\u001b[2J' } },
      '"invalid_redirect_uri": "not here\\u001b[2J"',
    ],
    ['400 with a page', { status: 400, text: '<html>', headers: { 'content-type': 'text/html' } }, '400'],
    [
      '403 with a page',
      { status: 403, text: '<html>Only <b>listed</b> clients', headers: { 'content-type': 'text/html' } },
      '403',
    ],
    ['a redirect', { status: 307, headers: { location: 'https://evil.example/' } }, '307'],
    ['500', { status: 500 }, '500'],
  ])('refuses %s [A5.3] [A5.4] [c23] [connecting]', async (_case, answer, said) => {
    const { outcome, requests } = await register(answer);
    expect(outcome).toMatchObject({ code: 'registration_refused', message: expect.stringContaining(said) });
    expect((outcome as Error).message).not.toMatch(/<|x{300}/);
    expect(requests).toHaveLength(1);
  });

  test('of more than 1 MiB is not read to the end', async () => {
    const { outcome } = await register({
      status: 201,
      json: { ...registered, client_id: 'x'.repeat(2 * 1024 * 1024) },
    });
    expect(outcome).toMatchObject({ message: expect.stringContaining('1 MiB') });
  });

  test.each<[string, Answer]>([
    ['a 403 in plain text, as Figma has it', { status: 403, text: 'Forbidden' }],
    ['a 403 with an error', { status: 403, json: { error: 'access_denied' } }],
    ['a 401', { status: 401, json: { error: 'invalid_token' } }],
  ])('%s says that the service has to admit us', async (_case, answer) => {
    const { outcome } = await register(answer);
    expect(outcome).toMatchObject({
      message: expect.stringContaining('admits only clients that it lists'),
      hint: expect.stringContaining('admission'),
    });
    expect((outcome as Error).message).not.toContain('Forbidden');
  });

  test('a refused redirect URI says where to change it', async () => {
    const { outcome } = await register({ status: 400, json: { error: 'invalid_redirect_uri' } });
    expect(outcome).toMatchObject({ hint: expect.stringContaining('set redirect in config/services/notion.yaml') });
  });

  test('is not sent on to where the server redirects it [A5.3] [c19] [connecting]', async () => {
    const elsewhere = await startHostileServer(() => ({ status: 201, json: registered }));
    const { outcome } = await register({ status: 307, headers: { location: `${elsewhere.origin}/register` } });
    expect(outcome).toMatchObject({ code: 'registration_refused' });
    expect(elsewhere.requests).toEqual([]);
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    [
      'refresh where the server does not list it',
      { grant_types_supported: ['authorization_code'] },
      { grant_types: ['authorization_code', 'refresh_token'] },
    ],
    [
      'refresh where the server has it',
      { grant_types_supported: ['authorization_code', 'refresh_token'] },
      { grant_types: ['authorization_code', 'refresh_token'] },
    ],
    [
      'no secret where the server can do without',
      { token_endpoint_auth_methods_supported: ['client_secret_basic', 'none'] },
      { token_endpoint_auth_method: 'none' },
    ],
    [
      'a secret where the server cannot do without',
      { token_endpoint_auth_methods_supported: ['client_secret_post'] },
      { token_endpoint_auth_method: 'client_secret_post' },
    ],
  ])('asks for %s', async (_case, metadata, expected) => {
    const { requests } = await register({ status: 201, json: registered }, metadata);
    expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject(expected);
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    [
      'the answer says',
      { client_secret: 's', token_endpoint_auth_method: 'client_secret_post' },
      {},
      'client_secret_post',
    ],
    [
      'the answer says, whatever the metadata',
      { token_endpoint_auth_method: 'none' },
      { token_endpoint_auth_methods_supported: ['client_secret_post'] },
      'none',
    ],
    [
      'the metadata says, where the answer is silent',
      { client_secret: 's' },
      { token_endpoint_auth_methods_supported: ['client_secret_post'] },
      'client_secret_post',
    ],
    [
      'a server without secrets says, although it gives one',
      { client_secret: 's' },
      { token_endpoint_auth_methods_supported: ['none'] },
      'none',
    ],
    ['nobody says, as RFC 7591 has it', { client_secret: 's' }, {}, 'client_secret_basic'],
  ])('proves itself as %s', async (_case, answer, metadata, authMethod) => {
    const { outcome } = await register({ status: 201, json: { client_id: 'us', ...answer } }, metadata);
    expect(outcome).toMatchObject({ authMethod });
    expect('secret' in (outcome as object)).toBe(authMethod !== 'none');
  });

  test('says which scopes will be asked for, and keeps those that the server lets it ask for [A1.26]', async () => {
    const { outcome, requests } = await register({ status: 201, json: { ...registered, scope: 'a' } }, {}, ['a', 'b']);
    expect(JSON.parse(requests[0]?.body ?? '').scope).toBe('a b');
    expect(outcome).toMatchObject({ scopes: ['a'] });
    for (const scope of ['', ' ', undefined, null, 7])
      expect((await register({ status: 201, json: { ...registered, scope } })).outcome).not.toHaveProperty('scopes');
    const { requests: without } = await register({ status: 201, json: registered }, {}, []);
    expect(JSON.parse(without[0]?.body ?? '')).not.toHaveProperty('scope');
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an empty list', []],
    ['no port', ['http://127.0.0.1/callback']],
    ['ours among others', ['https://console.example/cb', redirectUri]],
  ])('may answer %s for its redirect URIs [A5.3] [A1.24]', async (_case, redirect_uris) => {
    const { outcome } = await register({ status: 201, json: { ...registered, redirect_uris } });
    expect(outcome).toMatchObject({ clientId: 'us' });
  });

  test.each<[string, unknown]>([
    ['another path', ['http://127.0.0.1/other']],
    ['another host', ['http://localhost/callback']],
    ['another port', ['http://127.0.0.1:1/callback']],
    ['a text', redirectUri],
  ])('may not answer %s [A5.3]', async (_case, redirect_uris) => {
    const { outcome } = await register({ status: 201, json: { ...registered, redirect_uris } });
    expect(outcome).toMatchObject({ code: 'registration_refused' });
  });

  test.each([null, 0, '0', undefined])(
    'a secret with the expiry %j has none [A5.4]',
    async (client_secret_expires_at) => {
      const json = { client_id: 'us', client_secret: 's', client_secret_expires_at };
      expect((await register({ status: 201, json })).outcome).toMatchObject({ expiresAt: undefined });
    },
  );

  test.each<[number, object, string]>([
    [503, {}, 'try again later'],
    [400, { error: 'invalid_scope' }, 'it was registered for "a": list in authorization.scopes.default'],
  ])('refused with %i and %j says what to do', async (status, json, hint) => {
    const { outcome } = await register({ status, json }, {}, ['a']);
    expect(outcome).toMatchObject({ code: 'registration_refused', hint: expect.stringContaining(hint) });
  });

  test('refused with JSON as a page keeps what it says [A5.13]', async () => {
    const text = JSON.stringify({ error: 'invalid_redirect_uri' });
    const { outcome } = await register({ status: 400, headers: { 'content-type': 'text/html' }, text });
    expect(outcome).toMatchObject({ message: expect.stringContaining('"invalid_redirect_uri"') });
  });

  test('keeps when the secret ends', async () => {
    const json = { client_id: 'us', client_secret: 's', client_secret_expires_at: 4_000_000_000 };
    expect((await register({ status: 201, json })).outcome).toMatchObject({ expiresAt: new Date(4_000_000_000_000) });
    const never = { client_id: 'us', client_secret: 's', client_secret_expires_at: 0 };
    expect((await register({ status: 201, json: never })).outcome).toMatchObject({ expiresAt: undefined });
  });

  test('is impossible over http elsewhere', async () => {
    const json = { status: 201, json: registered };
    expect((await register(json, { registration_endpoint: 'http://as.example/register' })).outcome).toMatchObject({
      code: 'url_refused',
    });
  });
});

/** A server that has what is named. */
function serverWith(metadata: Record<string, unknown>): AuthorizationServer {
  const document = {
    issuer: 'https://as.example',
    authorization_endpoint: 'https://as.example/authorize',
    token_endpoint: 'https://as.example/token',
    code_challenge_methods_supported: ['S256'],
    ...metadata,
  };
  return judgeAuthorizationServer(document, { issuer: 'https://as.example', requirePkce: true });
}

const takesDocuments = { client_id_metadata_document_supported: true };
const registers = { registration_endpoint: 'https://as.example/register' };
const everything = { ...takesDocuments, ...registers };
const document = { client_metadata_url: 'https://us.example/client.json' };

describe('the way to become a client', () => {
  test.each<[string, Partial<Service['authorization']>, Record<string, unknown>, string]>([
    [
      'the client of the file, before everything else',
      { client_id: 'known', ...document },
      everything,
      'pre-registered',
    ],
    ['its document, where the server takes such', document, everything, 'client-metadata'],
    ['registration, where it does not', document, registers, 'dynamic'],
    ['registration, where the file names nothing', {}, everything, 'dynamic'],
    ['asking, where nothing else is possible', document, {}, 'ask'],
    ['asking, where the file says so', { registration: 'ask' }, everything, 'ask'],
    ['registration, where the file says so', { registration: 'dynamic' }, everything, 'dynamic'],
    [
      'the document, where the file says so',
      { registration: 'client-metadata', ...document },
      everything,
      'client-metadata',
    ],
    [
      'the client of the file, where it says so',
      { registration: 'pre-registered', client_id: 'known' },
      everything,
      'pre-registered',
    ],
  ])('is %s [A1.12] [A2.5] [A3.3]', (_case, authorization, metadata, way) => {
    expect(chooseRegistration(serviceWith(authorization), serverWith(metadata))).toBe(way);
  });

  test.each<[Partial<Service['authorization']>, Record<string, unknown>]>([
    [{ registration: 'dynamic' }, takesDocuments],
    [{ registration: 'client-metadata', ...document }, registers],
    [
      { registration: 'client-metadata', ...document },
      { ...registers, client_id_metadata_document_supported: false },
    ],
  ])('that the file names is not replaced by another: %j [A1.12] [A2.5]', (authorization, metadata) => {
    expect(() => chooseRegistration(serviceWith(authorization), serverWith(metadata))).toThrow(
      expect.objectContaining({ code: 'registration_refused', hint: expect.stringContaining('notion.yaml') }),
    );
  });
});

test('the client of a file is shown to the authorization servers of that file and to no other [A1.15] [A2.3] [c11]', () => {
  const service = serviceWith({ client_id: 'known' });
  const own = serverWith({});
  expect(() => requireOwnServer(service, own)).not.toThrow();
  const other = judgeAuthorizationServer(
    { ...own, issuer: 'https://other.example' },
    { issuer: 'https://other.example', requirePkce: true },
  );
  expect(() => requireOwnServer(service, other)).toThrow(expect.objectContaining({ code: 'issuer_mismatch' }));
  const metadata_issuers = { 'https://as.example': 'https://other.example' };
  expect(() => requireOwnServer(serviceWith({ client_id: 'known', metadata_issuers }), other)).not.toThrow();
});

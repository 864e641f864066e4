import { describe, expect, test } from 'vitest';
import { type Answer, startHostileServer } from '../../test/support/hostile-server.ts';
import type { Service } from '../config/definitions.ts';
import { guardedFetch } from '../outside/http.ts';
import { judgeAuthorizationServer } from './authorization-server.ts';
import { becomeClient } from './registration.ts';

const redirectUri = 'http://127.0.0.1:5555/callback';
const fetch = guardedFetch({ allowLoopbackHttp: true, signal: new AbortController().signal });

function serviceWith(authorization: Partial<Service['authorization']>): Service {
  return {
    name: 'notion',
    mcp_server_url: 'https://mcp.example/mcp',
    authorization: {
      issuers: ['https://as.example'],
      registration: 'dynamic',
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
async function register(answer: Answer, metadata: Record<string, unknown> = {}, service = serviceWith({})) {
  const server = await startHostileServer((line) => (line === 'POST /register' ? answer : undefined));
  const document = {
    issuer: server.origin,
    authorization_endpoint: `${server.origin}/authorize`,
    token_endpoint: `${server.origin}/token`,
    registration_endpoint: `${server.origin}/register`,
    code_challenge_methods_supported: ['S256'],
    ...metadata,
  };
  const outcome = await becomeClient({
    service,
    server: judgeAuthorizationServer(document, { issuer: server.origin, requirePkce: true }),
    redirectUri,
    allowLoopbackHttp: true,
    fetch,
  }).catch((error: unknown) => error);
  return { outcome, requests: server.requests };
}

const registered = { client_id: 'us', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' };

describe('dynamic registration', () => {
  test('asks for a native public client with the exact redirect URI', async () => {
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
  ])('takes an answer with %s', async (_case, answer, expected) => {
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
    ['no client id', { status: 201, json: { redirect_uris: [redirectUri] } }, ''],
    ['an empty client id', { status: 201, json: { ...registered, client_id: '' } }, ''],
    ['a client id of 900 KB', { status: 201, json: { ...registered, client_id: 'x'.repeat(900_000) } }, 'usable id'],
    ['a page', { status: 201, text: '<html>', headers: { 'content-type': 'text/html' } }, ''],
    ['a list', { status: 201, json: [] }, ''],
    ['400 with a reason', { status: 400, json: { error: 'invalid_redirect_uri' } }, 'invalid_redirect_uri'],
    [
      '403 with a page',
      { status: 403, text: '<html>Only <b>listed</b> clients', headers: { 'content-type': 'text/html' } },
      '403',
    ],
    ['a redirect', { status: 307, headers: { location: 'https://evil.example/' } }, '307'],
    ['500', { status: 500 }, '500'],
  ])('refuses %s', async (_case, answer, said) => {
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

  test('a 403 says that the service has to admit us', async () => {
    const { outcome } = await register({ status: 403, text: 'no' });
    expect(outcome).toMatchObject({ hint: expect.stringContaining('admission') });
  });

  test('is impossible without a registration endpoint, and over http elsewhere', async () => {
    const json = { status: 201, json: registered };
    expect((await register(json, { registration_endpoint: undefined })).outcome).toMatchObject({
      code: 'registration_refused',
    });
    expect((await register(json, { registration_endpoint: 'http://as.example/register' })).outcome).toMatchObject({
      code: 'url_refused',
    });
  });
});

describe('the service file says how', () => {
  const silent: Answer = { status: 500 };

  test('pre-registered: nothing is asked', async () => {
    const service = serviceWith({ registration: 'pre-registered', client_id: 'known' });
    const { outcome, requests } = await register(silent, {}, service);
    expect([outcome, requests]).toEqual([{ clientId: 'known', authMethod: 'none' }, []]);
  });

  test('pre-registered with a secret: not in this version', async () => {
    const service = serviceWith({
      registration: 'pre-registered',
      client_id: 'known',
      token_endpoint_auth_method: 'client_secret_basic',
    });
    expect((await register(silent, {}, service)).outcome).toMatchObject({ code: 'registration_refused' });
  });

  test('client-metadata: the address is the client id, where the server takes such', async () => {
    const service = serviceWith({
      registration: 'client-metadata',
      client_metadata_url: 'https://us.example/client.json',
    });
    const taken = await register(silent, { client_id_metadata_document_supported: true }, service);
    expect([taken.outcome, taken.requests]).toEqual([
      { clientId: 'https://us.example/client.json', authMethod: 'none' },
      [],
    ]);
    expect((await register(silent, {}, service)).outcome).toMatchObject({ code: 'registration_refused' });
  });

  test('ask: nobody has registered a client yet', async () => {
    const { outcome } = await register(silent, {}, serviceWith({ registration: 'ask' }));
    expect(outcome).toMatchObject({ code: 'registration_refused', hint: expect.stringContaining('notion.yaml') });
  });
});

/** Which client is used where: authorization servers on loopback, a listener that is really bound, a keychain in memory. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { startHostileServer } from '../../../test/support/hostile-server.ts';
import { keychainInMemory } from '../../../test/support/keychain-in-memory.ts';
import { unrecorded } from '../../../test/support/unrecorded.ts';
import type { Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { type AuthorizationServer, judgeAuthorizationServer } from '../../oauth/authorization-server.ts';
import { guardedFetch } from '../../outside/http.ts';
import { Secret } from '../../secret/secret.ts';
import { keychainSecrets } from '../../stores/files/machine-secrets.ts';
import type { Connection } from '../credentials.ts';
import type { AcquireRequest } from '../grant.ts';
import { type ClientAtHand, clientForCode, type ListeningClient, listenAsClient, withClient } from './client.ts';
import { knownClients } from './known-clients.ts';

const signal = new AbortController().signal;

/** An authorization server that registers whoever asks, as client 1, 2 and so on of its own. */
async function startServer(registration: object = {}) {
  let count = 0;
  const server = await startHostileServer((line, { body }) => {
    if (line !== 'POST /register') return undefined;
    count += 1;
    const { redirect_uris } = JSON.parse(body) as { redirect_uris: string[] };
    return { status: 201, json: { client_id: `client ${count} of ${server.origin}`, redirect_uris, ...registration } };
  });
  const metadata: AuthorizationServer = judgeAuthorizationServer(
    {
      issuer: server.origin,
      authorization_endpoint: `${server.origin}/authorize`,
      token_endpoint: `${server.origin}/token`,
      registration_endpoint: `${server.origin}/register`,
      code_challenge_methods_supported: ['S256'],
    },
    { issuer: server.origin, requirePkce: true },
  );
  return { ...server, metadata };
}

/** A request for a service whose authorization servers these are. */
function requestFor(
  servers: readonly AuthorizationServer[],
  change: { authorization?: Partial<Service['authorization']>; existing?: Partial<Connection>; secret?: string } = {},
  keychain = keychainInMemory(),
) {
  const said: string[] = [];
  const warn = (text: string) => void said.push(text);
  const request: AcquireRequest = {
    service: {
      name: 'notes',
      mcp_server_url: 'https://mcp.example/mcp',
      authorization: {
        issuers: servers.map(({ issuer }) => issuer),
        token_endpoint_auth_method: 'none',
        redirect: { host: '127.0.0.1', path: '/callback' },
        resource_parameter: true,
        token_response: 'standard',
        ...change.authorization,
      },
      tools: { read: [], write: [], destructive: [] },
    },
    visit: {
      fetch: guardedFetch({ allowLoopbackHttp: true, signal }),
      allowLoopbackHttp: true,
      reviewedHosts: new Set(),
      recorder: unrecorded,
      signal,
      timeoutMs: 1_000,
      warn,
      show: () => Promise.reject(new Error('nobody is sent anywhere')),
    },
    existing: change.existing === undefined ? undefined : connectionWith(change.existing),
    left: undefined,
    newClient: false,
    clients: {
      known: knownClients(keychainSecrets(keychain), { detail: warn, warn }),
      entry: { secret: change.secret === undefined ? undefined : new Secret(change.secret), ask: undefined },
    },
    isClientForgotten: async () => false,
    scopeChoice: { kind: 'usual' },
    legacyEndpoints: false,
    detail: warn,
    asking: async () => {},
    giveBack: async () => {},
    conclude: () => Promise.reject(new Error('there is no grant')),
  };
  return { request, keychain, said };
}

function connectionWith(change: Partial<Connection>): Connection {
  return {
    credentialId: 'vcrd_1',
    mcpServerUrl: 'https://mcp.example/mcp',
    kind: 'mcp_oauth',
    tokenEndpoint: undefined,
    clientId: undefined,
    expiresAt: undefined,
    refreshable: true,
    refreshScope: undefined,
    createdAt: '2026-11-01T00:00:00Z',
    record: {},
    ...change,
  };
}

/** Listens and closes again; what it is as whom, and where it comes back to. */
async function listen(request: AcquireRequest, server: AuthorizationServer, anew = false, scopes?: string[]) {
  const { client, listener } = await listenAsClient(request, server, anew, scopes);
  listener.close();
  return { clientId: client.clientId, redirectUri: listener.redirectUri };
}

/** The connection that a client was used for. */
const connectionOf = (server: AuthorizationServer, client: { clientId: string; redirectUri: string }) => ({
  clientId: client.clientId,
  authMethod: 'none' as const,
  tokenEndpoint: server.token_endpoint,
  record: { issuer: server.issuer, clientId: client.clientId, redirectUri: client.redirectUri },
});

describe('a client that registered itself', () => {
  test('is used again at its own redirect URI, from the keychain [A1.15]', async () => {
    const { metadata, requests } = await startServer();
    const { request } = requestFor([metadata]);
    const first = await listen(request, metadata);
    expect(await listen(request, metadata)).toEqual(first);
    expect(requests).toHaveLength(1);
    const anew = await listen(request, metadata, true);
    expect(anew.clientId).not.toBe(first.clientId);
    // The new one takes the place of the old one.
    expect(await listen(request, metadata)).toEqual(anew);
    expect(requests).toHaveLength(2);
  });

  test('is used again from the record of the vault, where the keychain has none', async () => {
    const { metadata, requests } = await startServer();
    const first = await listen(requestFor([metadata]).request, metadata);
    const { request } = requestFor([metadata], { existing: connectionOf(metadata, first) });
    expect(await listen(request, metadata)).toEqual(first);
    expect(requests).toHaveLength(1);
  });

  test.each<[string, (metadata: AuthorizationServer, redirectUri: string) => Partial<Connection>]>([
    ['whose secret nobody has', () => ({ authMethod: 'client_secret_post' })],
    ['of another issuer', (_, redirectUri) => ({ record: { issuer: 'https://as.example', redirectUri } })],
    ['of another token endpoint', () => ({ tokenEndpoint: 'https://evil.example/token' })],
    ['without its redirect URI', ({ issuer }) => ({ record: { issuer } })],
    ['with a redirect URI that is none', ({ issuer }) => ({ record: { issuer, redirectUri: 'x' } })],
  ])('%s is not taken from the record [A1.15]', async (_case, change) => {
    const server = await startServer();
    const first = await listen(requestFor([server.metadata]).request, server.metadata);
    const existing = { ...connectionOf(server.metadata, first), ...change(server.metadata, first.redirectUri) };
    const again = await listen(requestFor([server.metadata], { existing }).request, server.metadata);
    expect(again.clientId).toBe(`client 2 of ${server.origin}`);
  });

  test('is nobody at another authorization server, also when the service moved there, and itself after it moved back [A1.15] [connecting]', async () => {
    const [before, after] = [await startServer(), await startServer()];
    const first = requestFor([before.metadata]);
    const there = await listen(first.request, before.metadata);
    const moved = requestFor(
      [before.metadata, after.metadata],
      { existing: connectionOf(before.metadata, there) },
      first.keychain,
    );
    const here = await listen(moved.request, after.metadata);
    expect(here.clientId).toBe(`client 1 of ${after.origin}`);
    expect(JSON.stringify(after.requests)).not.toContain(there.clientId);
    expect(await listen(moved.request, before.metadata)).toEqual(there);
    expect([before.requests.length, after.requests.length]).toEqual([1, 1]);
  });

  test('is not used at another place than the file names by now', async () => {
    const { metadata, origin } = await startServer();
    const first = requestFor([metadata]);
    const there = await listen(first.request, metadata);
    const existing = connectionOf(metadata, there);
    const redirect = { host: '127.0.0.1' as const, path: '/elsewhere' };
    const elsewhere = requestFor([metadata], { existing, authorization: { redirect } }, first.keychain);
    expect(await listen(elsewhere.request, metadata)).toMatchObject({ clientId: `client 2 of ${origin}` });
  });

  test('is not used after its secret has expired', async () => {
    const soon = Math.ceil(Date.now() / 1000) + 1;
    const { metadata, origin } = await startServer({ client_secret: 'the secret', client_secret_expires_at: soon });
    const { request, keychain, said } = requestFor([metadata]);
    await listen(request, metadata);
    expect(said).toContainEqual(expect.stringContaining('notes forgets this client on 2'));
    const later = knownClients(keychainSecrets(keychain), { detail() {}, warn() {} }, new Date((soon + 1) * 1000));
    const clients = { ...request.clients, known: later };
    expect(await listen({ ...request, clients }, metadata)).toMatchObject({ clientId: `client 2 of ${origin}` });
  });

  test('for the device flow has no redirect URI, and is another than the one with a callback', async () => {
    const { metadata, requests } = await startServer();
    const { request } = requestFor([metadata]);
    const [one, two] = [
      await clientForCode(request, metadata, false, undefined),
      await clientForCode(request, metadata, false, undefined),
    ];
    expect([two.client.clientId, requests.length]).toEqual([one.client.clientId, 1]);
    expect((await listen(request, metadata)).clientId).not.toBe(one.client.clientId);
    expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({ redirect_uris: [] });
  });

  test('that the service has forgotten is forgotten here as well, and said so', async () => {
    const { metadata, origin } = await startServer();
    const first = requestFor([metadata]);
    const there = await listen(first.request, metadata);
    const again = requestFor([metadata], { existing: connectionOf(metadata, there) }, first.keychain);
    const request = { ...again.request, isClientForgotten: async () => true };
    expect(await listen(request, metadata)).toMatchObject({ clientId: `client 2 of ${origin}` });
    expect(again.said).toContainEqual(expect.stringContaining('no longer knows the client'));
  });
});

describe('the client of the file', () => {
  const secretive = { client_id: 'known', token_endpoint_auth_method: 'client_secret_post' as const };

  test('is shown to no authorization server but its own, and neither is its secret [A1.15] [c11] [connecting]', async () => {
    const [own, other] = [await startServer(), await startServer()];
    const { request, keychain } = requestFor([own.metadata], { authorization: secretive, secret: 'the secret' });
    await expect(listen(request, other.metadata)).rejects.toMatchObject({ code: 'issuer_mismatch' });
    expect([other.requests, keychain.kept.size]).toEqual([[], 0]);
    expect(await listen(request, own.metadata)).toMatchObject({ clientId: 'known' });
  });

  test('has its secret from the keychain only as long as it is the same client', async () => {
    const { metadata } = await startServer();
    const first = requestFor([metadata], { authorization: secretive });
    const { request } = first;
    const ask = { shown: async () => '', unseen: async () => 'the secret' };
    const typing = { ...request, clients: { ...request.clients, entry: { secret: undefined, ask } } };
    const at: ListeningClient = await listenAsClient(typing, metadata, false, undefined);
    at.listener.close();
    expect(first.keychain.kept.size).toBe(0);
    await at.keep();
    expect(await listen(request, metadata)).toMatchObject({ clientId: 'known' });
    const renamed = requestFor([metadata], { authorization: { ...secretive, client_id: 'other' } }, first.keychain);
    await expect(listen(renamed.request, metadata)).rejects.toMatchObject({ code: 'client_needed' });
  });
});

describe('a client that the server refuses', () => {
  const refused = () => Promise.reject(new AppError('client_refused', 'refused'));
  const at = (remembered: boolean, forgotten: string[], clientId: string): ClientAtHand => ({
    client: { clientId, authMethod: 'none' },
    remembered,
    registered: true,
    proven: false,
    keep: async () => {},
    forget: async () => void forgotten.push(clientId),
  });

  test('is forgotten and replaced once, whatever the next one does', async () => {
    const { metadata } = await startServer();
    const { request } = requestFor([metadata]);
    const [asked, forgotten]: [boolean[], string[]] = [[], []];
    const find = async (anew: boolean) => {
      asked.push(anew);
      return at(!anew, forgotten, anew ? 'new' : 'old');
    };
    await expect(withClient(request, find, refused)).rejects.toMatchObject({ code: 'client_refused' });
    expect([asked, forgotten]).toEqual([
      [false, true],
      ['old', 'new'],
    ]);
  });

  test.each(['token_refused', 'access_denied', 'timed_out'] as const)('is not the reason for %s', async (code) => {
    const { metadata } = await startServer();
    const { request } = requestFor([metadata]);
    const forgotten: string[] = [];
    const flow = () => Promise.reject(new AppError(code, 'another reason'));
    await expect(withClient(request, async () => at(true, forgotten, 'old'), flow)).rejects.toMatchObject({ code });
    expect(forgotten).toEqual([]);
  });
});

test('nothing stays bound where no client could be had', async () => {
  const server = await startHostileServer(() => ({ status: 403 }));
  const { metadata } = await startServer();
  const refusing = { ...metadata, registration_endpoint: `${server.origin}/register` };
  const { request } = requestFor([metadata], {
    authorization: { redirect: { host: '127.0.0.1', port: 41_981, path: '/' } },
  });
  await expect(listen(request, refusing)).rejects.toMatchObject({ code: 'registration_refused' });
  const { listener } = await listenAsClient(request, metadata, false, undefined);
  onTestFinished(() => listener.close());
  expect(listener.redirectUri).toBe('http://127.0.0.1:41981/');
});

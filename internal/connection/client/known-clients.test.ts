import { describe, expect, test } from 'vitest';
import { keychainInMemory } from '../../../test/support/keychain-in-memory.ts';
import { type Keychain, KeychainUnavailable } from '../../outside/keychain.ts';
import { Secret } from '../../secret/secret.ts';
import { keychainSecrets } from '../../stores/files/machine-secrets.ts';
import { accountOf, type ClientPlace, type KnownClient, knownClients, readKnownClient } from './known-clients.ts';

function heard() {
  const said: string[] = [];
  return { said, detail: (text: string) => said.push(`detail: ${text}`), warn: (text: string) => said.push(text) };
}

const place: ClientPlace = {
  issuer: 'https://as.example',
  mcpServerUrl: 'https://mcp.example/mcp',
  redirect: 'http://127.0.0.1:*/callback',
};
const client: KnownClient = {
  client: { clientId: 'us', authMethod: 'client_secret_post', secret: new Secret('the secret') },
  redirectUri: 'http://127.0.0.1:41000/callback',
};

test('a client is found again with everything of it, under a name that a person can read', async () => {
  const keychain = keychainInMemory();
  await knownClients(keychainSecrets(keychain), heard()).keep(place, client, false);
  expect([...keychain.kept.keys()]).toEqual([
    'client at https://as.example for https://mcp.example/mcp, back to http://127.0.0.1:*/callback',
  ]);
  const found = await knownClients(keychainSecrets(keychain), heard()).find(place);
  expect(found).toMatchObject({
    client: { clientId: 'us', authMethod: 'client_secret_post' },
    redirectUri: client.redirectUri,
  });
  expect(found?.client.secret?.reveal()).toBe('the secret');
  await knownClients(keychainSecrets(keychain), heard()).forget(place);
  expect(keychain.kept.size).toBe(0);
});

test.each<[string, Partial<ClientPlace>]>([
  ['another authorization server', { issuer: 'https://moved.example' }],
  ['an authorization server that only looks the same', { issuer: 'https://as.example/' }],
  ['another MCP server', { mcpServerUrl: 'https://mcp.example/other' }],
  ['another redirect URI', { redirect: 'http://localhost:*/callback' }],
  ['the device flow', { redirect: undefined }],
])('a client is nobody for %s [A1.15]', async (_case, change) => {
  const known = knownClients(keychainSecrets(keychainInMemory()), heard());
  await known.keep(place, client, false);
  expect(await known.find({ ...place, ...change })).toBeUndefined();
  expect(await known.find(place)).toBeDefined();
});

const now = new Date('2026-11-22T08:00:00Z');
const kept = (change: object) =>
  readKnownClient(new Secret(JSON.stringify({ client_id: 'us', token_endpoint_auth_method: 'none', ...change })), now);

describe('what was kept counts as nothing', () => {
  test.each<[string, object]>([
    ['when its secret has expired', { expires_at: '2026-11-22T07:59:59Z' }],
    ['when its expiry cannot be read', { expires_at: 'soon' }],
    ['without an id', { client_id: undefined }],
    ['with an id of several lines', { client_id: 'us\nnobody' }],
    ['with an id of any length', { client_id: 'x'.repeat(3000) }],
    ['with a method that we have not', { token_endpoint_auth_method: 'private_key_jwt' }],
    ['without the secret that it needs', { token_endpoint_auth_method: 'client_secret_basic' }],
    ['with a redirect URI that is none', { redirect_uri: 'here' }],
  ])('%s', (_case, change) => {
    expect(kept(change)).toBeUndefined();
  });

  test.each(['', 'null', '[]', '"us"', '{'])('where it is %j', (text) => {
    expect(readKnownClient(new Secret(text), now)).toBeUndefined();
  });

  test('and everything else does not', () => {
    expect(kept({ expires_at: '2026-11-22T08:00:01Z' })).toMatchObject({ client: { clientId: 'us' } });
    expect(kept({ client_secret: 'left over' })?.client).toEqual({ clientId: 'us', authMethod: 'none' });
  });
});

describe('a keychain that fails', () => {
  const failing = (asked: string[]): Keychain => {
    const fail = async (account: string) => {
      asked.push(account);
      throw new KeychainUnavailable('locked \u001b[2J');
    };
    return { read: fail, write: fail, remove: fail };
  };

  test('is asked once, and that is said once, harmlessly', async () => {
    const [asked, saying]: [string[], ReturnType<typeof heard>] = [[], heard()];
    const known = knownClients(keychainSecrets(failing(asked)), saying);
    expect(await known.find(place)).toBeUndefined();
    await known.keep(place, client, false);
    await known.forget(place);
    expect(asked).toEqual([accountOf(place)]);
    expect(saying.said).toEqual(['detail: no client is remembered: the keychain cannot be used: "locked \\u001b[2J"']);
  });

  test('is said to have lost what a person entered; where the person wants none, nothing is said', async () => {
    const saying = heard();
    await knownClients(keychainSecrets(failing([])), saying).keep(place, client, true);
    expect(saying.said).toContainEqual(expect.stringContaining('has to be entered again next time'));
    const silent = heard();
    await knownClients(undefined, silent).keep(place, client, true);
    expect(silent.said).toEqual([]);
  });
});

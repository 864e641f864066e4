/** The rules, held against the sandbox, which refuses what the platform documents and the strictest of what it leaves open. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OfficialClient, sdkClient } from '../../test/sandbox/platform/sdk-client.ts';
import { type PlatformSandbox, startPlatform } from '../../test/sandbox/platform/start.ts';
import { isTrial, type NewCredential, trialOf, whyRefused } from './credential-rules.ts';

let platform: PlatformSandbox;
let client: OfficialClient;
beforeAll(async () => {
  platform = await startPlatform();
  client = sdkClient(platform);
});
afterAll(() => platform.close());

const url = 'https://mcp.example/mcp';
const later = () => new Date(Date.now() + 3_600_000).toISOString();

type Refresh = NonNullable<Extract<NewCredential['auth'], { type: 'mcp_oauth' }>['refresh']>;

const refresh: Refresh = {
  client_id: 'us',
  token_endpoint: 'https://as.example/token',
  refresh_token: 'rt',
  token_endpoint_auth: { type: 'none' },
};

const oauth = (changes: object = {}, renewal: object | null = {}): NewCredential => ({
  display_name: 'Notes',
  metadata: { mai_issuer: 'https://as.example' },
  auth: {
    type: 'mcp_oauth',
    mcp_server_url: url,
    access_token: 'at',
    expires_at: later(),
    ...(renewal === null ? {} : { refresh: { ...refresh, ...renewal } }),
    ...changes,
  },
});
const bearer = (token: string): NewCredential => ({
  ...oauth(),
  auth: { type: 'static_bearer', mcp_server_url: url, token },
});
const secret = (client_secret: string) => ({ token_endpoint_auth: { type: 'client_secret_post', client_secret } });

const cases: [string, NewCredential, boolean][] = [
  ['an OAuth connection', oauth(), true],
  ['one without renewal', oauth({}, null), true],
  ['one without an end', oauth({ expires_at: null }), true],
  ['one with a secret', oauth({}, secret('s')), true],
  ['an entered token', bearer('t'), true],
  ['the longest secrets', oauth({ access_token: 'x'.repeat(65_536) }), true],
  ['16 pairs', { ...oauth(), metadata: pairs(16) }, true],
  ['an end that is past', oauth({ expires_at: new Date(Date.now() - 1000).toISOString() }), false],
  ['no token', oauth({ access_token: '' }), false],
  ['a token that is too long', oauth({ access_token: 'x'.repeat(65_537) }), false],
  ['an entered token that is too long', bearer('x'.repeat(65_537)), false],
  ['no refresh token', oauth({}, { refresh_token: '' }), false],
  ['a refresh token that is too long', oauth({}, { refresh_token: 'x'.repeat(65_537) }), false],
  ['no client', oauth({}, { client_id: '' }), false],
  ['a client that is too long', oauth({}, { client_id: 'x'.repeat(2049) }), false],
  ['no secret', oauth({}, secret('')), false],
  ['a token endpoint over http', oauth({}, { token_endpoint: 'http://as.example/token' }), false],
  ['a token endpoint with user info', oauth({}, { token_endpoint: 'https://u:p@as.example/token' }), false],
  ['a token endpoint with a fragment', oauth({}, { token_endpoint: 'https://as.example/token#' }), false],
  ['a token endpoint that is no URL', oauth({}, { token_endpoint: '/token' }), false],
  ['an address that is too long', oauth({ mcp_server_url: `${url}/${'x'.repeat(2048)}` }), false],
  ['no name', { ...oauth(), display_name: '' }, false],
  ['a name that is too long', { ...oauth(), display_name: 'x'.repeat(256) }, false],
  ['17 pairs', { ...oauth(), metadata: pairs(17) }, false],
  ['a key that is too long', { ...oauth(), metadata: { ['x'.repeat(65)]: '' } }, false],
  ['a value that is too long', { ...oauth(), metadata: { x: 'x'.repeat(513) } }, false],
];

function pairs(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, 'value']));
}

test.each(cases)('%s: the rules and the platform agree [b25]', async (_case, credential, taken) => {
  const { id } = await client.beta.vaults.create({ display_name: 'Ada' });
  const ask = async (asked: NewCredential) =>
    await client.beta.vaults.credentials.create(id, asked).then(
      () => true,
      (error: unknown) => {
        if (error instanceof Error && 'status' in error && error.status === 400) return false;
        throw error;
      },
    );
  expect([whyRefused(credential, new Date()) === undefined, await ask(credential)]).toEqual([taken, taken]);
  const trial = trialOf(credential, '3f0e4a0e-6b1e-4b6e-9f46-8b8a7d1c2e3f');
  // The address alone is another one: that of the service is in use, and was taken once.
  if (!_case.startsWith('an address')) expect(await ask(trial)).toBe(taken);
});

test('a trial says nothing secret, and is told from every connection', () => {
  const attempt = '3f0e4a0e-6b1e-4b6e-9f46-8b8a7d1c2e3f';
  const credential = oauth(
    { access_token: 'secret-access' },
    { refresh_token: 'secret-refresh', ...secret('secret-client') },
  );
  const trial = trialOf(credential, attempt);
  expect(JSON.stringify(trial)).not.toContain('secret-');
  const address = 'mcp_server_url' in trial.auth ? trial.auth.mcp_server_url : '';
  expect([isTrial(address), isTrial(url), isTrial(`${url}/mai-trial-${attempt}`), isTrial('mai-trial')]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

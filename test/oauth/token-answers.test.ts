/** Token answers as real services give them: what works is used, what does not is named, and nothing is left granted. */
import { afterEach, describe, expect, test } from 'vitest';
import { hostileWorld } from './hostile-world.ts';
import { type Script, startScriptedService } from './scripted-service.ts';

const world = hostileWorld();
afterEach(() => world.forget());

type TokenLie = NonNullable<Script['token']>;

/** The honest answer with other members; its errors stay as they are. */
const having =
  (changes: Record<string, unknown>): TokenLie =>
  ({ honest }) => ({ json: { ...honest, ...changes } });

/** A JWT that nobody signed: its claims are read and never trusted. */
function jwt(claims: Record<string, unknown>): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.signature`;
}

async function lifetimeStored(): Promise<number | undefined> {
  const [{ auth } = {}] = await world.credentials();
  if (auth?.type !== 'mcp_oauth') throw new Error('nothing is stored');
  return auth.expires_at == null ? undefined : Math.round((Date.parse(auth.expires_at) - Date.now()) / 1000);
}

describe('an answer that works', () => {
  test.each<[string, TokenLie]>([
    ['with 201', ({ honest }) => ({ status: 201, json: honest })],
    ['with 202 and a type of its own', ({ honest }) => ({ status: 202, ...textOf(honest, 'text/plain') })],
    ['under text/html', ({ honest }) => textOf(honest, 'text/html; charset=utf-8')],
    ['without a type', ({ honest }) => ({ headers: {}, text: JSON.stringify(honest) })],
    [
      'with null for what it leaves out',
      having({ id_token: null, scope: null, expires_in: null, refresh_token: null }),
    ],
    ['with an empty refresh token', having({ refresh_token: '' })],
  ])('is used: %s [A5.12] [A5.13] [A1.24]', async (_case, token) => {
    const { exit, stderr } = await world.connect({ script: { token } });
    expect([exit, await world.stored()], stderr).toEqual([0, 1]);
  });
});

function textOf(value: object, type: string) {
  return { headers: { 'content-type': type }, text: JSON.stringify(value) };
}

describe('an error', () => {
  test.each([
    ['text/html', 400],
    ['text/plain', 401],
    ['application/octet-stream', 200],
    ['application/json', 201],
  ])('keeps its code as %s with %i [A5.13] [A5.8]', async (type, status) => {
    const token: TokenLie = () => ({ status, ...textOf({ error: 'invalid_grant' }, type) });
    await world.attack({ script: { token }, exchanges: 1, ends: 'token_refused', said: /"invalid_grant"/ });
  });

  test.each<[string, TokenLie, RegExp]>([
    ['a page', () => ({ status: 502, ...htmlPage }), /is 502 \("text\/html"\), and says no more/],
    ['nothing', () => ({ status: 400, headers: {}, text: '' }), /is 400 \(no type\), and says no more/],
    ['a page as a success', () => htmlPage, /is not JSON \("text\/html"\)/],
  ])('that is %s is named by its status [A5.13]', async (_case, token, said) => {
    await world.attack({ script: { token }, exchanges: 1, ends: 'token_unusable', said });
  });
});

const htmlPage = { headers: { 'content-type': 'text/html' }, text: '<h1>Bad gateway</h1>' };

describe('tokens that cannot be used', () => {
  test.each<[string, TokenLie, RegExp]>([
    ['a list of scopes', having({ scope: ['read'] }), /is wrong: "scope" is not a text/],
    ['no type', having({ token_type: undefined }), /lacks "token_type"/],
    ['the type of another scheme', having({ token_type: 'DPoP' }), /is wrong: "token_type" is not Bearer/],
    ['a lifetime in words', having({ expires_in: 'an hour' }), /is wrong: "expires_in" is not a number of seconds/],
    ['a number for a token', having({ access_token: 7 }), /is wrong: "access_token" is not a text/],
    ['a form', ({ honest }) => ({ headers: {}, text: `${new URLSearchParams(honest as never)}` }), /is not JSON/],
    ['an answer within another', ({ honest }) => ({ json: { data: honest } }), /lacks "access_token"/],
  ])('are named and given back: %s [b20] [A5.13]', async (_case, token, said) => {
    const { service } = await world.attack({ script: { token }, exchanges: 1, ends: 'token_unusable', said });
    expect(service.revoked).toEqual([service.secrets.find((secret) => secret.startsWith('refresh-'))]);
  });
});

describe('the lifetime [A5.14]', () => {
  test('of a JWT counts where the answer has none', async () => {
    const service = await startScriptedService({
      token: ({ honest }) => {
        const now = Math.floor(Date.now() / 1000);
        const access_token = jwt({ iat: now, exp: now + 900, sub: 'ada' });
        service.secrets.push(access_token);
        return { json: { ...honest, access_token, expires_in: undefined } };
      },
    });
    const { exit, stderr } = await world.connect({ service });
    expect([exit, stderr]).toEqual([0, expect.not.stringContaining('how long')]);
    expect(await lifetimeStored()).toBeGreaterThan(800);
    expect(await lifetimeStored()).toBeLessThanOrEqual(900);
  });

  test('that nobody says is said', async () => {
    const { exit, stderr } = await world.connect({ script: { token: having({ expires_in: undefined }) } });
    expect([exit, await lifetimeStored()]).toEqual([0, undefined]);
    expect(stderr).toContain('does not say how long its token lasts');
    expect(stderr).toContain('service-connection check notion');
  });

  test('that nobody says is no news where nothing could renew it', async () => {
    const token = having({ expires_in: undefined, refresh_token: undefined });
    const { exit, stderr } = await world.connect({ script: { token } });
    expect([exit, stderr]).toEqual([0, expect.not.stringContaining('how long')]);
  });

  test.each([0, -1, '0', '-3600'])('of %j is none: the token is kept without one if it works', async (expires_in) => {
    const { exit, stderr } = await world.connect({ script: { token: having({ expires_in }) } });
    expect([exit, await lifetimeStored()], stderr).toEqual([0, undefined]);
    expect(stderr).toContain('gave the token no lifetime (0 s)');
  });

  test('of none is no reason to keep a token that does not work', async () => {
    const { service } = await world.attack({
      script: { token: having({ expires_in: 0, access_token: 'never-issued' }) },
      exchanges: 1,
      ends: 'service_refused',
    });
    expect(service.revoked).toHaveLength(1);
  });
});

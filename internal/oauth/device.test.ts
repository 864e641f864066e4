/** The device flow over real sockets, with an authorization server that answers as each test wants. */
import { describe, expect, test } from 'vitest';
import { type Answer, startHostileServer } from '../../test/support/hostile-server.ts';
import { inTimeOf, machineClock } from '../clock/clock.ts';
import { guardedFetch } from '../outside/http.ts';
import { announced } from '../stores/announced.ts';
import { judgeAuthorizationServer } from './authorization-server.ts';
import { authorizeDevice, type DeviceAttempt, requireDeviceFlow } from './device.ts';
import type { Tokens } from './library.ts';

const pending: Answer = { status: 400, json: { error: 'authorization_pending' } };
const tokens: Answer = { json: { access_token: 'at', token_type: 'Bearer', expires_in: 3600, refresh_token: 'rt' } };

/** Runs a flow whose token endpoint gives these answers one after the other, the last one for good. */
async function flow(
  answers: Answer[],
  setting: { begun?: Record<string, unknown>; device?: Answer; attempt?: Partial<DeviceAttempt> } = {},
) {
  let asked = 0;
  const server = await startHostileServer((line, _request, origin) => {
    if (line === 'POST /token') {
      asked += 1;
      return answers[Math.min(asked, answers.length) - 1];
    }
    const verification_uri = `${origin}/enter`;
    const complete = `${origin}/enter?user_code=ABCD-EFGH`;
    const begun = { device_code: 'the-device-code', user_code: 'ABCD-EFGH', verification_uri, expires_in: 60 };
    return (
      setting.device ?? {
        json: { ...begun, verification_uri_complete: complete, interval: 0.05, ...setting.begun },
      }
    );
  });
  const calm = new AbortController().signal;
  const shown: [string, string][] = [];
  let done = 0;
  const outcome: Tokens | unknown = await authorizeDevice({
    announced: announced(),
    server: judgeAuthorizationServer(
      {
        issuer: server.origin,
        authorization_endpoint: `${server.origin}/authorize`,
        token_endpoint: `${server.origin}/token`,
        device_authorization_endpoint: `${server.origin}/device`,
        code_challenge_methods_supported: ['S256'],
      },
      { issuer: server.origin, requirePkce: true },
    ),
    client: { clientId: 'us', authMethod: 'none' },
    scopes: ['a', 'b'],
    resource: 'https://mcp.example',
    tokenResponse: 'standard',
    openid: false,
    allowLoopbackHttp: true,
    fetch: guardedFetch({ allowLoopbackHttp: true, signal: calm }),
    signal: calm,
    timeoutMs: 5_000,
    showCode(address, code) {
      shown.push([address.href, code]);
      return { done: () => (done += 1) };
    },
    ...setting.attempt,
  }).catch((error: unknown) => error);
  expect(done).toBe(shown.length);
  const sent = server.requests.map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
  return { server, outcome, shown, sent, polls: server.lines().filter((line) => line === 'POST /token').length };
}

test('the code is shown with its address, and asked about until it was entered [b18]', async () => {
  const { server, outcome, shown, sent } = await flow([pending, pending, tokens]);
  expect(outcome).toMatchObject({ access_token: 'at', refresh_token: 'rt' });
  expect(shown).toEqual([[`${server.origin}/enter`, 'ABCD-EFGH']]);
  const poll = {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: 'the-device-code',
    client_id: 'us',
    resource: 'https://mcp.example',
  };
  expect(sent).toEqual([{ client_id: 'us', scope: 'a b', resource: 'https://mcp.example' }, poll, poll, poll]);
});

describe('it ends', () => {
  test.each<[string, Answer, string]>([
    ['access was denied', { status: 400, json: { error: 'access_denied' } }, 'access_denied'],
    ['the code expired', { status: 400, json: { error: 'expired_token' } }, 'timed_out'],
    ['the client is refused', { status: 401, json: { error: 'invalid_client' } }, 'client_refused'],
    ['the answer is no token', { json: {} }, 'token_unusable'],
  ])('because %s, and asks no more [b18] [connecting]', async (_case, answer, code) => {
    const { outcome, polls } = await flow([pending, answer, tokens]);
    expect(outcome).toMatchObject({ code });
    expect(polls).toBe(2);
    expect((outcome as Error).message).not.toContain('the-device-code');
  });

  test('when the code’s time is over, whatever the server says', async () => {
    const { outcome } = await flow([pending], { begun: { expires_in: 0.3 } });
    expect(outcome).toMatchObject({ code: 'timed_out' });
  });

  test('when our own time is over', async () => {
    const { outcome } = await flow([pending], { attempt: { timeoutMs: 300 } });
    expect(outcome).toMatchObject({ code: 'timed_out' });
  });

  test.each([-2, 2])('when it is over by the time that passes, whoever sets the clock by %i hours', async (hours) => {
    let asked = 0;
    const now = () => new Date(Date.now() + (asked > 0 ? hours * 3_600_000 : 0));
    const setting = {
      begun: { expires_in: 1, interval: 0.1 },
      attempt: { timeoutMs: 10_000, signal: AbortSignal.timeout(8_000) },
    };
    const answer: Answer = {
      status: 400,
      get json() {
        asked += 1;
        return { error: 'authorization_pending' };
      },
    };
    const began = performance.now();
    const { outcome } = await inTimeOf({ ...machineClock, now }, () => flow([answer], setting));
    expect([outcome, performance.now() - began > 900]).toMatchObject([{ code: 'timed_out' }, true]);
    expect(asked).toBeGreaterThan(0);
  });

  test('at once when it is interrupted, however long the pause [connecting]', async () => {
    const interruption = new AbortController();
    const begun = Date.now();
    setTimeout(() => interruption.abort(), 50);
    const { outcome, polls } = await flow([pending], {
      begun: { interval: 30 },
      attempt: { signal: interruption.signal, timeoutMs: 60_000 },
    });
    expect([(outcome as { code: string }).code, polls]).toEqual(['interrupted', 0]);
    expect(Date.now() - begun).toBeLessThan(2_000);
  });
});

describe('it asks less often', () => {
  test('when it is told to slow down, and for good [b18]', async () => {
    const slow: Answer = { status: 400, json: { error: 'slow_down' } };
    const { outcome, polls } = await flow([slow, tokens], { attempt: { timeoutMs: 1_000 } });
    expect([(outcome as { code: string }).code, polls]).toEqual(['timed_out', 1]);
  });

  test('when the server cannot be reached, and goes on [b18]', async () => {
    const broken: Answer = (response) => response.destroy();
    const { outcome, polls } = await flow([broken, tokens]);
    expect(outcome).toMatchObject({ access_token: 'at' });
    expect(polls).toBe(2);
  });

  test.each<[string, Answer]>([
    ['429 of a gateway', { status: 429, text: 'slower' }],
    ['500 in OAuth', { status: 500, json: { error: 'server_error' } }],
  ])('when the server answers %s, and goes on', async (_case, answer) => {
    const { outcome, polls } = await flow([pending, answer, tokens]);
    expect(outcome).toMatchObject({ access_token: 'at' });
    expect(polls).toBe(3);
  });
});

describe('it does not begin', () => {
  test.each<[string, Answer, string]>([
    ['the client may not', { status: 400, json: { error: 'unauthorized_client' } }, 'client_refused'],
    ['there is no code in the answer', { json: {} }, 'token_unusable'],
  ])('where %s', async (_case, device, code) => {
    const { outcome, shown, polls } = await flow([tokens], { device });
    expect([(outcome as { code: string }).code, shown, polls]).toEqual([code, [], 0]);
  });

  test.each([
    { user_code: '\u001b[2JABCD' },
    { user_code: 'A\nB' },
    { user_code: 'x'.repeat(65) },
    { verification_uri: 'javascript:alert(1)' },
    { verification_uri: 'http://evil.example/enter' },
    { verification_uri: 'https://user@evil.example/enter' },
  ])('with what must not be shown: %j [b18] [c24] [connecting]', async (begun) => {
    const { outcome, shown, polls } = await flow([tokens], { begun });
    expect(['service_metadata', 'url_refused']).toContain((outcome as { code: string }).code);
    expect([shown, polls]).toEqual([[], 0]);
  });

  test('where the server does not offer it', () => {
    const metadata = {
      issuer: 'https://as.example',
      authorization_endpoint: 'https://as.example/a',
      token_endpoint: 'https://as.example/t',
    };
    const server = judgeAuthorizationServer(metadata, { issuer: 'https://as.example', requirePkce: false });
    expect(() => requireDeviceFlow(server, 'notion')).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.stringContaining('--paste') }),
    );
  });
});

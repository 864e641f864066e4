/** Nobody comes back: what arrives instead is told while it is waited, and the end of the wait says where to look. */
import { afterEach, describe, expect, test } from 'vitest';
import { adviceFor } from '../../internal/oauth/advice.ts';
import type { Question } from '../support/ask.ts';
import { type Consent, hostileWorld } from './hostile-world.ts';

const world = hostileWorld();
afterEach(() => world.forget());

/** Sends something odd first, then the answer. */
const oddThenAnswer = (query: string, question: Question) => async (consent: Consent) => {
  const { searchParams } = await consent.allow();
  await consent.send(query, question);
  await consent.send(`${searchParams}`);
};

describe('a visit that is no answer is told by what it means, once, and the answer still counts [A7.6]', () => {
  test.each<[string, Question, RegExp]>([
    ['a form', { method: 'POST', body: 'decision=allow' }, /sent here as a form \(POST\)/],
    ['an address without an answer', { target: '/callback' }, /behind a # there/],
    ['another path', { target: '/oauth?code=c&state=s' }, /came to another path than \/callback/],
    [
      'a refusal without a state',
      { target: '/callback?error=invalid_scope' },
      /an error invalid_scope came without the state .* ask for other scopes/,
    ],
    [
      'an address that nobody reads to its end',
      { target: `/callback?code=${'c'.repeat(9_000)}` },
      /an address longer than 8 KiB/,
    ],
    [
      'one with more than any server reads',
      { target: `/callback?code=${'c'.repeat(17_000)}` },
      /more than 16 KiB of cookies or address/,
    ],
    [
      'cookies of other programs',
      { headers: { cookie: `a=${'x'.repeat(17_000)}` } },
      /clear the cookies of 127\.0\.0\.1 and localhost there/,
    ],
    ['one in words of its own', { target: '/callback?error=PWNED' }, /an error came without the state of this sign-in/],
  ])('%s', async (_case, question, said) => {
    const connected = await world.connect({
      browse: async (consent) => {
        await consent.send('', question);
        await oddThenAnswer('', question)(consent);
      },
    });
    expect([connected.exit, connected.stderr.match(new RegExp(said, 'g'))?.length], connected.stderr).toEqual([0, 1]);
  });

  test('a page of the authorization server that led here', async () => {
    const connected = await world.connect({
      browse: async (consent) => {
        const headers = { referer: `${consent.url.origin}/error?code=AADSTS90095` };
        await consent.send('', { target: '/', headers });
        await oddThenAnswer('', { target: '/', headers: { referer: 'https://evil.example/' } })(consent);
      },
    });
    expect([connected.exit, connected.stderr.match(/does it show an error\?/g)?.length]).toEqual([0, 1]);
    expect(connected.stderr).not.toContain('AADSTS90095');
  });

  test('nothing is said of what a browser fetches by itself', async () => {
    const connected = await world.connect({ browse: oddThenAnswer('', { target: '/favicon.ico' }) });
    expect(connected.stderr).not.toMatch(/another path|does it show|behind a #/);
  });
});

test('when nobody came back the hint asks what the page showed, and names the lines that help [A7.6]', async () => {
  const { stderr } = await world.attack({
    argv: ['notion', '--timeout', '2'],
    browse: async () => {},
    ends: 'timed_out',
  });
  expect(stderr).toMatch(/did the page in the browser show an error\?/);
  expect(stderr).toContain('resource_parameter: false');
});

test.each<[string, string | undefined, RegExp | undefined]>([
  ['invalid_target', undefined, /resource_parameter: false/],
  ['invalid_target', 'AADSTS9010010: The resource parameter does not match', /resource_parameter: false/],
  ['access_denied_by_admin', 'AADSTS90095: Admin consent is required', /prompt: select_account/],
  ['invalid_request', 'AADSTS99999: unknown', undefined],
  ['server_error', 'constructor AADSTSconstructor', undefined],
])('%s with %j has its own advice', (error, description, advice) => {
  if (advice === undefined) expect(adviceFor(error, description)).toBeUndefined();
  else expect(adviceFor(error, description)).toMatch(advice);
});

test('a refused resource is told with the line that leaves it out, and that line connects', async () => {
  const script = {
    authorization: ({
      request,
      honest,
    }: {
      request: { target?: string | undefined };
      honest: Record<string, unknown>;
    }) => {
      const { searchParams } = new URL(request.target ?? '', 'http://x');
      if (!searchParams.has('resource')) return undefined;
      const parameters = new URLSearchParams({
        error: 'invalid_target',
        state: String(honest['state']),
        iss: String(honest['iss']),
      });
      return { status: 302, headers: { location: `${searchParams.get('redirect_uri')}?${parameters}` } };
    },
  };
  const { stderr } = await world.attack({ script, ends: 'callback_refused', said: 'resource_parameter: false' });
  expect(stderr).toContain('invalid_target');
  const configure = (file: { authorization: Record<string, unknown> }) => {
    file.authorization['resource_parameter'] = false;
  };
  expect((await world.connect({ script, configure })).exit).toBe(0);
});

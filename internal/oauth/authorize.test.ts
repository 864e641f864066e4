/** The flow over real sockets, with an authorization server that answers the token request as each test wants. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { freeLoopbackPort } from '../../test/sandbox/listener.ts';
import { type Answered, ask, type Question } from '../../test/support/ask.ts';
import { begin } from '../../test/support/begin.ts';
import { type Answer, type HostileServer, startHostileServer } from '../../test/support/hostile-server.ts';
import { deferred } from '../async/deferred.ts';
import { type Clock, inTimeOf, machineClock } from '../clock/clock.ts';
import { guardedFetch } from '../outside/http.ts';
import { listenOnLoopback } from '../outside/loopback.ts';
import { announced } from '../stores/announced.ts';
import { judgeAuthorizationServer } from './authorization-server.ts';
import { type Attempt, authorize } from './authorize.ts';
import type { Tokens } from './library.ts';

const goodTokens: Answer = {
  json: { access_token: 'at', token_type: 'Bearer', expires_in: 3600, refresh_token: 'rt' },
};

interface Flow {
  server: HostileServer;
  /** The authorization request as the browser was sent to it. */
  asked: URL;
  callback: string;
  state: string;
  /** What the flow ended with. */
  outcome: Tokens | unknown;
  warnings: string[];
}

/** Runs a flow. `browse` plays the browser and whoever else is on this machine; the code of a good answer is `the-code`. */
async function flow(
  browse: (at: {
    callback: string;
    state: string;
    asked: URL;
    origin: string;
    headers: { cookie: string };
  }) => Promise<unknown>,
  setting: {
    token?: Answer;
    attempt?: Partial<Attempt>;
    metadata?: Record<string, unknown>;
    timesOut?: true;
    clock?: Clock;
  } = {},
): Promise<Flow> {
  const server = await startHostileServer((line) =>
    line === 'POST /token' ? (setting.token ?? goodTokens) : undefined,
  );
  const listener = await listenOnLoopback({ host: '127.0.0.1', path: '/callback' });
  onTestFinished(() => listener.close());
  const metadata = {
    issuer: server.origin,
    authorization_endpoint: `${server.origin}/authorize?tenant=1`,
    token_endpoint: `${server.origin}/token`,
    code_challenge_methods_supported: ['S256'],
    ...setting.metadata,
  };
  const warnings: string[] = [];
  let asked = new URL('about:blank');
  let browsing: Promise<unknown> = Promise.resolve();
  const browsed = deferred();
  /** Time that is over once the browser has done what it does. */
  const overThen: Clock = {
    ...machineClock,
    after(_milliseconds, act) {
      void browsed.promise.then(act);
      return () => {};
    },
  };
  const calm = new AbortController().signal;
  const attempt = async () =>
    await authorize({
      announced: announced(),
      server: judgeAuthorizationServer(metadata, { issuer: server.origin, requirePkce: true }),
      client: { clientId: 'us', authMethod: 'none' },
      listener,
      path: '/callback',
      scopes: ['a', 'b'],
      resource: 'https://mcp.example',
      parameters: { access_type: 'offline' },
      tokenResponse: 'standard',
      openid: false,
      allowLoopbackHttp: true,
      fetch: guardedFetch({ allowLoopbackHttp: true, signal: calm }),
      signal: calm,
      timeoutMs: 5_000,
      visit: async ({ start, authorization }) => {
        asked = authorization;
        const { redirectUri: callback } = listener;
        browsing = (async () => {
          const { state, headers } = await begin(start);
          const last = await browse({ callback, state, asked, origin: server.origin, headers });
          // A browser that was sent on asks for the page; it is answered when the flow has ended.
          const done = isAnswered(last) ? last.headers['location'] : undefined;
          if (typeof done === 'string') void ask(callback, { target: done }).catch(() => {});
        })().finally(browsed.resolve);
        return { startIsPublic: true, done: () => {} };
      },
      warn: (text) => warnings.push(text),
      ...setting.attempt,
    });
  const outcome = await inTimeOf(setting.timesOut ? overThen : (setting.clock ?? machineClock), attempt).catch(
    (error: unknown) => error,
  );
  await listener.finish({ ok: true });
  await browsing;
  return {
    server,
    asked,
    callback: listener.redirectUri,
    state: asked.searchParams.get('state') ?? '',
    outcome,
    warnings,
  };
}

const comeBack = ({ callback, state, headers }: { callback: string; state: string; headers: { cookie: string } }) =>
  ask(`${callback}?code=the-code&state=${state}`, { headers });

function isAnswered(value: unknown): value is Answered {
  return value instanceof Object && 'headers' in value;
}

test('asks with S256, the resource verbatim and one redirect URI, and exchanges the code once [A1.8] [A1.9] [A3.4] [A3.5] [b2] [b24] [c6] [c20] [connecting]', async () => {
  const { asked, server, callback, outcome } = await flow(comeBack);
  expect(outcome).toMatchObject({ access_token: 'at', refresh_token: 'rt' });
  const query = Object.fromEntries(asked.searchParams);
  expect(query).toMatchObject({
    tenant: '1',
    access_type: 'offline',
    response_type: 'code',
    client_id: 'us',
    redirect_uri: callback,
    scope: 'a b',
    resource: 'https://mcp.example',
    code_challenge_method: 'S256',
  });
  expect(query['state']).toMatch(/^[\w-]{43,}$/);
  expect(server.lines()).toEqual(['POST /token']);
  const sent = Object.fromEntries(new URLSearchParams(server.requests[0]?.body));
  const { code_verifier: verifier = '', ...rest } = sent;
  expect(rest).toEqual({
    grant_type: 'authorization_code',
    code: 'the-code',
    redirect_uri: callback,
    client_id: 'us',
    resource: 'https://mcp.example',
  });
  expect(verifier).toMatch(/^[\w-]{43,}$/);
  expect(createHash('sha256').update(verifier).digest('base64url')).toBe(query['code_challenge']);
});

test('every attempt has a state and a verifier of its own [A1.20] [c6]', async () => {
  const [one, other] = [await flow(comeBack), await flow(comeBack)];
  for (const name of ['state', 'code_challenge']) {
    expect(one.asked.searchParams.get(name)).not.toBe(other.asked.searchParams.get(name));
  }
});

test('leaves scope and resource out where there are none, and lets no parameter of a file replace a security one [A3.6] [c6]', async () => {
  const parameters = { state: 'fixed', code_challenge_method: 'plain', redirect_uri: 'https://evil.example' };
  const { asked, server, outcome, callback } = await flow(comeBack, {
    attempt: { scopes: undefined, resource: undefined, parameters },
  });
  expect(outcome).toMatchObject({ access_token: 'at' });
  expect([asked.searchParams.get('scope'), asked.searchParams.get('resource')]).toEqual([null, null]);
  expect(new URLSearchParams(server.requests[0]?.body).get('resource')).toBeNull();
  expect(asked.searchParams.get('state')).not.toBe('fixed');
  expect(asked.searchParams.getAll('code_challenge_method')).toEqual(['S256']);
  expect(asked.searchParams.getAll('redirect_uri')).toEqual([callback]);
});

describe('the browser comes back', () => {
  test('with a wrong state first and the right one then: the sign-in succeeds [A1.20] [b10]', async () => {
    const statuses: number[] = [];
    const { outcome, warnings, server } = await flow(async ({ callback, state, headers }) => {
      for (const query of ['code=evil&state=wrong', 'error=access_denied', `code=the-code&state=${state}`]) {
        statuses.push((await ask(`${callback}?${query}`, { headers })).status);
      }
    });
    expect(statuses).toEqual([400, 400, 303]);
    expect(outcome).toMatchObject({ access_token: 'at' });
    expect(warnings).toEqual([
      expect.stringContaining('does not belong to this sign-in'),
      expect.stringContaining('an error access_denied came without the state'),
    ]);
    expect(server.requests.map(({ body }) => new URLSearchParams(body).get('code'))).toEqual(['the-code']);
  });

  test('without doing harm by anything but one good GET [b5] [b6] [b7] [b8] [b9] [b11]', async () => {
    const statuses: number[] = [];
    const { outcome } = await flow(async ({ callback, state, headers }) => {
      const good = `/callback?code=the-code&state=${state}`;
      const questions: Question[] = [
        { method: 'HEAD', target: good },
        { method: 'POST', target: good },
        { method: 'OPTIONS', target: good, headers: { origin: 'https://evil.example' } },
        { target: good, headers: { host: 'evil.example' } },
        { target: good, headers: { 'sec-fetch-dest': 'image' } },
        { target: good, headers: { origin: 'https://evil.example' } },
        { target: good.replace('/callback', '/callback/') },
        { target: good.replace('/callback', '//callback') },
        { target: good.replace('/callback', '/callback%2f') },
        { target: `${good}&state=${state}` },
        { target: '/favicon.ico' },
        { target: good },
        { target: good },
      ];
      for (const question of questions) {
        statuses.push((await ask(callback, { ...question, headers: { ...headers, ...question.headers } })).status);
      }
    });
    expect(statuses).toEqual([405, 405, 405, 421, 403, 403, 404, 404, 404, 400, 404, 303, 410]);
    expect(outcome).toMatchObject({ access_token: 'at' });
  });

  test('ten times and more with a wrong state: nothing ends, and it is said once [b10]', async () => {
    const { outcome, server, warnings } = await flow(async ({ callback, state, headers }) => {
      for (let index = 0; index < 30; index += 1) await ask(`${callback}?code=x&state=guess-${index}`);
      return await ask(`${callback}?code=the-code&state=${state}`, { headers });
    });
    expect(outcome).toMatchObject({ access_token: 'at' });
    expect([server.lines(), warnings.length]).toEqual([['POST /token'], 1]);
  });

  test('from another authorization server: no token request leaves [A1.14] [c1] [connecting]', async () => {
    const { outcome, server } = await flow(({ callback, state, headers }) =>
      ask(`${callback}?code=the-code&state=${state}&iss=https%3A%2F%2Fevil.example`, { headers }),
    );
    expect(outcome).toMatchObject({ code: 'callback_refused' });
    expect(server.lines()).toEqual([]);
  });

  test('without the issuer that the server promises: no token request leaves [A1.14]', async () => {
    const promised = { metadata: { authorization_response_iss_parameter_supported: true } };
    const { outcome, server } = await flow(comeBack, promised);
    expect([(outcome as { code: string }).code, server.lines()]).toEqual(['callback_refused', []]);
    const named = await flow(
      ({ callback, state, origin, headers }) =>
        ask(`${callback}?code=c&state=${state}&iss=${encodeURIComponent(origin)}`, { headers }),
      promised,
    );
    expect(named.outcome).toMatchObject({ access_token: 'at' });
  });

  test('with a denial: access was denied', async () => {
    const { outcome, server } = await flow(({ callback, state, headers }) =>
      ask(`${callback}?error=access_denied&state=${state}`, { headers }),
    );
    expect(outcome).toMatchObject({ code: 'access_denied' });
    expect(server.lines()).toEqual([]);
  });

  test('with another error: it is quoted, harmless and short [c24]', async () => {
    const description = encodeURIComponent(`\u001b]8;;https://evil.example\u0007click\u202e${'x'.repeat(2_000)}`);
    const { outcome } = await flow(({ callback, state, headers }) =>
      ask(`${callback}?error=server_error&error_description=${description}&state=${state}`, { headers }),
    );
    expect(outcome).toMatchObject({ code: 'callback_refused' });
    const { message } = outcome as Error;
    expect(message).toMatch(/^[\x20-\x7e…]+$/);
    expect(message.length).toBeLessThan(800);
  });

  test('with a code and an error: the code is not used', async () => {
    const { outcome, server } = await flow(({ callback, state, headers }) =>
      ask(`${callback}?code=the-code&error=server_error&state=${state}`, { headers }),
    );
    expect([(outcome as { code: string }).code, server.lines()]).toEqual(['callback_refused', []]);
  });
});

describe('somebody takes part in it who is not the browser that began', () => {
  /** A browser goes where it is sent. */
  const follow = async (address: string, headers = {}) => {
    const first = await ask(address, { headers });
    return first.status === 302 ? await ask(String(first.headers['location']), { headers }) : first;
  };
  const stranger = ({ callback, state }: { callback: string; state: string }) =>
    follow(`${callback}?code=of-a-thief&state=${state}`);

  test('but who brings the cookie when asked once more, below the redirect URI, is that browser', async () => {
    const { outcome, server, callback } = await flow(async ({ callback, state, headers }) => {
      const sentOn = await ask(`${callback}?code=the%2Dcode&state=${state}`);
      expect([sentOn.status, sentOn.headers]).toEqual([
        302,
        expect.not.objectContaining({ 'set-cookie': expect.anything() }),
      ]);
      expect(sentOn.headers['location']).toBe(`${callback}/again?code=the%2Dcode&state=${state}`);
      return await ask(String(sentOn.headers['location']), { headers });
    });
    expect(outcome).toMatchObject({ access_token: 'at' });
    const sent = new URLSearchParams(server.requests[0]?.body);
    expect([sent.get('code'), sent.get('redirect_uri')]).toEqual(['the-code', callback]);
  });

  test('with the right state and no cookie: nothing is exchanged, and both are told [b10]', async () => {
    const told: Answered[] = [];
    const { outcome, server } = await flow(async (at) => {
      told.push(await stranger(at));
      told.push(await ask(`${at.callback}?code=the-code&state=${at.state}`, { headers: at.headers }));
    });
    expect(outcome).toMatchObject({ code: 'sign_in_contested', hint: expect.stringContaining('--paste') });
    expect([server.lines(), told.map(({ status }) => status)]).toEqual([[], [403, 403]]);
    for (const { body } of told) expect(body).toContain('This sign-in was ended');
  });

  test('by opening the start once more, without the cookie: the same', async () => {
    const told: number[] = [];
    let start = new URL('about:blank');
    const visit: Attempt['visit'] = async (places) => {
      ({ start } = places);
      void (async () => {
        const { headers } = await begin(start);
        // The same browser may come again: a reload, the back button.
        told.push((await ask(start.href, { headers })).status);
        for (const method of ['HEAD', 'POST']) told.push((await ask(start.href, { method })).status);
        told.push((await ask(start.href, { headers: { 'sec-purpose': 'prefetch' } })).status);
        told.push((await ask(start.href, { headers: { host: 'localhost:1' } })).status);
        told.push((await ask(start.href)).status);
      })();
      return { startIsPublic: true, done() {} };
    };
    const { outcome, server, warnings } = await flow(comeBack, { attempt: { visit } });
    expect(outcome).toMatchObject({ code: 'sign_in_contested', message: expect.stringContaining('a second time') });
    expect([server.lines(), told.slice(0, 5)]).toEqual([[], [302, 405, 405, 403, 421]]);
    expect(warnings).toEqual([expect.stringContaining('at both ends')]);
  });

  test.skipIf(process.platform !== 'linux')(
    'by a browser that is gone before anybody looks whose it was: it is no stranger, and the next one goes on',
    async () => {
      const leave = async (url: URL) => {
        const socket = connect(Number(url.port), url.hostname);
        socket.end(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
        let heard = '';
        for await (const piece of socket.on('error', () => {})) heard += piece;
        // For each of these it is looked whose it is, as for the one that left.
        for (let others = 0; others < 20; others += 1) await ask(new URL('/favicon.ico', url).href);
        return heard;
      };
      const heard: string[] = [];
      const visit: Attempt['visit'] = async ({ start, authorization, redirectUri }) => {
        void (async () => {
          heard.push(await leave(start));
          const { headers } = await begin(start);
          const { state = '' } = Object.fromEntries(authorization.searchParams);
          heard.push(await leave(new URL(`${redirectUri}?code=the-code&state=${state}`)));
          const { headers: answered } = await ask(`${redirectUri}?code=the-code&state=${state}`, { headers });
          void ask(redirectUri, { target: String(answered['location']) }).catch(() => {});
        })();
        return { startIsPublic: true, done() {} };
      };
      const { outcome, warnings } = await flow(comeBack, { attempt: { visit } });
      expect([outcome, heard, warnings]).toEqual([expect.objectContaining({ access_token: 'at' }), ['', ''], []]);
    },
  );

  test('where the answer can be pasted: it is not taken, the page says so, and the pasted one counts', async () => {
    let told: Answered | undefined;
    const visit: Attempt['visit'] = async ({ authorization, redirectUri }) => ({
      startIsPublic: false,
      done() {},
      prompt({ enter }) {
        const state = authorization.searchParams.get('state') ?? '';
        void (async () => {
          told = await stranger({ callback: redirectUri, state });
          enter(`${redirectUri}?code=the-code&state=${state}`);
        })();
        return { close() {} };
      },
    });
    const { outcome, server, warnings } = await flow(comeBack, { attempt: { visit } });
    expect(outcome).toMatchObject({ access_token: 'at' });
    expect(server.requests.map(({ body }) => new URLSearchParams(body).get('code'))).toEqual(['the-code']);
    expect([told?.status, told?.body, warnings]).toEqual([
      403,
      expect.stringContaining('This browser did not begin here'),
      [expect.stringContaining('paste')],
    ]);
  });

  test('without its knowing the start: the cookie of another run is none of ours, and both go on', async () => {
    const outcomes = await Promise.all(
      ['one', 'other'].map(() =>
        flow(async ({ callback, state, headers }) =>
          ask(`${callback}?code=the-code&state=${state}`, { headers: { cookie: `sign-in-x=1; ${headers.cookie}` } }),
        ),
      ),
    );
    for (const { outcome } of outcomes) expect(outcome).toMatchObject({ access_token: 'at' });
  });
});

describe('an address is pasted', () => {
  /** Pastes one address after the other; what was said of each, and whether the prompt was closed at the end. */
  async function pasting(
    addresses: (at: {
      callback: string;
      state: string;
      headers: { cookie: string };
    }) => (string | (() => Promise<unknown>))[],
    metadata: Record<string, unknown> = {},
  ) {
    const said: (string | undefined)[] = [];
    let closed = 0;
    let asked = new URL('about:blank');
    const visit: Attempt['visit'] = async ({ start, authorization }) => {
      asked = authorization;
      const { state = '', redirect_uri: callback = '' } = Object.fromEntries(authorization.searchParams);
      return {
        startIsPublic: false,
        done() {},
        prompt({ enter }) {
          void (async () => {
            const { headers } = await begin(start);
            for (const address of addresses({ callback, state, headers })) {
              if (typeof address === 'string') said.push(enter(address));
              else await address();
            }
          })();
          return { close: () => (closed += 1) };
        },
      };
    };
    const { server, outcome, warnings } = await flow(comeBack, { attempt: { visit }, metadata });
    const codes = server.requests.map(({ body }) => new URLSearchParams(body).get('code'));
    return { outcome, codes, said, closed, asked, warnings };
  }

  test('of this sign-in: the code is exchanged once, and the listener answers nobody any more [b11] [b17]', async () => {
    let late = Promise.resolve(0);
    const { outcome, codes, said, closed } = await pasting(({ callback, state }) => [
      `${callback}?code=the-code&state=${state}`,
      `${callback}?code=again&state=${state}`,
      async () => {
        // Not captured any more, or closed already.
        late = ask(`${callback}?code=late&state=${state}`).then(
          ({ status }) => status,
          () => 410,
        );
      },
    ]);
    expect(outcome).toMatchObject({ access_token: 'at' });
    expect([codes, said, closed, await late]).toEqual([['the-code'], [undefined, undefined], 1, 410]);
  });

  test('of another sign-in, then a bare code, then the right one: only that one counts [b17] [c14] [connecting]', async () => {
    const { outcome, codes, said } = await pasting(({ callback, state }) => [
      `${callback}?code=evil&state=of-another-sign-in`,
      'the-code',
      '',
      `${callback}?code=evil&code=evil&state=${state}`,
      `${callback}?code=evil&state=${state}&padding=${'x'.repeat(10_000)}`,
      `${callback}?code=the-code&state=${state}`,
    ]);
    expect(outcome).toMatchObject({ access_token: 'at' });
    expect(codes).toEqual(['the-code']);
    expect(said).toEqual([
      expect.stringContaining('another sign-in'),
      expect.stringContaining('begins with'),
      expect.stringContaining('nothing'),
      expect.stringContaining('twice'),
      expect.stringContaining('begins with'),
      undefined,
    ]);
    expect(said.join()).not.toMatch(/evil|the-code|another-sign-in&/);
  });

  test('twenty times of another sign-in: nothing ends, and the right one then counts [connecting]', async () => {
    const { outcome, codes, closed } = await pasting(({ callback, state }) => [
      ...Array.from({ length: 20 }, (_, index) => `${callback}?code=x&state=guess-${index}`),
      `${callback}?code=the-code&state=${state}`,
    ]);
    expect(outcome).toMatchObject({ access_token: 'at' });
    expect([codes, closed]).toEqual([['the-code'], 1]);
  });

  test('that comes from another authorization server: no token request leaves [A1.14] [b17]', async () => {
    const { outcome, codes } = await pasting(({ callback, state }) => [
      `${callback}?code=the-code&state=${state}&iss=https%3A%2F%2Fevil.example`,
    ]);
    expect([(outcome as { code: string }).code, codes]).toEqual(['callback_refused', []]);
  });

  test('too late: the browser came back first, and the prompt is closed [connecting]', async () => {
    const { outcome, codes, closed, said } = await pasting(({ callback, state, headers }) => [
      async () => {
        const { headers: sentOn } = await ask(`${callback}?code=the-code&state=${state}`, { headers });
        void ask(callback, { target: String(sentOn['location']) }).catch(() => {});
      },
      `${callback}?code=late&state=${state}`,
    ]);
    expect(outcome).toMatchObject({ access_token: 'at' });
    expect([codes, closed, said]).toEqual([['the-code'], 1, [undefined]]);
  });

  test('never, but Ctrl-C is pressed at the prompt: interrupted', async () => {
    const visit: Attempt['visit'] = async () => ({
      startIsPublic: false,
      done() {},
      prompt({ interrupt }) {
        interrupt();
        return { close() {} };
      },
    });
    expect((await flow(comeBack, { attempt: { visit } })).outcome).toMatchObject({ code: 'interrupted' });
  });
});

describe('nobody comes back', () => {
  const nobody = () => Promise.resolve();

  test('the wait ends in time, and nothing listens any more [b14]', async () => {
    const { outcome, callback } = await flow(nobody, { timesOut: true });
    expect(outcome).toMatchObject({ code: 'timed_out', hint: expect.stringContaining('--timeout') });
    await expect(ask(callback)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('since others held every place: that is the cause which is named, and no page is asked about', async () => {
    const { outcome } = await flow(
      async ({ callback }) => {
        const sockets = Array.from({ length: 40 }, () =>
          connect({ host: '127.0.0.1', port: Number(new URL(callback).port) }).on('error', () => {}),
        );
        onTestFinished(() => {
          for (const socket of sockets) socket.destroy();
        });
        await Promise.race(sockets.map((socket) => once(socket, 'close')));
      },
      { timesOut: true },
    );
    expect(outcome).toMatchObject({
      code: 'timed_out',
      message: expect.stringMatching(/ and \d+ connections had to be turned away: other programs of this machine/),
      hint: expect.stringContaining('--paste'),
    });
  });

  test('an interruption ends the wait, and nothing listens any more [b15]', async () => {
    const interruption = new AbortController();
    const { outcome, callback } = await flow(async () => interruption.abort(), {
      attempt: { signal: interruption.signal },
    });
    expect(outcome).toMatchObject({ code: 'interrupted' });
    await expect(ask(callback)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('an interruption before the visit counts too', async () => {
    const visit: Attempt['visit'] = async () => ({ startIsPublic: false, done() {} });
    const { outcome } = await flow(nobody, { attempt: { signal: AbortSignal.abort(), visit } });
    expect(outcome).toMatchObject({ code: 'interrupted' });
  });

  test('because the visit failed: no timer keeps the process alive', async () => {
    // Those that the sign-in asks its clock for: the process has others, of whatever else it does.
    const made: NodeJS.Timeout[] = [];
    const clock: Clock = {
      ...machineClock,
      after(milliseconds, act) {
        const setting = vi.spyOn(globalThis, 'setTimeout');
        const stop = machineClock.after(milliseconds, act);
        made.push(...setting.mock.results.map(({ value }) => value));
        setting.mockRestore();
        return stop;
      },
    };
    const { outcome } = await flow(nobody, {
      clock,
      attempt: { visit: () => Promise.reject(new Error('no browser')) },
    });
    expect(outcome).toMatchObject({ message: 'no browser' });
    expect(made.map((timer) => timer.hasRef())).toEqual([false]);
  });

  test('a connection that says nothing does not hold the end up [b14]', async () => {
    const { outcome } = await flow(
      async ({ callback }) => {
        const socket = connect({ host: '127.0.0.1', port: Number(new URL(callback).port) });
        socket.on('error', () => {});
        await new Promise((resolve) => socket.write('GET /callback', resolve));
      },
      { timesOut: true },
    );
    expect(outcome).toMatchObject({ code: 'timed_out' });
  });
});

test.each(['javascript:alert(1)', 'http://as.example/authorize', 'https://user@as.example/authorize', 'file:///x'])(
  'the browser is never sent to %s [A1.19] [A1.21] [c4] [P9]',
  async (authorization_endpoint) => {
    const { outcome, asked } = await flow(comeBack, { metadata: { authorization_endpoint } });
    expect([outcome, asked.href]).toEqual([expect.any(Error), 'about:blank']);
  },
);

describe('the token answer', () => {
  const failures: [string, Answer, string, string][] = [
    [
      '400 invalid_grant',
      { status: 400, json: { error: 'invalid_grant', error_description: 'spent' } },
      'token_refused',
      'invalid_grant',
    ],
    [
      '401 with a challenge beside the error',
      { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' }, json: { error: 'invalid_client' } },
      'client_refused',
      'invalid_client',
    ],
    ['200 with an error', { json: { error: 'invalid_grant' } }, 'token_refused', 'invalid_grant'],
    [
      '401 with a challenge and no body',
      { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
      'client_refused',
      '',
    ],
    ['500', { status: 500, text: 'oops' }, 'token_unusable', ''],
    ['500 with JSON', { status: 500, json: { message: 'oops' } }, 'token_unusable', ''],
    ['307', { status: 307, headers: { location: 'http://127.0.0.1:9/stolen' } }, 'token_unusable', ''],
    ['a page', { text: '<html>', headers: { 'content-type': 'text/html' } }, 'token_unusable', ''],
    ['a list', { json: [] }, 'token_unusable', ''],
    ['no token', { json: { token_type: 'Bearer' } }, 'token_unusable', ''],
    ['a token of a kind that we cannot use', { json: { access_token: 'at', token_type: 'mac' } }, 'token_unusable', ''],
    [
      'an expiry that is none',
      { json: { access_token: 'at', token_type: 'Bearer', expires_in: 'soon' } },
      'token_unusable',
      '',
    ],
    [
      'a body that breaks off',
      (response) => response.writeHead(200, { 'content-length': '9' }).write('{') && response.destroy(),
      'service_unreachable',
      '',
    ],
    [
      'more than 1 MiB',
      { json: { access_token: 'x'.repeat(2 * 1024 * 1024), token_type: 'Bearer' } },
      'service_metadata',
      '',
    ],
  ];
  test.each(failures)(
    '%s is an error, and the code is not sent again [A5.5] [A5.6] [A5.8] [A5.9] [c7] [c19] [c26]',
    async (_case, token, code, said) => {
      const { outcome, server } = await flow(comeBack, { token });
      expect(outcome).toMatchObject({ code, message: expect.stringContaining(said) });
      expect(server.lines()).toEqual(['POST /token']);
      expect((outcome as Error).message).not.toContain('the-code');
    },
  );

  test('a token endpoint that is not there is named as the network failure it is', async () => {
    const token_endpoint = `http://127.0.0.1:${await freeLoopbackPort()}/token`;
    const { outcome } = await flow(comeBack, { metadata: { token_endpoint } });
    expect(outcome).toMatchObject({ code: 'service_unreachable', message: expect.stringContaining('ECONNREFUSED') });
  });

  test('is never asked for over http elsewhere [A1.19] [c18]', async () => {
    const { outcome } = await flow(comeBack, { metadata: { token_endpoint: 'http://as.example/token' } });
    expect(outcome).toMatchObject({ code: 'url_refused' });
  });

  test.each(['invalid_client', 'unauthorized_client', 'incorrect_client_credentials'])(
    'that says %s has refused the client, not the code',
    async (error) => {
      for (const status of [400, 401]) {
        const headers = { 'www-authenticate': 'Basic realm="as"' };
        const { outcome } = await flow(comeBack, { token: { status, headers, json: { error } } });
        expect(outcome).toMatchObject({ code: 'client_refused', message: expect.stringContaining(error) });
      }
    },
  );

  test.each<[string, Record<string, unknown>]>([
    ['an expiry as text', { expires_in: '3600' }],
    ['a token type in capitals', { token_type: 'BEARER' }],
    ['an ID token that nobody asked for', { id_token: 'not.a.token' }],
  ])('may have %s [A5.5] [A5.6] [A5.10]', async (_case, change) => {
    const json = { access_token: 'at', token_type: 'Bearer', expires_in: 3600, ...change };
    const { outcome } = await flow(comeBack, { token: { json } });
    expect(outcome).toMatchObject({ access_token: 'at' });
    expect((outcome as Tokens).expiresIn()).toBeGreaterThan(3_590);
  });

  test('of Slack has the token where Slack puts it [A5.5] [A5.7] [A5.8]', async () => {
    const user = { access_token: 'at', token_type: 'user', scope: 'a,b', expires_in: 43200, refresh_token: 'rt' };
    const token: Answer = { json: { ok: true, authed_user: user } };
    const { outcome } = await flow(comeBack, { token, attempt: { tokenResponse: 'slack' } });
    expect(outcome).toMatchObject({ access_token: 'at', refresh_token: 'rt', scope: 'a b' });
    expect((await flow(comeBack, { token })).outcome).toMatchObject({ code: 'token_unusable' });
    const refused: Answer = { json: { ok: false, error: 'bad_redirect_uri' } };
    expect((await flow(comeBack, { token: refused, attempt: { tokenResponse: 'slack' } })).outcome).toMatchObject({
      code: 'token_refused',
      message: expect.stringContaining('bad_redirect_uri'),
    });
  });

  test('is brought into shape however the metadata spells the endpoint', async () => {
    const json = { access_token: 'at', token_type: 'Bearer', id_token: 'not.a.token' };
    const server = await startHostileServer((line) => (line.startsWith('POST /token') ? { json } : undefined));
    const { outcome } = await flow(comeBack, {
      metadata: { token_endpoint: `${server.origin.replace('http:', 'HTTP:')}/x/../token` },
    });
    expect(outcome).toMatchObject({ access_token: 'at' });
  });
});

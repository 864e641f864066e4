/**
 * The hostile suite: `service-connection` against authorization servers, MCP servers, pages and programs that want its
 * tokens, its browser, its network or its terminal. Every attack goes through one judge: nothing stored, nothing
 * forbidden opened or asked, no hang, nothing on stdout, the right exit code, no secret and no control character said.
 */
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ErrorCode } from '../../internal/errors/exit-codes.ts';
import { openBrowser } from '../../internal/outside/browser.ts';
import { freeLoopbackPort } from '../sandbox/listener.ts';
import { type Answered, ask } from '../support/ask.ts';
import { type Answer, startHostileServer } from '../support/hostile-server.ts';
import { startSilentListener } from '../support/silent-listener.ts';
import { fakeTerminal } from '../support/terminal.ts';
import { type Attack, type Consent, hostileWorld } from './hostile-world.ts';
import { type Place, type Script, startScriptedService } from './scripted-service.ts';

const world = hostileWorld();

/** Lies in a JSON document: the honest one with other members. */
const claiming =
  (changes: Record<string, unknown> | ((origin: string) => Record<string, unknown>)) =>
  ({ honest, origin }: { honest: Record<string, unknown>; origin: string }): Answer => ({
    json: { ...honest, ...(typeof changes === 'function' ? changes(origin) : changes) },
  });

/** Sends something to the listener that must have no effect, and then denies: that the denial counts proves it. */
const inVain =
  (act: (consent: Consent) => Promise<readonly Answered[]>, statuses: readonly number[]): Attack['browse'] =>
  async (consent) => {
    expect((await act(consent)).map(({ status }) => status)).toEqual(statuses);
    await consent.deny();
  };

/** An account that is not the person's own. */
const somebodyElses: Script['account'] = ({ honest }) => {
  const account = { user: { email: 'mallory@evil.example' }, workspace: { name: 'Evil' } };
  const { content: _, ...result } = honest['result'] as Record<string, unknown>;
  return { json: { ...honest, result: { ...result, content: [], structuredContent: account } } };
};

test('the same service, honest in everything, is connected', async () => {
  const { exit, stderr, service } = await world.connect({});
  expect([exit, stderr]).toEqual([0, expect.not.stringContaining('error')]);
  expect([service.exchanged(), await world.stored()]).toEqual([1, 1]);
});

test.each([[[]], [['--verbose']], [['--debug']]])(
  'a connected service leaves no secret behind, said with %j [A1.17] [b19]',
  async (flags) => {
    const connected = await world.connect({ argv: ['notion', ...flags] });
    expect([connected.exit, connected.service.secrets.length > 2, await world.leaks(connected)]).toEqual([0, true, []]);
  },
);

describe('mix-up [c1] [A1.14] [connecting]', () => {
  test.each<[string, Attack['browse'], Script]>([
    ['an answer of another server', ({ send, state }) => send(`code=c&state=${state}&iss=https://honest.example`), {}],
    ['an answer that does not name the promised issuer', ({ send, state }) => send(`code=c&state=${state}`), {}],
    ['an issuer with a slash more', ({ send, state, url }) => send(`code=c&state=${state}&iss=${url.origin}/`), {}],
    [
      'an issuer in capitals',
      ({ send, state, url }) => send(`code=c&state=${state}&iss=${url.origin.toUpperCase()}`),
      {},
    ],
    [
      'an unannounced issuer that is another',
      ({ send, state }) => send(`code=c&state=${state}&iss=https://honest.example`),
      { metadata: claiming({ authorization_response_iss_parameter_supported: undefined }) },
    ],
    [
      'an error of another server',
      ({ send, state }) => send(`error=access_denied&error_description=evil-text&state=${state}&iss=https://h.example`),
      {},
    ],
  ])('%s', async (_case, browse, script) => {
    const { stderr } = await world.attack({ script, browse, ends: 'callback_refused' });
    expect(stderr).not.toContain('evil-text');
  });

  test('a server that sends the browser on to an honest one gets no code of it', async () => {
    const honest = await startScriptedService();
    const forward: Script['authorization'] = ({ request }) => ({
      status: 302,
      headers: { location: `${honest.origin}${request.target}` },
    });
    await world.attack({
      script: { authorization: forward },
      browse: async ({ allow, send }) => {
        const { headers } = await ask((await allow()).href);
        const back = new URL(String(headers['location']));
        expect(back.searchParams.get('iss')).toBe(honest.origin);
        await send(back.search.slice(1));
      },
      forbidden: [() => honest.tokenRequests().length],
      ends: 'callback_refused',
    });
  });

  test('an answer that names endpoints of its own has them ignored', async () => {
    const evil = await startHostileServer(() => ({ json: {} }));
    await world.attack({
      browse: ({ send, state, url }) =>
        send(`code=c&state=${state}&iss=${url.origin}&token_endpoint=${evil.origin}/token&client_id=evil`),
      forbidden: [() => evil.requests.length],
      exchanges: 1,
      ends: 'token_refused',
    });
  });
});

describe('impersonation by metadata [c2] [A1.6] [connecting]', () => {
  test.each<[string, (origin: string) => unknown, ErrorCode?]>([
    ['another server', () => 'https://honest.example'],
    ['a path', (origin) => `${origin}/tenant`],
    ['two slashes', (origin) => `${origin}//`],
    ['capitals', (origin) => origin.toUpperCase()],
    ['a query', (origin) => `${origin}?`],
    ['a list', (origin) => [origin], 'service_metadata'],
    ['nobody', () => undefined, 'service_metadata'],
  ])('that claims to be of %s', async (_case, claimed, ends = 'issuer_mismatch') => {
    const metadata = claiming((origin) => ({ issuer: claimed(origin) }));
    const { consents } = await world.attack({ script: { metadata }, ends });
    expect(consents).toEqual([]);
  });
});

describe('metadata that is not what it has to be is found before anything is registered or asked [A1.23]', () => {
  test.each<[string, Record<string, unknown>, ErrorCode]>([
    ['a token endpoint without a host', { token_endpoint: '/token' }, 'url_refused'],
    ['a registration endpoint without a host', { registration_endpoint: '/register' }, 'url_refused'],
    ['an empty endpoint', { revocation_endpoint: '' }, 'url_refused'],
    ['a text for a list', { token_endpoint_auth_methods_supported: 'none' }, 'service_metadata'],
    ['a list of numbers', { id_token_signing_alg_values_supported: [256] }, 'service_metadata'],
    ['a number for scopes', { scopes_supported: 7 }, 'service_metadata'],
  ])('%s', async (_case, changes, ends) => {
    const [member = ''] = Object.keys(changes);
    const { consents, service } = await world.attack({
      script: { metadata: claiming(changes) },
      ends,
      said: new RegExp(member),
    });
    expect([consents, service.lines().filter((line) => line.startsWith('POST /register'))]).toEqual([[], []]);
  });

  test('null is no type, and says nothing [A1.24]', async () => {
    const names = [
      'scopes_supported',
      'jwks_uri',
      'prompt_values_supported',
      'revocation_endpoint',
      'grant_types_supported',
    ];
    const nulls = Object.fromEntries(names.map((name) => [name, null]));
    const { exit } = await world.connect({
      script: {
        metadata: claiming(nulls),
        resource: claiming({ scopes_supported: null, bearer_methods_supported: null }),
      },
    });
    expect(exit).toBe(0);
    await world.forget();
  });
});

describe('an address inside the network [c3] [A1.22] [connecting]', () => {
  const insides: ((port: number) => string)[] = [
    (port) => `https://localhost:${port}`,
    (port) => `https://[::ffff:127.0.0.1]:${port}`,
    (port) => `https://[::]:${port}`,
    (port) => `https://0177.0.0.2:${port}`,
    (port) => `https://2130706434:${port}`,
    (port) => `https://0.0.0.0:${port}`,
    () => 'https://169.254.169.254',
    () => 'https://[::ffff:10.0.0.1]',
    () => 'https://[fd00:ec2::254]',
    () => 'https://168.63.129.16',
  ];
  const places: [string, (inside: string) => Script][] = [
    [
      'the challenge',
      (inside) => ({
        challenge: () => ({ status: 401, headers: { 'www-authenticate': `Bearer resource_metadata="${inside}/prm"` } }),
      }),
    ],
    [
      'the registration endpoint',
      (inside) => ({ metadata: claiming({ registration_endpoint: `${inside}/register` }) }),
    ],
    ['the token endpoint', (inside) => ({ metadata: claiming({ token_endpoint: `${inside}/token` }) })],
  ];
  test.each(places)('named by %s is not asked', async (_case, script) => {
    for (const inside of insides) {
      const listener = await startSilentListener();
      const attack = { script: script(inside(listener.port)), forbidden: [listener.connections] };
      await world.attack({ ...attack, ends: 'url_refused' });
    }
  });

  test('is not where a grant is given back, nor where keys are fetched', async () => {
    const listener = await startSilentListener();
    const inside = `https://localhost:${listener.port}`;
    await world.attack({
      script: { metadata: claiming({ revocation_endpoint: `${inside}/revoke` }), account: somebodyElses },
      forbidden: [listener.connections],
      exchanges: 1,
      ends: 'account_mismatch',
      said: /still lists a granted access/,
    });
    await world.attack({
      script: { metadata: claiming({ jwks_uri: `${inside}/jwks`, introspection_endpoint: `${inside}/i` }) },
      browse: ({ deny }) => deny(),
      forbidden: [listener.connections],
      ends: 'access_denied',
    });
  });

  test.each(['resource', 'metadata'] as const)('is not followed to by a redirect of the %s [c21]', async (place) => {
    const listener = await startSilentListener();
    for (const location of [`http://localhost:${listener.port}/`, `http://127.0.0.1:${listener.port}/`]) {
      await world.attack({
        script: { [place]: () => ({ status: 302, headers: { location } }) },
        forbidden: [listener.connections],
        ends: 'service_metadata',
      });
    }
  });
});

describe('redirected metadata [c21]', () => {
  test.each<[Place, ErrorCode, number]>([
    ['resource', 'service_metadata', 301],
    ['resource', 'service_metadata', 308],
    ['metadata', 'service_metadata', 302],
    ['metadata', 'service_metadata', 307],
    ['registration', 'registration_refused', 307],
  ])('of the %s ends with %s, and a second hop is none (%i)', async (place, ends, status) => {
    const evil = await startHostileServer((_line, _request, origin) => ({ json: { issuer: origin, client_id: 'x' } }));
    for (const location of [`${evil.origin}/x`, `//${new URL(evil.origin).host}/x`]) {
      await world.attack({
        script: { [place]: () => ({ status, headers: { location } }) },
        forbidden: [() => evil.requests.length],
        ends,
      });
    }
  });
});

describe('a hostile authorization endpoint [c4] [A1.21] [connecting]', () => {
  test.each([
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    '  javascript:alert(1)',
    '\tjava\nscript:alert(1)',
    '\u0000javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:msgbox(1)',
    'file:///etc/passwd',
    'file://evil.example/share',
    '\\\\evil.example\\share',
    'ms-msdt:/id PCWDiagnostic',
    'search-ms:query=x&crumb=location:\\\\evil.example',
    'ms-officecmd:{}',
    'vscode://evil/x',
    'intent://evil#Intent;end',
    'blob:https://evil.example/1',
    'view-source:https://evil.example/',
    'about:blank',
    'chrome://settings',
    'ftp://evil.example/',
    'http://evil.example/authorize',
    'http://127.0.0.2/authorize',
    'http://127.0.0.1.evil.example/authorize',
    'https://ada@evil.example/authorize',
    'https://ada:secret@evil.example/authorize',
    '//evil.example/authorize',
    '/authorize',
    '--help',
    '-a Calculator',
    '',
  ])('is not opened: %j', async (endpoint) => {
    const { consents } = await world.attack({
      script: { metadata: claiming({ authorization_endpoint: endpoint }) },
      ends: 'url_refused',
    });
    expect(consents).toEqual([]);
  });

  test.each([[7], [null], [['https://evil.example/']], [{ href: 'https://evil.example/' }]])(
    'that is no text is refused: %j',
    async (endpoint) => {
      await world.attack({
        script: { metadata: claiming({ authorization_endpoint: endpoint }) },
        ends: 'service_metadata',
      });
    },
  );
});

describe('a shell in the address [c5] [connecting]', () => {
  /** A program that stands for the browser and writes down what it was started with. */
  async function recorder() {
    const folder = await mkdtemp(join(tmpdir(), 'opener-'));
    const [program, log] = [join(folder, 'browser'), join(folder, 'log')];
    await writeFile(program, `#!/bin/sh\nprintf '%s\\n' "$#" "$@" >> '${log}'\n`);
    await chmod(program, 0o755);
    return {
      program,
      started: async () => {
        for (;;) {
          const said = await readFile(log, 'utf8').catch(() => '');
          if (said.endsWith('\n')) return said.split('\n').slice(0, -1);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      },
    };
  }

  test.each([
    '/authorize?x=$(touch /tmp/evil)',
    '/authorize?x=`id`',
    '/authorize?x=&calc&y=|calc',
    '/authorize?x=%COMSPEC%',
    '/authorize?x=";calc;"',
    "/authorize?x=';calc;'",
    '/authorize?x=\n--new-window',
    '/authorize?x=<>^!{}[]~*',
    "/authorize/../authorize?$(x)'y'",
    '/authorize;$(id)?x',
    '/authorize/$(id)`id`|id!(id)^',
    '/--help?x',
  ])('reaches the opener as one harmless argument: %j', async (path) => {
    const { program, started } = await recorder();
    const { consents, service } = await world.attack({
      script: { metadata: claiming((origin) => ({ authorization_endpoint: `${origin}${path}` })) },
      setting: {},
      browse: async ({ url, deny }) => {
        expect(await openBrowser(url, { program, visible: true })).toBe(true);
        const [count, argument = '', ...more] = await started();
        expect([count, more]).toEqual(['1', []]);
        expect(argument).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w\-.~%/:@?&=+*,]*$/);
        await deny();
      },
      opened: 'anywhere at the service',
      ends: 'access_denied',
    });
    expect(consents.map(({ origin }) => origin)).toEqual([service.origin]);
  });
});

describe('PKCE is taken down [c6] [A1.8] [connecting]', () => {
  test.each([[undefined], [null], [[]], [['plain']], [['s256']], ['S256'], [['S256 ']], [{ S256: true }], [7]])(
    'by metadata whose methods are %j',
    async (methods) => {
      const { consents } = await world.attack({
        script: { metadata: claiming({ code_challenge_methods_supported: methods }) },
        ends: 'service_metadata',
      });
      expect(consents).toEqual([]);
    },
  );

  test('by a list that prefers plain: S256 is used, and the verifier sent', async () => {
    const { service, consents } = await world.attack({
      script: {
        metadata: claiming({ code_challenge_methods_supported: ['plain', 'S256'] }),
        account: somebodyElses,
      },
      exchanges: 1,
      ends: 'account_mismatch',
    });
    expect([service.exchanged(), consents[0]?.searchParams.get('code_challenge_method')]).toEqual([1, 'S256']);
  });

  test('by a stolen code that is brought to our own callback: the server finds that it does not fit', async () => {
    const service = await startScriptedService();
    const victim = await ask(
      `${service.origin}/authorize?redirect_uri=http://127.0.0.1:1/callback&code_challenge=of-the-victim&code_challenge_method=S256`,
    );
    const stolen = new URL(String(victim.headers['location'])).searchParams.get('code') ?? '';
    await world.attack({
      service,
      browse: ({ send, state }) => send(`code=${stolen}&state=${state}&iss=${service.origin}`),
      exchanges: 1,
      ends: 'token_refused',
    });
    expect(service.exchanged()).toBe(0);
  });
});

describe('a code is asked for twice [c7] [connecting]', () => {
  test.each<[string, Answer, ErrorCode]>([
    ['500', { status: 500 }, 'token_unusable'],
    ['503 with Retry-After', { status: 503, headers: { 'retry-after': '0' } }, 'token_unusable'],
    ['429', { status: 429, headers: { 'retry-after': '0' } }, 'token_unusable'],
    ['408', { status: 408 }, 'token_unusable'],
    ['400', { status: 400, json: { error: 'invalid_grant' } }, 'token_refused'],
    ['401', { status: 401, json: { error: 'invalid_client' } }, 'client_refused'],
    ['temporarily_unavailable', { status: 400, json: { error: 'temporarily_unavailable' } }, 'token_refused'],
    ['a connection that breaks', (response) => response.destroy(), 'service_unreachable'],
    [
      'use_dpop_nonce',
      { status: 400, headers: { 'dpop-nonce': 'n' }, json: { error: 'use_dpop_nonce' } },
      'token_refused',
    ],
  ])('by %s before a success', async (_case, first, ends) => {
    const token: Script['token'] = ({ before }) => (before === 0 ? first : undefined);
    await world.attack({ script: { token }, exchanges: 1, ends });
  });

  test('by a callback that comes twice [b11]', async () => {
    const statuses: number[] = [];
    await world.attack({
      script: { token: () => ({ status: 400, json: { error: 'invalid_grant' } }) },
      browse: async ({ allow, send }) => {
        const query = (await allow()).search.slice(1);
        const both = await Promise.all([send(query), send(query)]);
        statuses.push(...both.map(({ status }) => status));
      },
      exchanges: 1,
      ends: 'token_refused',
    });
    expect(statuses.sort()).toEqual([303, 410]);
  });
});

describe('a squatter [c8] [connecting]', () => {
  async function squat(host: string, port = 0): Promise<number> {
    const server = createServer((socket) => socket.destroy()).listen({ host, port, ipv6Only: true });
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    return (server.address() as { port: number }).port;
  }

  test.each(['127.0.0.1', '::1'])('on the fixed port at %s: nothing is opened [b3] [b4]', async (host) => {
    const port = await squat(host);
    const { consents, service } = await world.attack({
      configure: (file, { origin }) => {
        const redirect = { host: 'localhost', port };
        file.authorization = { issuers: [origin], registration: 'pre-registered', client_id: 'us', redirect };
      },
      ends: 'port_taken',
    });
    expect([consents, service.lines().filter((line) => line.includes('/authorize'))]).toEqual([[], []]);
  });

  test('who learns the port from the registration comes too late [b4]', async () => {
    const late: unknown[] = [];
    await world.attack({
      script: {
        registration:
          ({ honest }) =>
          (response) => {
            const { port } = new URL((honest['redirect_uris'] as string[])[0] ?? '');
            const thief = createServer();
            const settle = (outcome: unknown) => {
              late.push(outcome);
              thief.close();
              response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(honest));
            };
            thief.once('error', (error: NodeJS.ErrnoException) => settle(error.code));
            thief.listen({ host: '127.0.0.1', port: Number(port) }, () => settle('taken'));
          },
      },
      browse: ({ deny }) => deny(),
      ends: 'access_denied',
    });
    expect(late).toEqual(['EADDRINUSE']);
  });
});

describe('what a person sees before they consent [c10] [b16]', () => {
  test('is the host that asks and the client that they consent to, before anything is opened', async () => {
    let printed = '';
    const { consents, service } = await world.attack({
      setting: {
        hear: (said) => {
          printed = said;
        },
      },
      browse: async ({ url, deny }) => {
        expect(printed).toContain(`"${url.origin}" will ask you, for the client "client-of-ours"\n`);
        await deny();
      },
      ends: 'access_denied',
    });
    expect(consents.map((url) => [url.origin, url.searchParams.get('client_id')])).toEqual([
      [service.origin, 'client-of-ours'],
    ]);
  });
});

describe('a rogue service that wants an honest one’s token [c11] [A1.4] [connecting]', () => {
  test.each(['alone', 'first', 'last'])('by naming its authorization server %s', async (position) => {
    const honest = await startScriptedService();
    const script: Script = {
      resource: claiming((origin) => ({
        authorization_servers: {
          alone: [honest.origin],
          first: [honest.origin, origin],
          last: [origin, honest.origin],
        }[position],
      })),
    };
    const forbidden = [() => honest.requests.length];
    if (position === 'alone') await world.attack({ script, forbidden, ends: 'issuer_mismatch' });
    else await world.attack({ script, forbidden, browse: ({ deny }) => deny(), ends: 'access_denied' });
  });

  test('by claiming to be its resource [A1.3]', async () => {
    const honest = await startScriptedService();
    await world.attack({
      script: { resource: claiming({ resource: honest.mcpUrl, authorization_servers: [honest.origin] }) },
      forbidden: [() => honest.requests.length],
      ends: 'service_metadata',
    });
  });

  test('by using its endpoints behind metadata of its own: the client of one is not the client of the other [A1.15]', async () => {
    const honest = await startScriptedService();
    const script: Script = { metadata: claiming({ token_endpoint: `${honest.origin}/token` }) };
    const { service } = await world.attack({ script, ends: 'token_refused' });
    expect([service.exchanged(), honest.exchanged()]).toEqual([0, 0]);
  });
});

describe('somebody else’s sign-in [c13] [A1.20] [connecting]', () => {
  test('brought from another run counts for nothing', async () => {
    const other = await startScriptedService();
    const { stderr } = await world.attack({
      browse: async (consent) => {
        const { send, url } = consent;
        const attackers = await ask(`${other.origin}/authorize?${url.searchParams}&state=of-the-attacker`);
        const foreign = new URL(String(attackers.headers['location'])).searchParams.get('code');
        const answers = [
          await send(`code=${foreign}&state=of-the-attacker&iss=${url.origin}`),
          await send(`code=${foreign}&iss=${url.origin}`),
          await send(`code=${foreign}&state=&iss=${url.origin}`),
          await send(`error=access_denied&state=of-the-attacker`),
          await send('error=server_error'),
        ];
        expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
        await consent.deny();
      },
      ends: 'access_denied',
    });
    expect(stderr).toContain('turned away an answer that does not belong to this sign-in');
  });

  test('that is finished in our browser connects the attacker’s account: it is not stored, and given back', async () => {
    const { service } = await world.attack({
      script: { account: somebodyElses },
      exchanges: 1,
      ends: 'account_mismatch',
      said: /"mallory@evil\.example"/,
    });
    expect(service.revoked).toHaveLength(1);
  });

  test.each<[string, (honest: Record<string, unknown>) => Answer]>([
    ['says nothing', (honest) => ({ json: { ...honest, result: { content: [] } } })],
    ['fails', (honest) => ({ json: { ...honest, result: { ...(honest['result'] as object), isError: true } } })],
    ['answers with an error', ({ id }) => ({ json: { jsonrpc: '2.0', id, error: { code: -32000, message: 'no' } } })],
    ['names a list', (honest) => ({ json: { ...honest, result: named(['ada@example.test']) } })],
    ['names a look-alike', (honest) => ({ json: { ...honest, result: named('\u0430da@example.test') } })],
    ['names two', (honest) => ({ json: { ...honest, result: named('ada@example.test,mallory@evil.example') } })],
    ['names a longer one', (honest) => ({ json: { ...honest, result: named('ada@example.test.evil.example') } })],
  ])('with an account tool that %s', async (_case, answer) => {
    const { exit, service } = await world.attack({
      script: { account: ({ honest }) => answer(honest) },
      exchanges: 1,
      ends: _case === 'answers with an error' ? 'service_refused' : 'account_mismatch',
    });
    expect([exit !== 0, service.revoked.length]).toEqual([true, 1]);
  });

  const named = (email: unknown) => ({ content: [], structuredContent: { user: { email } } });

  test('twenty times brought ends nothing: the person still decides [b10]', async () => {
    const { stderr } = await world.attack({
      browse: async ({ send, deny }) => {
        for (let time = 0; time < 20; time += 1) await send('code=c&state=wrong');
        await deny();
      },
      ends: 'access_denied',
    });
    expect(stderr.match(/does not belong to this sign-in/g)).toHaveLength(1);
  });

  test('with the right state, brought by a browser that did not begin: the run ends, and nothing is asked for', async () => {
    await world.attack({
      browse: async ({ callback, state, url }) => {
        const answer = `?code=of-the-attacker&state=${state}&iss=${url.origin}`;
        for (const place of [callback, `${callback}/again`]) await ask(place + answer);
      },
      ends: 'sign_in_contested',
    });
  });
});

describe('an address that somebody was talked into pasting [c14] [b17]', () => {
  test('is of another sign-in: it counts for nothing, is not shown, and ends nothing', async () => {
    const terminal = fakeTerminal();
    const { stderr } = await world.attack({
      argv: ['notion', '--paste'],
      setting: { terminal },
      browse: async ({ callback, state, url, deny }) => {
        const foreign = [
          `${callback}?code=of-the-attacker&state=of-the-attacker&iss=${url.origin}`,
          'of-the-attacker',
          `https://evil.example/callback?code=of-the-attacker&state=${state}`,
          `${callback}?code=of-the-attacker&state=${state}&state=${state}`,
          `${callback}#code=of-the-attacker&state=${state}`,
        ];
        for (const text of [...foreign, ...foreign]) await terminal.type(`${text}\r`);
        await deny();
      },
      ends: 'access_denied',
    });
    expect(stderr).toContain('do this only if you started it yourself');
    expect(stderr).not.toContain('of-the-attacker');
  });
});

describe('two entries for one vault slot [c17]', () => {
  test.each(['/', '//'])('that differ by %j are refused before anybody signs in', async (more) => {
    const service = await startScriptedService();
    const { visited } = await world.attack({
      service,
      also: { 'services/twin.yaml': (file) => ({ ...file, mcp_server_url: `${service.mcpUrl}${more}` }) },
      ends: 'config_invalid',
    });
    expect(visited).toEqual([]);
  });
});

describe('plain http [c18] [A1.19]', () => {
  test.each<[string, Script, ErrorCode]>([
    [
      'for the resource metadata',
      {
        challenge: () => ({
          status: 401,
          headers: { 'www-authenticate': 'Bearer resource_metadata="http://mcp.evil.example/prm"' },
        }),
      },
      'url_refused',
    ],
    [
      'for the authorization server',
      { resource: claiming({ authorization_servers: ['http://as.evil.example'] }) },
      'issuer_mismatch',
    ],
    ['for signing in', { metadata: claiming({ authorization_endpoint: 'http://as.evil.example/a' }) }, 'url_refused'],
    ['for tokens', { metadata: claiming({ token_endpoint: 'http://as.evil.example/t' }) }, 'url_refused'],
    ['for clients', { metadata: claiming({ registration_endpoint: 'http://as.evil.example/r' }) }, 'url_refused'],
  ])('%s', async (_case, script, ends) => {
    await world.attack({ script, ends });
  });

  test('on loopback, where sandbox mode is not on: nobody is even sent to sign in', async () => {
    const { service, visited } = await world.attack({
      setting: { environment: { MAI_ALLOW_LOOPBACK_HTTP: '' } },
      ends: 'url_refused',
    });
    expect([service.requests, visited]).toEqual([[], []]);
  });
});

describe('a token request that is redirected [c19]', () => {
  test.each([301, 302, 303, 307, 308])('with %i carries the code nowhere', async (status) => {
    const evil = await startHostileServer(() => ({ json: { access_token: 'evil', token_type: 'Bearer' } }));
    await world.attack({
      script: { token: () => ({ status, headers: { location: `${evil.origin}/token` } }) },
      forbidden: [() => evil.requests.length],
      exchanges: 1,
      ends: 'token_unusable',
    });
  });
});

describe('what another page or program sends to the listener', () => {
  const good = (state: string) => `code=evil&state=${state}`;

  test('from a name that it rebound to loopback [c22] [b7]', async () => {
    const hosts = ['evil.example', 'localhost', '127.0.0.1', '[::1]', '127.0.0.1:1'];
    await world.attack({
      browse: inVain(
        ({ send, state }) => inTurn(hosts, (host) => send(good(state), { headers: { host } })),
        hosts.map(() => 421),
      ),
      ends: 'access_denied',
    });
  });

  test('to another path [b5]', async () => {
    const targets = [
      '/callback/',
      '/callback%2f',
      '//callback',
      '/x/../callback',
      '/Callback',
      '/favicon.ico',
      '/',
      '*',
    ];
    await world.attack({
      browse: inVain(
        ({ send, state }) => inTurn(targets, (target) => send('', { target: `${target}?${good(state)}` })),
        targets.map(() => 404),
      ),
      ends: 'access_denied',
    });
  });

  test('that is longer than any answer [b5]', async () => {
    await world.attack({
      browse: inVain(async ({ send, state }) => [await send(`${good(state)}&x=${'x'.repeat(9_000)}`)], [414]),
      ends: 'access_denied',
    });
  });

  test('with another method [b6]', async () => {
    const methods = ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'];
    await world.attack({
      browse: inVain(
        ({ send, state }) =>
          inTurn(methods, async (method) => {
            const headers = { 'access-control-request-private-network': 'true' };
            const answered = await send(good(state), { method, headers });
            expect(Object.keys(answered.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
            return answered;
          }),
        methods.map(() => 405),
      ),
      ends: 'access_denied',
    });
  });

  test('as an image, a script, a frame or a fetch [b8]', async () => {
    const sent = [
      ...['image', 'script', 'iframe', 'embed', 'empty', 'style'].map((dest) => ({ 'sec-fetch-dest': dest })),
      { 'sec-fetch-mode': 'no-cors' },
      { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'document' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ];
    await world.attack({
      browse: inVain(
        ({ send, state }) => inTurn(sent, (headers) => send(good(state), { headers })),
        sent.map(() => 403),
      ),
      ends: 'access_denied',
    });
  });

  test('with a parameter twice [b9]', async () => {
    const doubled = ['state', 'code', 'iss', 'error', 'error_description'];
    await world.attack({
      browse: inVain(
        ({ send, state }) => inTurn(doubled, (name) => send(`${good(state)}&${name}=a&${name}=b`)),
        doubled.map(() => 400),
      ),
      ends: 'access_denied',
    });
  });

  test('with a token in it, or nothing: only a code is an answer [b24]', async () => {
    for (const query of ['access_token=evil&token_type=bearer', 'id_token=e.v.il', 'code=', 'response=e.v.il'])
      await world.attack({
        browse: ({ send, state, url }) => send(`${query}&state=${state}&iss=${url.origin}`),
        ends: 'callback_refused',
      });
  });

  async function inTurn<Item, Result>(
    items: readonly Item[],
    act: (item: Item) => Promise<Result>,
  ): Promise<readonly Result[]> {
    const results: Result[] = [];
    for (const item of items) results.push(await act(item));
    return results;
  }
});

describe('a hostile registration [c23] [connecting]', () => {
  test.each<[string, (honest: Record<string, unknown>, evil: string) => Answer]>([
    ['of other redirect URIs', (honest, evil) => ({ status: 201, json: { ...honest, redirect_uris: [evil] } })],
    [
      'of ours with a slash more',
      (honest) => ({
        status: 201,
        json: { ...honest, redirect_uris: (honest['redirect_uris'] as string[]).map((uri) => `${uri}/`) },
      }),
    ],
    ['of a client id of 1 MB', (honest) => ({ status: 201, json: { ...honest, client_id: 'x'.repeat(1_000_000) } })],
    ['of no client', () => ({ status: 201, json: {} })],
    ['of a number', (honest) => ({ status: 201, json: { ...honest, client_id: 7 } })],
    ['that is a page', () => ({ status: 403, text: '<h1>Listed clients only</h1>', headers: html })],
    ['that is a page with 200', () => ({ status: 200, text: '<h1>Welcome</h1>', headers: html })],
    ['that is no JSON', () => ({ status: 201, text: '{', headers: json })],
  ])('%s', async (_case, answer) => {
    const evil = await startHostileServer(() => ({ json: {} }));
    const { consents } = await world.attack({
      script: { registration: ({ honest }) => answer(honest, `${evil.origin}/callback`) },
      forbidden: [() => evil.requests.length],
      ends: 'registration_refused',
    });
    expect(consents).toEqual([]);
  });

  test('that asks to be managed: nobody goes there', async () => {
    const evil = await startHostileServer(() => ({ json: {} }));
    await world.attack({
      script: {
        registration: ({ honest }) => ({
          status: 201,
          json: {
            ...honest,
            registration_client_uri: `${evil.origin}/manage`,
            registration_access_token: 'evil',
            logo_uri: `${evil.origin}/logo`,
          },
        }),
      },
      browse: ({ deny }) => deny(),
      forbidden: [() => evil.requests.length],
      ends: 'access_denied',
    });
  });

  const html = { 'content-type': 'text/html' };
  const json = { 'content-type': 'application/json' };
});

describe('text that a terminal would obey [c24] [connecting]', () => {
  const evil =
    '\u001b]8;;https://evil.example\u0007evil\u001b[2J\r\nservice-connection: error: forged [bug]\n\u202e\u009b31m\u2066<script>';

  test.each<[string, Omit<Attack, 'ends'>, ErrorCode]>([
    [
      'in the description of an error',
      {
        browse: ({ send, state, url }) =>
          send(new URLSearchParams({ error: 'x', error_description: evil, state, iss: url.origin }).toString()),
      },
      'callback_refused',
    ],
    [
      'in an error',
      {
        browse: ({ send, state, url }) => send(new URLSearchParams({ error: evil, state, iss: url.origin }).toString()),
      },
      'callback_refused',
    ],
    [
      'in the answer of the token endpoint',
      { script: { token: () => ({ status: 400, json: { error: evil, error_description: evil } }) }, exchanges: 1 },
      'token_refused',
    ],
    ['in the type of a token', { script: { token: claiming({ token_type: evil }) }, exchanges: 1 }, 'token_unusable'],
    [
      'in the scopes of a token',
      { script: { token: claiming({ scope: `read ${evil}` }), account: somebodyElses }, exchanges: 1 },
      'account_mismatch',
    ],
    [
      'in the answer to a registration',
      { script: { registration: () => ({ status: 400, json: { error: evil, error_description: evil } }) } },
      'registration_refused',
    ],
    [
      'in a client id',
      {
        script: { registration: ({ honest }) => ({ status: 201, json: { ...honest, client_id: evil } }) },
      },
      'registration_refused',
    ],
    ['in an issuer', { script: { metadata: claiming({ issuer: evil }) } }, 'issuer_mismatch'],
    ['in an endpoint', { script: { metadata: claiming({ token_endpoint: evil }) } }, 'url_refused'],
    ['in a resource', { script: { resource: claiming({ resource: evil }) } }, 'service_metadata'],
    [
      'in the name of an authorization server',
      { script: { resource: claiming({ authorization_servers: [evil] }) } },
      'issuer_mismatch',
    ],
    [
      'in a challenge',
      {
        script: {
          challenge: () => ({
            status: 401,
            headers: { 'www-authenticate': 'Bearer resource_metadata="\u009b31m\u0090"' },
          }),
        },
      },
      'url_refused',
    ],
    [
      'in the name of an account',
      {
        script: {
          account: ({ honest }) => ({
            json: {
              ...honest,
              result: { content: [], structuredContent: { user: { email: evil }, workspace: { name: evil } } },
            },
          }),
        },
        exchanges: 1,
      },
      'account_mismatch',
    ],
    [
      'in an error of the MCP server',
      {
        script: {
          account: ({ honest }) => ({ json: { jsonrpc: '2.0', id: honest['id'], error: { code: 1, message: evil } } }),
        },
        exchanges: 1,
      },
      'service_refused',
    ],
  ])('%s', async (_case, attack, ends) => {
    for (const flags of [[], ['--verbose'], ['--debug']]) {
      await world.attack({ ...attack, argv: ['notion', ...flags], ends });
    }
  });
});

describe('a refresh token that tempts [c25] [connecting]', () => {
  test.each<[string, Script, ErrorCode]>([
    ['because the access token is already over', { token: claiming({ expires_in: 0 }) }, 'account_mismatch'],
    ['because the access token is refused', { token: claiming({ access_token: 'of-nobody' }) }, 'service_refused'],
  ])('%s is not used', async (_case, script, ends) => {
    const { service } = await world.attack({
      script: { account: somebodyElses, ...script },
      exchanges: 1,
      ends,
    });
    expect(service.tokenRequests().map((form) => form.get('grant_type'))).toEqual(['authorization_code']);
  });
});

describe('a body without end [c26] [connecting]', () => {
  const json = { 'content-type': 'application/json' };
  const endless = (status: number) => (response: ServerResponse) => {
    const more = () => {
      while (response.write(' '.repeat(65_536)));
    };
    response.on('drain', more).writeHead(status, json);
    more();
  };
  const bytes = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '));
  const bomb =
    (status: number): Answer =>
    (response) =>
      response.writeHead(status, { ...json, 'content-encoding': 'gzip', 'content-length': bytes.length }).end(bytes);
  const drip = (status: number) => (response: ServerResponse) => {
    response.writeHead(status, json);
    const timer = setInterval(() => response.write(' '), 200);
    response.on('close', () => clearInterval(timer));
  };
  const places: [Place, number, ErrorCode][] = [
    ['resource', 200, 'service_metadata'],
    ['metadata', 200, 'service_metadata'],
    ['registration', 201, 'service_metadata'],
    ['token', 200, 'service_metadata'],
    ['account', 200, 'service_metadata'],
  ];
  const exchanges = (place: Place) => (place === 'token' || place === 'account' ? 1 : 0);

  test.each(places)('as the %s', async (place, status, ends) => {
    await world.attack({ script: { [place]: () => endless(status) }, exchanges: exchanges(place), ends });
  });

  test.each(places)('that is small on the way, as the %s', async (place, status, ends) => {
    await world.attack({ script: { [place]: () => bomb(status) }, exchanges: exchanges(place), ends });
  });

  test('as the challenge', async () => {
    await world.attack({
      script: {
        challenge:
          ({ honest }) =>
          (response) => {
            response.setHeader('www-authenticate', String(honest['header']));
            endless(401)(response);
          },
      },
      ends: 'service_metadata',
    });
  });

  test('that comes a byte at a time, wherever it comes', { timeout: 40_000 }, async () => {
    await Promise.all(
      places.map(([place, status]) =>
        world.attack({
          script: { [place]: () => drip(status) },
          exchanges: exchanges(place),
          ends: 'service_unreachable',
          said: /no answer within 15 s/,
        }),
      ),
    );
  });

  const deep = '['.repeat(100_000) + ']'.repeat(100_000);

  test.each(['error', 'issuer', 'resource', 'client_id', 'scopes_supported', 'unheard_of'])(
    'of nesting, wherever there is a %s',
    async (member) => {
      for (const [place, status] of places.slice(0, 4)) {
        const nested: Script[Place] = ({ honest }) => {
          const text = JSON.stringify({ ...honest, [member]: 'NESTED' }).replace('"NESTED"', deep);
          return { status, text, headers: json };
        };
        const { exit } = await world.connect({ script: { [place]: nested }, browse: denyOrAllow(place) });
        expect([place, exit]).toEqual([place, expect.toBeOneOf([0, 1, 3])]);
      }
    },
  );

  /** Only the token answer needs somebody who allows. */
  const denyOrAllow =
    (place: Place): Attack['browse'] =>
    async ({ allow, deny, send }) =>
      place === 'token' ? await send((await allow()).search.slice(1)) : await deny();
});

describe('more than was asked for [c28] [A1.10]', () => {
  test('is offered by challenge and metadata: to read only asks for reading', async () => {
    const all = ['read', 'write', 'admin', 'delete:everything'];
    const { consents } = await world.attack({
      script: {
        challenge: ({ honest }) => ({
          status: 401,
          headers: { 'www-authenticate': `${honest['header']}, scope="${all.join(' ')}"` },
        }),
        resource: claiming({ scopes_supported: all }),
        metadata: claiming({ scopes_supported: all }),
      },
      configure: (file) => {
        file.authorization.scopes = { default: ['read', 'write'], read_only: ['read'] };
      },
      argv: ['notion', '--read-only'],
      browse: ({ deny }) => deny(),
      ends: 'access_denied',
    });
    expect(consents.map((url) => url.searchParams.get('scope'))).toEqual(['read']);
  });

  test('is granted: it is said', async () => {
    await world.attack({
      script: { token: claiming({ scope: 'read admin' }), account: somebodyElses },
      exchanges: 1,
      ends: 'account_mismatch',
      said: /notion granted more than was asked for: "admin"/,
    });
  });
});

test('a fixed port is free again for the next run, whatever an attack did to it [b15]', async () => {
  const port = await freeLoopbackPort();
  for (const _ of [1, 2]) {
    await world.attack({
      argv: ['notion', '--callback-port', String(port)],
      browse: ({ send, state }) => send(`code=c&state=${state}`),
      ends: 'callback_refused',
    });
  }
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freeLoopbackPort } from '../../test/sandbox/listener.ts';
import { startHostileServer } from '../../test/support/hostile-server.ts';
import { startSilentListener } from '../../test/support/silent-listener.ts';
import { harmlessArgument } from './browser.ts';
import { checkedUrl, guardedFetch } from './http.ts';

const calm = new AbortController().signal;
const fetch = guardedFetch({ allowLoopbackHttp: true, signal: calm });
const hasty = guardedFetch({ allowLoopbackHttp: true, signal: calm, timeoutMs: 200 });

describe('an address', () => {
  test('of https has the form that may be asked', () => {
    expect(checkedUrl('https://mcp.example/mcp', false).href).toBe('https://mcp.example/mcp');
  });

  test.each([
    'http://mcp.example/mcp',
    'http://127.0.0.1:1/x',
    'http://[::1]:1/',
    'http://localhost:1/',
    'https://user@mcp.example/',
    'https://:secret@mcp.example/',
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'ms-msdt:/id',
    'search-ms:query=x',
    '\\\\host\\share',
    '//mcp.example/',
    'mcp.example',
    '',
    'ftp://mcp.example/',
    'https://mcp.example$(id)/',
    "https://mcp';calc;'.example/",
    '--help',
  ])('%j is refused', (url) => {
    expect(() => checkedUrl(url, false)).toThrow(expect.objectContaining({ code: 'url_refused' }));
  });

  test.each(['http://127.0.0.1:1/x', 'http://[::1]:1/x', 'http://localhost:1/x'])(
    '%s may be asked in sandbox mode',
    (url) => {
      expect(checkedUrl(url, true).href).toBe(url);
    },
  );

  test.each([
    'http://localhost.evil.example/',
    'http://localhost.:1/',
    'http://127.0.0.1.evil.example/',
    'http://127.1.1.1/',
    'http://192.0.2.2/',
    'http://169.254.169.254/latest',
    'http://[::ffff:10.0.0.1]/',
  ])('%s is refused in sandbox mode too', (url) => {
    expect(() => checkedUrl(url, true)).toThrow(expect.objectContaining({ code: 'url_refused' }));
  });

  test('with user info is refused without repeating it', () => {
    expect(() => checkedUrl('https://ada:hunter2@mcp.example/', false)).toThrow(/^URL with user info: "mcp.example"$/);
  });

  /** Texts that come near an address: its parts, right or nearly so, and anything between them. */
  const nearAddress = fc
    .tuple(
      fc.constantFrom(
        'https:',
        'https:',
        'HTTPS:',
        ' https:',
        'http:',
        'javascript:',
        'file:',
        'ms-msdt:',
        '--flag',
        '',
      ),
      fc.constantFrom('//', '//', '/\\', '', '////'),
      fc.constantFrom('', '', '', 'user@', ':secret@', '%40@', 'a\\@'),
      fc.constantFrom(
        'as.example',
        '127.0.0.1',
        'localhost',
        '[::1]',
        '2130706433',
        '0x7f.1',
        'AS.EX\u0430MPLE',
        'evil.example:8443',
      ),
      fc.constantFrom('', ':1', ':443', ':99999'),
      fc.oneof(
        fc.constantFrom('/', '/$(calc)`calc`', '/a?b=\'&c="|calc;%COMSPEC%', '/<>^!\n#--flag'),
        fc.webPath(),
        fc.string(),
      ),
    )
    .map((parts) => parts.join(''));
  const anyText = fc.oneof(
    { weight: 4, arbitrary: nearAddress },
    fc.webUrl({ withQueryParameters: true }),
    fc.string(),
  );

  test('of any other kind never passes, and what passes is written anew and harmless to every opener [A1.19] [A1.21] [c4] [c5] [c18]', () => {
    let passed = 0;
    const judge = fc.property(anyText, fc.boolean(), (text, sandbox) => {
      let url: URL;
      try {
        url = checkedUrl(text, sandbox);
      } catch (error) {
        expect(error).toMatchObject({ code: 'url_refused' });
        return;
      }
      passed += 1;
      const local = sandbox && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
      expect(local ? ['https:', 'http:'] : ['https:']).toContain(url.protocol);
      expect([url.username, url.password, new URL(url.href).href]).toEqual(['', '', url.href]);
      // What the browser is opened with: one word that no shell reads anything into, and that is no option.
      expect(harmlessArgument(url)).toMatch(/^https?:\/\/[\w\-.[\]:]+\/[\w\-.~%/:@?&=+*,#[\]]*$/);
      expect(harmlessArgument(url)).not.toMatch(/%(?![0-9A-Fa-f]{2})/);
    });
    void fc.assert(judge, { numRuns: 2_000 });
    // Else it would be true of nothing.
    expect(passed).toBeGreaterThan(100);
  });
});

describe('where an address leads', () => {
  const strict = guardedFetch({ allowLoopbackHttp: false, signal: calm, timeoutMs: 2_000 });

  test.each([
    'localhost',
    '127.0.0.1',
    '127.1',
    '0177.0.0.1',
    '0x7f000001',
    '2130706433',
    '0.0.0.0',
    '[::ffff:127.0.0.1]',
    '[::1]',
    '[::]',
    '127.0.0.1.',
    '\u2460\u2461\u2466.0.0.1',
  ])('is this machine as %s: no connection is opened [A1.22] [c3] [connecting]', async (host) => {
    const listener = await startSilentListener();
    await expect(strict(`https://${host}:${listener.port}/`)).rejects.toMatchObject({ code: 'url_refused' });
    expect(listener.connections()).toBe(0);
  });

  test.each([
    '169.254.169.254',
    '[::ffff:10.0.0.1]',
    '10.0.0.1',
    '192.168.0.1',
    '100.64.0.1',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '[fe80::1%25eth0]',
    '[64:ff9b::a00:1]',
    '[2002:a00:1::1]',
    '224.0.0.1',
    '168.63.129.16',
  ])('is refused in sandbox mode too: %s [A1.22] [c3]', async (host) => {
    for (const guarded of [strict, hasty]) {
      await expect(guarded(`https://${host}/`)).rejects.toMatchObject({ code: 'url_refused' });
    }
  });

  test.each([
    [['127.0.0.1']],
    [['2606:4700:4700::1111', '127.0.0.1']],
    [['127.0.0.1', '1.1.1.1']],
    [['::1']],
    [['fe80::1%eth0']],
  ])('is judged by every address of a name, looked up once: %j [A1.22] [c3] [connecting]', async (addresses) => {
    const listener = await startSilentListener();
    const asked: string[] = [];
    const resolve = async (host: string) => {
      asked.push(host);
      return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    };
    const guarded = guardedFetch({ allowLoopbackHttp: true, signal: calm, timeoutMs: 2_000, resolve });
    await expect(guarded(`https://inside.example:${listener.port}/`)).rejects.toMatchObject({
      code: 'url_refused',
      message: expect.stringMatching(/^"inside.example" leads to ".+", which is not a public address$/),
    });
    expect([listener.connections(), asked]).toEqual([0, ['inside.example']]);
  });

  test('is judged anew for every connection: no answer counts for the next one [A1.22] [c3]', async () => {
    const listener = await startSilentListener();
    // The first lookup fails after it was asked, so that nothing is sent to the public network by a test.
    const answers = [[], [{ address: '127.0.0.1', family: 4 }]];
    const guarded = guardedFetch({ allowLoopbackHttp: true, signal: calm, resolve: async () => answers.shift() ?? [] });
    const url = `https://rebinding.example:${listener.port}/`;
    await expect(guarded(url)).rejects.toMatchObject({ code: 'service_unreachable' });
    await expect(guarded(url)).rejects.toMatchObject({ code: 'url_refused' });
    expect(listener.connections()).toBe(0);
  });

  test('is this machine for the name localhost in sandbox mode, whatever a resolver says', async () => {
    const server = await startHostileServer(() => ({ text: 'here' }));
    const resolve = () => Promise.reject(new Error('nobody should be asked'));
    const guarded = guardedFetch({ allowLoopbackHttp: true, signal: calm, resolve });
    const answer = await guarded(server.origin.replace('127.0.0.1', 'localhost'));
    expect(await answer.text()).toBe('here');
  });

  test('is nowhere when the name does not exist', async () => {
    const resolve = () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
    const guarded = guardedFetch({ allowLoopbackHttp: false, signal: calm, resolve });
    await expect(guarded('https://nowhere.example/')).rejects.toMatchObject({
      code: 'service_unreachable',
      message: '"nowhere.example" cannot be reached: ENOTFOUND',
    });
  });

  test('is not waited for beyond the time limit', async () => {
    const guarded = guardedFetch({
      allowLoopbackHttp: false,
      signal: calm,
      timeoutMs: 100,
      resolve: () => new Promise(() => {}),
    });
    await expect(guarded('https://slow.example/')).rejects.toMatchObject({
      message: '"slow.example" cannot be reached: no answer within 0.1 s',
    });
  });
});

describe('a request', () => {
  test.each([
    [new URLSearchParams({ a: 'b c' }), 'a=b+c', 'application/x-www-form-urlencoded;charset=UTF-8'],
    ['text', 'text', undefined],
    [undefined, '', undefined],
  ])('carries %j', async (body, received, type) => {
    const server = await startHostileServer(() => ({ json: {} }));
    await fetch(`${server.origin}/`, { method: 'POST', ...(body === undefined ? {} : { body }) });
    expect(server.requests).toMatchObject([{ method: 'POST', body: received }]);
    expect(server.requests[0]?.headers['content-type']).toBe(type);
    expect(server.requests[0]?.headers['user-agent']).toBe('managed-agents-interface');
  });
});

describe('an answer', () => {
  test('is not redirected, whatever it says [c19] [connecting]', async () => {
    const other = await startHostileServer(() => ({ json: {} }));
    const server = await startHostileServer(() => ({ status: 307, headers: { location: `${other.origin}/stolen` } }));
    expect((await fetch(`${server.origin}/`, { method: 'POST', body: 'code=c' })).status).toBe(307);
    expect(other.lines()).toEqual([]);
  });

  test('is not followed to a host of this machine [c3] [connecting]', async () => {
    const listener = await startSilentListener();
    const location = `http://localhost:${listener.port}/`;
    const server = await startHostileServer(() => ({ status: 302, headers: { location } }));
    expect((await fetch(`${server.origin}/`)).status).toBe(302);
    expect(listener.connections()).toBe(0);
  });

  test('that is compressed all the same is an error [c26] [connecting]', async () => {
    const server = await startHostileServer(() => ({ text: 'x', headers: { 'content-encoding': 'gzip' } }));
    await expect(fetch(`${server.origin}/`)).rejects.toMatchObject({ code: 'service_metadata' });
  });

  test('is asked for as it is, never compressed', async () => {
    const server = await startHostileServer(() => ({ json: {} }));
    await fetch(`${server.origin}/`, { headers: { accept: 'application/json', 'accept-encoding': 'gzip' } });
    expect(server.requests[0]?.headers).toMatchObject({ accept: 'application/json', 'accept-encoding': 'identity' });
  });

  test('of exactly 1 MiB is read, one byte more is an error [c26]', async () => {
    const server = await startHostileServer((line) => ({
      text: 'x'.repeat(1024 * 1024 + (line.endsWith('more') ? 1 : 0)),
    }));
    expect(await (await fetch(`${server.origin}/`)).text()).toHaveLength(1024 * 1024);
    await expect(fetch(`${server.origin}/more`).then((answer) => answer.text())).rejects.toMatchObject({
      code: 'service_metadata',
      message: expect.stringContaining('more than 1 MiB'),
    });
  });

  test('without end stops being read, and the other side notices [connecting]', async () => {
    let closed: (value: unknown) => void = () => {};
    const noticed = new Promise((resolve) => {
      closed = resolve;
    });
    const server = await startHostileServer(() => (response) => {
      const more = () => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', more).on('close', closed);
      more();
    });
    await expect(fetch(`${server.origin}/`).then((answer) => answer.text())).rejects.toMatchObject({
      code: 'service_metadata',
    });
    await noticed;
  });

  test.each([
    ['that never comes', () => () => {}],
    [
      'that stalls in its body',
      () => (response: { writeHead(status: number): unknown; write(text: string): unknown }) => {
        response.writeHead(200);
        response.write('{');
      },
    ],
  ])('%s ends in time, said as such [c26]', async (_case, answer) => {
    const server = await startHostileServer(answer);
    await expect(hasty(`${server.origin}/`).then((given) => given.text())).rejects.toMatchObject({
      code: 'service_unreachable',
      message: `${JSON.stringify(new URL(server.origin).host)} cannot be reached: no answer within 0.2 s`,
    });
  });

  test('that breaks off is an error of the service, not a bug', async () => {
    const server = await startHostileServer(() => (response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{');
      setTimeout(() => response.destroy(), 20);
    });
    await expect(fetch(`${server.origin}/`).then((given) => given.text())).rejects.toMatchObject({
      code: 'service_unreachable',
    });
  });
});

test('a server that is not there is named with the reason', async () => {
  const port = await freeLoopbackPort();
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({
    code: 'service_unreachable',
    message: `"127.0.0.1:${port}" cannot be reached: ECONNREFUSED`,
  });
});

test('an interruption ends the request, and the body too', async () => {
  const server = await startHostileServer((line) => (response) => {
    if (line.endsWith('body')) response.write('x');
  });
  for (const path of ['/', '/body']) {
    const interruption = new AbortController();
    const interrupted = guardedFetch({ allowLoopbackHttp: true, signal: interruption.signal });
    const asked = interrupted(`${server.origin}${path}`).then((given) => given.text());
    setTimeout(() => interruption.abort(), 50);
    await expect(asked).rejects.toMatchObject({ code: 'interrupted' });
  }
});

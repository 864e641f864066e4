import { describe, expect, test } from 'vitest';
import { freeLoopbackPort } from '../../test/sandbox/listener.ts';
import { startHostileServer } from '../../test/support/hostile-server.ts';
import { checkedUrl, guardedFetch } from './http.ts';

const calm = new AbortController().signal;
const fetch = guardedFetch({ allowLoopbackHttp: true, signal: calm });
const hasty = guardedFetch({ allowLoopbackHttp: true, signal: calm, timeoutMs: 200 });

describe('an address', () => {
  test.each(['https://mcp.example/mcp', 'https://127.0.0.1/x', 'https://[::1]:8443/'])('%s may be asked', (url) => {
    expect(checkedUrl(url, false).href).toBe(url);
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
    '--help',
  ])('%j is refused', (url) => {
    expect(() => checkedUrl(url, false)).toThrow(expect.objectContaining({ code: 'url_refused' }));
  });

  test.each(['http://127.0.0.1:1/x', 'http://[::1]:1/x'])('%s may be asked in sandbox mode', (url) => {
    expect(checkedUrl(url, true).href).toBe(url);
  });

  test.each([
    'http://localhost:1/',
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
});

describe('an answer', () => {
  test('is not redirected, whatever it says', async () => {
    const other = await startHostileServer(() => ({ json: {} }));
    const server = await startHostileServer(() => ({ status: 307, headers: { location: `${other.origin}/stolen` } }));
    expect((await fetch(`${server.origin}/`, { method: 'POST', body: 'code=c' })).status).toBe(307);
    expect(other.lines()).toEqual([]);
  });

  test('is asked for as it is, never compressed', async () => {
    const server = await startHostileServer(() => ({ json: {} }));
    await fetch(`${server.origin}/`, { headers: { accept: 'application/json', 'accept-encoding': 'gzip' } });
    expect(server.requests[0]?.headers).toMatchObject({ accept: 'application/json', 'accept-encoding': 'identity' });
  });

  test('of exactly 1 MiB is read, one byte more is an error', async () => {
    const server = await startHostileServer((line) => ({
      text: 'x'.repeat(1024 * 1024 + (line.endsWith('more') ? 1 : 0)),
    }));
    expect(await (await fetch(`${server.origin}/`)).text()).toHaveLength(1024 * 1024);
    await expect(fetch(`${server.origin}/more`).then((answer) => answer.text())).rejects.toMatchObject({
      code: 'service_metadata',
      message: expect.stringContaining('more than 1 MiB'),
    });
  });

  test('without end stops being read, and the other side notices', async () => {
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
  ])('%s ends in time, said as such', async (_case, answer) => {
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

/** A network that is left through a proxy: every door goes through it, and what is wrong with it is named. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { type AgentOptions, createServer } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Headers } from '../../internal/outside/fetch-types.ts';
import { guardedFetch } from '../../internal/outside/http.ts';
import { proxiesFrom } from '../../internal/outside/proxies.ts';
import { sender } from '../../internal/outside/send.ts';
import { type ConnectProxy, startConnectProxy } from '../sandbox/connect-proxy.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skipped } from '../support/skip.ts';

const world = sandboxPerTest();

let proxy: ConnectProxy;
beforeEach(async () => {
  proxy = await startConnectProxy();
});
afterEach(() => proxy.close());

const behind = () => ({ environment: { HTTP_PROXY: proxy.url } });

test('the main job goes through it, platform, provider and service, and its credentials are seen nowhere', async () => {
  const connected = await world.connect(['notion', '--debug'], behind());
  expect(connected.exit).toBe(0);
  const applied = await world.setup(['agents', 'apply', 'support'], { ...behind(), person: undefined });
  const session = await world.setup(['--agent', 'support'], behind());
  expect([applied.exit, session.exit]).toEqual([0, 0]);
  const { platform, identityProvider, services } = world.sandbox;
  const doors = [platform.baseUrl, identityProvider.issuer, services.notion.mcpUrl];
  const tunnels = new Set(proxy.asked.map(({ authority }) => authority));
  for (const door of doors) expect(tunnels).toContain(new URL(door).host);
  expect(proxy.asked.every(({ known }) => known)).toBe(true);
  for (const { stdout, stderr } of [connected, applied, session]) {
    expect(stdout + stderr).not.toMatch(/tunnel(\/|%2F)pass/);
  }
  const doctor = await world.setup(['doctor'], { ...behind(), person: undefined });
  expect(doctor.stdout).toContain(`http leaves through the proxy "${proxy.origin}" (HTTP_PROXY, with credentials)`);
  expect(doctor.stdout + doctor.stderr).not.toMatch(/tunnel(\/|%2F)pass/);
});

test.each<[string, () => object, string]>([
  ['without its credentials', () => ({ HTTP_PROXY: proxy.origin }), 'answered 407'],
  [
    'that answers with a page',
    () => {
      proxy.answer({ status: 503, type: 'text/html', body: '<h1>Sign in to the Wi-Fi</h1>' });
      return { HTTP_PROXY: proxy.url };
    },
    'answered 503 with a page of HTML',
  ],
  ['where nobody is', () => ({ HTTP_PROXY: 'http://127.0.0.1:9' }), 'cannot be used: ECONNREFUSED'],
])('a proxy %s is named at each door, and so is the variable', async (_case, environment, words) => {
  const setting = { environment: environment() as Record<string, string> };
  const atProvider = await world.connect(['login'], setting);
  const atPlatform = await world.setup(['agents', 'list'], setting);
  for (const { exit, stderr } of [atProvider, atPlatform]) {
    expect([exit, stderr]).toEqual([1, expect.stringContaining(words)]);
    expect(stderr).toContain('(HTTP_PROXY)');
    expect(stderr).not.toContain('[bug]');
  }
});

test('what NO_PROXY names is reached directly', async () => {
  const environment = { HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: '127.0.0.0/8' };
  expect((await world.connect(['notion'], { environment })).exit).toBe(0);
});

test('a change that the proxy never let through is known not to have happened', async () => {
  proxy.answer({ status: 403 });
  const applied = await world.setup(['agents', 'apply', 'support'], { ...behind(), person: undefined });
  expect([applied.exit, applied.stderr]).toEqual([1, expect.stringContaining('[platform_unreachable]')]);
  expect(world.asked()).toEqual([]);
});

test('addresses are judged where they are known here, and told where only the proxy knows them [connecting]', async () => {
  const told: string[] = [];
  const proxies = proxiesFrom({ HTTPS_PROXY: proxy.url }, (host) => told.push(host));
  const found: Record<string, string> = { 'inside.example': '10.0.0.7', 'outside.example': '93.184.216.34' };
  const fetch = guardedFetch({
    allowLoopbackHttp: false,
    signal: new AbortController().signal,
    proxies,
    resolve: async (host) => {
      const address = found[host];
      if (address === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      return [{ address, family: 4 }];
    },
  });
  for (const host of ['inside.example', '10.0.0.7', '169.254.169.254', '[::1]']) {
    await expect(fetch(`https://${host}/`)).rejects.toMatchObject({ code: 'url_refused' });
  }
  expect([proxy.asked, told]).toEqual([[], []]);
  proxy.answer({ status: 502 });
  for (const host of ['outside.example', 'unknown.example', 'unknown.example']) {
    await expect(fetch(`https://${host}/`)).rejects.toMatchObject({ message: expect.stringContaining('answered 502') });
  }
  expect([proxy.asked.map(({ authority }) => authority), told]).toEqual([
    ['outside.example:443', 'unknown.example:443', 'unknown.example:443'],
    ['unknown.example'],
  ]);
});

const withOpenssl = {
  skip: skipped(
    spawnSync('openssl', ['version']).status !== 0 && { reason: 'openssl makes a certificate', installable: false },
  ),
};

test(
  'over TLS an authority that nobody knows names the way out, and one that is trusted is let in',
  withOpenssl,
  async () => {
    const [key, cert] = ['key', 'cert'].map((name) => join(world.sandbox.folder, name)) as [string, string];
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
      ...['-keyout', key, '-out', cert, '-subj', '/CN=tls.example', '-addext', 'subjectAltName=DNS:tls.example'],
    ]);
    expect(made.status).toBe(0);
    const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (request, response) =>
      response.end(JSON.stringify({ host: request.headers.host })),
    );
    await new Promise<void>((resolve) => {
      server.listen({ host: '127.0.0.1', port: 0 }, resolve);
    });
    const address = server.address();
    proxy.lookUp('tls.example', typeof address === 'object' && address !== null ? address.port : 0);
    const proxies = proxiesFrom({ HTTPS_PROXY: proxy.url });
    const resolve = async () => [{ address: '93.184.216.34', family: 4 }];
    const signal = new AbortController().signal;
    const fetch = guardedFetch({ allowLoopbackHttp: false, signal, proxies, resolve });
    await expect(fetch('https://tls.example/')).rejects.toMatchObject({
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    const send = sender({ ca: await readFile(cert) } as AgentOptions, proxies);
    const get = { method: 'GET', headers: new Headers(), body: undefined, signal: undefined };
    for (let time = 1; time <= 2; time += 1) {
      const { status, pieces } = await send(new URL('https://tls.example/'), get);
      expect([status, await text(pieces as AsyncIterable<Uint8Array>)]).toEqual([200, '{"host":"tls.example"}']);
    }
    // The second one went over the line of the first.
    expect(proxy.asked).toHaveLength(2);
    // Its certificate is of another host.
    proxy.lookUp('other.example', typeof address === 'object' && address !== null ? address.port : 0);
    await expect(send(new URL('https://other.example/'), get)).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    server.close();
    server.closeAllConnections();
  },
);

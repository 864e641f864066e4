/** A network that is left through a proxy: every door goes through it, and what is wrong with it is named. */
import { spawnSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { type AgentOptions, createServer } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Headers } from '../../internal/outside/fetch-types.ts';
import { guardedFetch } from '../../internal/outside/http.ts';
import { proxiesFrom } from '../../internal/outside/proxies.ts';
import { sender } from '../../internal/outside/send.ts';
import { type ConnectProxy, startConnectProxy } from '../sandbox/connect-proxy.ts';
import { userAgent } from '../sandbox/platform/token-refresh.ts';
import type { CommandOutcome } from '../support/command.ts';
import { keepSignIns } from '../support/kept-sign-in.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skipped } from '../support/skip.ts';

const world = sandboxPerTest();

let proxy: ConnectProxy;
beforeEach(async () => {
  proxy = await startConnectProxy();
});
afterEach(() => proxy.close());

const behind = () => ({ environment: { HTTP_PROXY: proxy.url } });

/** Every request that a server of this process got while something was done: to which port, and from where. */
async function requestsWhile(act: () => Promise<void>) {
  const requests: { port: number | undefined; tunnelled: boolean; agent: string | undefined }[] = [];
  const note = (message: unknown) => {
    const { request, socket } = message as { request: IncomingMessage; socket: Socket };
    requests.push({
      port: socket.localPort,
      tunnelled: proxy.isEndOfTunnel(socket.remotePort),
      agent: request.headers['user-agent'],
    });
  };
  subscribe('http.server.request.start', note);
  try {
    await act();
  } finally {
    unsubscribe('http.server.request.start', note);
  }
  return requests;
}

/** What the credentials of the proxy could be found as. */
const spellings = () => [
  proxy.password,
  encodeURIComponent(proxy.password),
  Buffer.from(`ada:${proxy.password}`).toString('base64'),
];

async function textsBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((each) => each.isFile());
  return await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')));
}

test('the main job goes through it, platform, provider and service, every request, and its credentials are seen nowhere', async () => {
  const { platform, identityProvider, services } = world.sandbox;
  const folder = await world.machine();
  const kept = await keepSignIns(world);
  const now = Math.floor(Date.now() / 1000);
  const outcomes: CommandOutcome[] = [];
  const requests = await requestsWhile(async () => {
    outcomes.push(await world.connect(['login', '--debug'], { ...behind(), folder }));
    await kept.forge(folder, (token) => identityProvider.control.forge(token, { iat: now - 7200, exp: now - 3600 }));
    outcomes.push(
      await world.connect(['whoami', '--json'], { ...behind(), folder, person: undefined }),
      await world.connect(['notion', '--debug'], { ...behind(), folder }),
      await world.setup(['agents', 'apply', 'support', '--debug'], { ...behind(), folder, person: undefined }),
      await world.setup(['--agent', 'support', '--debug'], { ...behind(), folder, person: undefined }),
      await world.connect(['check', '--debug'], { ...behind(), folder, person: undefined }),
      await world.connect(['logout', '--debug'], { ...behind(), folder, person: undefined }),
    );
  });
  expect(outcomes.map(({ exit }) => exit)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  expect(outcomes[1]?.stdout).toContain('"proven_by":"renewed"');
  // The browser of a person goes its own ways, and so does the platform; nothing else does.
  const direct = new Set(requests.flatMap(({ tunnelled, agent }) => (tunnelled ? [] : [agent])));
  expect([...direct].sort()).toEqual(['Mozilla/5.0 (sandbox browser)', userAgent]);
  const doors = [platform.baseUrl, identityProvider.issuer, services.notion.mcpUrl, services.notion.issuer];
  const authorities = doors.map((door) => new URL(door).host);
  const asked = requests.flatMap(({ tunnelled, port }) => (tunnelled ? [`127.0.0.1:${port}`] : []));
  for (const authority of authorities) expect(asked).toContain(authority);
  expect(proxy.asked.filter(({ known, authority }) => !known || !authorities.includes(authority))).toEqual([]);
  const nowhere = join(folder, 'acme.pem');
  const more = { NO_PROXY: 'intranet.example', NODE_EXTRA_CA_CERTS: nowhere };
  const environment = { ...behind().environment, ...more };
  const doctor = await world.setup(['doctor'], { environment, folder, person: undefined });
  const way = `http leaves through the proxy "${proxy.origin}" (HTTP_PROXY, with credentials), except to "intranet.example"`;
  expect(doctor.stdout).toContain(way);
  expect(doctor.stdout).toContain(`Node ignores "${nowhere}", and trusts nobody for it: it is not there`);
  const said = [...outcomes, doctor].flatMap(({ stdout, stderr }) => [stdout, stderr]);
  for (const text of [...said, ...(await textsBelow(folder)), ...(await textsBelow(world.keptIn(folder)))]) {
    expect(spellings().filter((each) => text.includes(each))).toEqual([]);
  }
});

test.each<[door: string, argv: readonly string[]]>([
  ['the provider', ['login']],
  ['the service', ['notion']],
  ['the platform', ['list']],
])('without its credentials it is named at the door to %s, which is not asked', async (door, argv) => {
  const { platform, identityProvider, services } = world.sandbox;
  const places: Record<string, string[]> = {
    'the provider': [identityProvider.issuer],
    'the service': [services.notion.mcpUrl, services.notion.issuer],
    'the platform': [platform.baseUrl],
  };
  const hostsOf = (name: string) => (places[name] ?? []).map((place) => new URL(place).host);
  const others = Object.keys(places).filter((name) => name !== door);
  const environment = { HTTP_PROXY: proxy.origin, NO_PROXY: others.flatMap(hostsOf).join(',') };
  let outcome: CommandOutcome | undefined;
  const requests = await requestsWhile(async () => {
    outcome = await world.connect(argv, { environment });
  });
  expect([outcome?.exit, outcome?.stderr]).toEqual([1, expect.stringContaining('(HTTP_PROXY) answered 407')]);
  expect(outcome?.stderr).toContain('give it the credentials that it wants: HTTP_PROXY=http://user:password@host:port');
  const [refused, ...more] = [...new Set(proxy.asked.map(({ authority }) => authority))];
  expect([hostsOf(door), more]).toEqual([expect.arrayContaining([refused]), []]);
  expect(outcome?.stderr).toContain(`asked for "${refused}"`);
  // The others were reached, each of them directly.
  const ports = requests.map(({ port }) => `127.0.0.1:${port}`);
  expect(hostsOf(door).filter((host) => ports.includes(host))).toEqual([]);
  if (door !== 'the provider') expect(ports).toContain(hostsOf('the provider')[0]);
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

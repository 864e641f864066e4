import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createSocketServer, Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ask } from '../../test/support/ask.ts';
import { type LoopbackListener, listenOnLoopback, type RedirectPlace } from './loopback.ts';

const anywhere: RedirectPlace = { host: '127.0.0.1', path: '/callback' };

/** A listener that captures `/callback?good` and answers 404 to the rest. It ends with the test. */
async function listen(place: RedirectPlace = anywhere): Promise<LoopbackListener> {
  const listener = await listenOnLoopback(place);
  onTestFinished(() => listener.close());
  listener.serve(({ url }) => (url === '/callback?good' ? { kind: 'captured' } : { kind: 'status', status: 404 }));
  return listener;
}

async function occupy(host: string, port = 0): Promise<Server> {
  const server = createSocketServer();
  server.listen({ host, port, ipv6Only: true });
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return server;
}

function portOf(listener: LoopbackListener): number {
  return Number(new URL(listener.redirectUri).port);
}

async function isOpen(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  return await new Promise((resolve) => {
    socket
      .on('error', () => resolve(false))
      .on('connect', () => {
        socket.destroy();
        resolve(true);
      });
  });
}

const strict = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** All that a status comes with: the same words, whatever was asked. */
const fewWords = (status: number) =>
  expect.stringMatching(new RegExp(`^Nothing was done: [^<>]*\\(${status}\\)[^<>]*\\n$`));

describe('the address', () => {
  test('is the literal loopback address, on a port of its own [b1] [connecting]', async () => {
    const [one, other] = [await listen(), await listen()];
    expect(one.redirectUri).toBe(`http://127.0.0.1:${portOf(one)}/callback`);
    expect(one.authority).toBe(`127.0.0.1:${portOf(one)}`);
    expect(portOf(one)).not.toBe(portOf(other));
  });

  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
  test.skipIf(outside === undefined)('is not reachable from the network [b1]', async () => {
    const listener = await listen();
    expect([await isOpen('127.0.0.1', portOf(listener)), await isOpen(outside ?? '', portOf(listener))]).toEqual([
      true,
      false,
    ]);
  });

  test('named localhost is bound in both families [b3]', async () => {
    const listener = await listen({ ...anywhere, host: 'localhost' });
    expect(listener.redirectUri).toBe(`http://localhost:${portOf(listener)}/callback`);
    expect(await isOpen('127.0.0.1', portOf(listener))).toBe(true);
    expect(await isOpen('::1', portOf(listener))).toBe(true);
    const headers = { host: listener.authority };
    expect((await ask(`http://[::1]:${portOf(listener)}/callback?good`, { headers })).status).toBe(303);
  });

  test('with a fixed port is refused while another program has it, and free again afterwards [b4] [c8]', async () => {
    const squatter = await occupy('127.0.0.1');
    const { port } = squatter.address() as AddressInfo;
    await expect(listenOnLoopback({ ...anywhere, port })).rejects.toMatchObject({
      code: 'port_taken',
      message: expect.stringContaining(String(port)),
    });
    squatter.close();
    await once(squatter, 'close');
    expect(portOf(await listen({ ...anywhere, port }))).toBe(port);
  });

  test.each(['EACCES', 'EPERM'])(
    'with a fixed port that the system gives nobody (%s) names the way out',
    async (code) => {
      // Which ports these are, and for whom, differs by system: here is what it answers.
      const listening = vi.spyOn(Server.prototype, 'listen').mockImplementation(function refuse(this: Server) {
        process.nextTick(() => this.emit('error', Object.assign(new Error('listen'), { code })));
        return this;
      });
      onTestFinished(() => listening.mockRestore());
      await expect(listenOnLoopback({ ...anywhere, port: 41872 })).rejects.toMatchObject({
        code: 'port_taken',
        message: expect.stringContaining('does not give out port 41872'),
        hint: expect.stringContaining('excludedportrange'),
      });
    },
  );

  test('named localhost is refused while another program has its port in the other family [b3] [c8] [connecting]', async () => {
    const squatter = await occupy('::1');
    const { port } = squatter.address() as AddressInfo;
    await expect(listenOnLoopback({ host: 'localhost', port, path: '/callback' })).rejects.toMatchObject({
      code: 'port_taken',
    });
    expect(await isOpen('127.0.0.1', port)).toBe(false);
  });

  test('named localhost is another port where another program has the first one in the other family [b3] [connecting]', async () => {
    const { listen: listens } = Server.prototype;
    const squatter = createSocketServer();
    // Which port is free in the first family is known only now: a neighbour is there a moment earlier.
    const listening = vi.spyOn(Server.prototype, 'listen').mockImplementation(function meanwhile(this: Server, ...how) {
      const { host, port } = how[0] as unknown as { host?: string; port: number };
      if (host !== '::1' || squatter.listening) return listens.apply(this, how);
      listens.apply(squatter, [{ host, port }, () => void listens.apply(this, how)] as never);
      return this;
    });
    onTestFinished(() => {
      listening.mockRestore();
      squatter.close();
    });
    const listener = await listen({ ...anywhere, host: 'localhost' });
    const taken = (squatter.address() as AddressInfo).port;
    expect(portOf(listener)).not.toBe(taken);
    expect([await isOpen('127.0.0.1', portOf(listener)), await isOpen('::1', portOf(listener))]).toEqual([true, true]);
    expect(await isOpen('127.0.0.1', taken)).toBe(false);
  });
});

describe('a captured answer', () => {
  test('leaves the address bar at once, and a replay finds nothing [b11] [b12] [P3]', async () => {
    const listener = await listen();
    const first = await ask(`${listener.redirectUri}?good`);
    expect([first.status, first.headers['location'], first.body]).toEqual([
      303,
      expect.stringMatching(/^\/done\/[\w-]{22}$/),
      '',
    ]);
    expect(first.headers).toMatchObject(strict);
    expect((await ask(`${listener.redirectUri}?good`)).status).toBe(410);
    expect((await ask(`${listener.redirectUri}?good`, { method: 'POST' })).status).toBe(410);
    const done = String(first.headers['location']);
    expect((await ask(listener.redirectUri, { target: done, headers: { host: 'evil.example' } })).status).toBe(410);
    for (const target of ['/done', '/done/', `${done}?x`, `${done.slice(0, -1)}_`]) {
      expect((await ask(listener.redirectUri, { target })).status).toBe(410);
    }
  });

  test.each([
    [true, 'Done'],
    [false, 'That did not work'],
  ])('makes the page wait for the true outcome (ok: %s) [b12] [b13]', async (ok, title) => {
    const listener = await listen();
    const { headers: sentOn } = await ask(`${listener.redirectUri}?good`);
    let answered = false;
    const page = ask(listener.redirectUri, { target: String(sentOn['location']) }).finally(() => {
      answered = true;
    });
    await sleep(100);
    expect(answered).toBe(false);
    await listener.finish({ ok });
    const { status, headers, body } = await page;
    expect([status, body.match(/<title>(.*)<\/title>/)?.[1]]).toEqual([200, title]);
    expect(headers).toMatchObject({ ...strict, 'content-type': 'text/html; charset=utf-8' });
    expect(body).not.toContain('<script');
    expect(await isOpen('127.0.0.1', portOf(listener))).toBe(false);
  });

  test('says on its page what the command says, harmlessly [b13] [c24] [P9]', async () => {
    const listener = await listen();
    const { headers: sentOn } = await ask(`${listener.redirectUri}?good`);
    const page = ask(listener.redirectUri, { target: String(sentOn['location']) });
    await listener.finish({
      ok: true,
      title: 'Notion <b>',
      facts: [['Account', `"><script>alert(1)</script>\u202egnp.\u0007 Ada's`]],
      next: 'go & see',
    });
    const { body } = await page;
    expect(body).toContain('<h1>Notion &lt;b&gt;</h1>');
    expect(body).toContain(
      '<dd><bdi>&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}gnp.\\u{7} Ada&#39;s</bdi></dd>',
    );
    expect(body).toContain('go &amp; see');
    for (const text of ['<script', '\u202e', '\u0007']) expect(body).not.toContain(text);
  });

  test('can send the browser to another place of the command, and then has no page of its own [b12] [page]', async () => {
    const listener = await listenOnLoopback(anywhere, new URL('http://127.0.0.1:1/page?once=secret'));
    onTestFinished(() => listener.close());
    listener.serve(({ url }) => (url === '/callback?good' ? { kind: 'captured' } : { kind: 'status', status: 400 }));
    const foreign = await ask(`${listener.redirectUri}?bad`);
    expect([foreign.status, foreign.headers['location'], foreign.body]).toEqual([400, undefined, fewWords(400)]);
    const first = await ask(`${listener.redirectUri}?good`);
    expect([first.status, first.headers['location']]).toEqual([303, 'http://127.0.0.1:1/page?once=secret']);
    expect(first.headers).toMatchObject(strict);
    for (const target of ['/done', '/callback?good']) {
      const later = await ask(listener.redirectUri, { target });
      expect([later.status, later.headers['location'], later.body]).toEqual([410, undefined, fewWords(410)]);
    }
    const started = performance.now();
    await listener.finish({ ok: true });
    expect(performance.now() - started).toBeLessThan(500);
    expect(await isOpen('127.0.0.1', portOf(listener))).toBe(false);
  });

  test('is not held up by a browser that never asks for the page', async () => {
    const listener = await listen();
    await ask(`${listener.redirectUri}?good`);
    const started = performance.now();
    await listener.finish({ ok: true });
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(await isOpen('127.0.0.1', portOf(listener))).toBe(false);
  });
});

describe('before anything is captured', () => {
  test('there is no page, and nothing of a request is reflected [b5] [b12] [c24] [P9]', async () => {
    const listener = await listen();
    for (const target of ['/done', '/<script>alert(1)</script>', '/callback?error_description=<script>']) {
      const { status, headers, body } = await ask(listener.redirectUri, { target });
      expect([status, body]).toEqual([404, fewWords(404)]);
      expect(headers).toMatchObject(strict);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  test('an address of more than 8 KiB is not even judged [b5]', async () => {
    const listener = await listenOnLoopback(anywhere);
    onTestFinished(() => listener.close());
    const told: string[] = [];
    listener.serve(
      () => ({ kind: 'captured' }),
      (what) => told.push(what),
    );
    expect((await ask(`${listener.redirectUri}?${'x'.repeat(8 * 1024)}`)).status).toBe(414);
    expect((await ask(`${listener.redirectUri}?${'x'.repeat(17 * 1024)}`)).status).toBe(431);
    const headers = { host: listener.authority, cookie: `a=${'x'.repeat(17 * 1024)}` };
    expect((await ask(`${listener.redirectUri}?x`, { headers })).status).toBe(431);
    expect(told).toEqual(['address', 'headers', 'headers']);
    expect((await ask(`${listener.redirectUri}?x`)).status).toBe(303);
  });

  test('finishing closes at once', async () => {
    const listener = await listen();
    const started = performance.now();
    await listener.finish({ ok: false });
    expect(performance.now() - started).toBeLessThan(500);
    expect(await isOpen('127.0.0.1', portOf(listener))).toBe(false);
  });
});

describe('a connection that says nothing', () => {
  test('is dropped when the listener closes [b15]', async () => {
    const listener = await listen();
    const socket = connect({ host: '127.0.0.1', port: portOf(listener) });
    await once(socket, 'connect');
    socket.write('GET /callback HTTP/1.1\r\n');
    const dropped = once(socket, 'close');
    socket.on('error', () => {});
    await sleep(50);
    listener.close();
    await dropped;
  });

  test('is dropped after a few seconds, so that it cannot hold a place for long [b14]', async () => {
    const listener = await listen();
    const started = performance.now();
    const dropped = ['', 'GET /callback HTTP/1.1\r\nhost: '].map(async (text) => {
      const socket = connect({ host: '127.0.0.1', port: portOf(listener) });
      socket.resume().on('error', () => {});
      await once(socket, 'connect');
      socket.write(text);
      await once(socket, 'close');
    });
    await Promise.all(dropped);
    expect(performance.now() - started).toBeLessThan(9_000);
  });
});

test('closing twice, or before anybody was served, does no harm', async () => {
  const listener = await listenOnLoopback(anywhere);
  listener.close();
  listener.close();
  await listener.finish({ ok: true });
  const again = createServer();
  again.listen({ host: '127.0.0.1', port: portOf(listener) });
  await once(again, 'listening');
  again.close();
});

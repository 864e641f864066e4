/** What a console tells a receiver by itself, over real sockets: a call that waits, and a connection that has to be made again. */
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Webhooks } from '@anthropic-ai/sdk/resources/beta/webhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../../internal/secret/secret.ts';
import { ask } from '../support/ask.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import { startPostgres, withoutPostgres } from '../support/postgres-server.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
const keys = [0, 1].map((each) => `whsec_${Buffer.alloc(32, `notices ${each}`).toString('base64')}`);
const platformKey = `whsec_${Buffer.alloc(24, 'platform').toString('base64')}`;

interface Received {
  url: string;
  id: string;
  headers: IncomingMessage['headers'];
  body: string;
}
let received: Received[];
/** How many requests are waiting for their answer, and the most that were. */
let open: { now: number; most: number };
/** What the receiver does with the requests to come; once none is left, it takes them. */
let faults: ((response: ServerResponse) => void)[];
let to: string;
let close: () => void;
let running: RunningConsole | undefined;

beforeEach(async () => {
  [received, faults, running, open] = [[], [], undefined, { now: 0, most: 0 }];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { url = '', headers } = request;
      received.push({ url, id: String(headers['webhook-id']), headers, body: Buffer.concat(pieces).toString() });
      open.now += 1;
      open.most = Math.max(open.most, open.now);
      response.once('close', () => {
        open.now -= 1;
      });
      const fault = faults.shift();
      if (fault === undefined) response.writeHead(204).end();
      else fault(response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  to = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  close = () => {
    server.closeAllConnections();
    server.close();
  };
});
afterEach(async () => {
  await running?.stop();
  close();
});

const started = async (
  more: {
    data?: string;
    environment?: Record<string, string>;
    database?: Secret;
    origin?: string;
    patienceMs?: number;
  } = {},
  signing: Content = { environment: 'MAI_NOTICES_KEY' },
) => {
  running = await startConsole(
    world.sandbox,
    (content) => {
      content.notices = { to, signing_key: signing };
    },
    {
      ...more,
      environment: { MAI_NOTICES_KEY: keys.join(' '), ANTHROPIC_WEBHOOK_SIGNING_KEY: platformKey, ...more.environment },
      noticePace: { everyMs: 100, patienceMs: more.patienceMs ?? 2_000 },
    },
  );
  return running;
};
const journal = () => running?.journal() ?? '';
const refusals = () =>
  journal()
    .split('\n')
    .filter((line) => line.includes('"notice not taken"'))
    .map((line) => JSON.parse(line) as { why: string; again_in_s: number });
const kept = async () =>
  (await readdir(join(running?.data ?? '', 'state', 'notices')).catch(() => [])).filter((name) =>
    name.endsWith('.json'),
  );
const without = async () => ({ folder: await world.machine(), environment: { ANTHROPIC_API_KEY: '' } });
/** A call of Ada's waits in a session of hers. */
const waiting = async (machine: Awaited<ReturnType<typeof without>>) => {
  const text = 'call notion notion-create-pages {"pages":[{"title":"the secret plan"}]}';
  const asked = await world.setup(['--agent', 'support', '--json', '--message', text], machine);
  expect(asked.exit).toBe(8);
  return JSON.parse(asked.stdout) as { session_id: string; asks: { event_id: string }[] };
};
/** The platform says that it could not renew a credential. */
const tellRefreshFailed = async (id: string, vault: string) => {
  const body = JSON.stringify({
    type: 'event',
    id: `whe_${randomUUID()}`,
    created_at: new Date(Date.now() + 1000).toISOString(),
    data: { type: 'vault_credential.refresh_failed', id, vault_id: vault, organization_id: 'o', workspace_id: 'w' },
  });
  const [delivery, at] = [`msg_${randomUUID()}`, Math.floor(Date.now() / 1000)];
  const hmac = createHmac('sha256', Buffer.from(platformKey.slice('whsec_'.length), 'base64'));
  const headers = {
    'content-type': 'application/json',
    'webhook-id': delivery,
    'webhook-timestamp': String(at),
    'webhook-signature': `v1,${hmac.update(`${delivery}.${at}.${body}`).digest('base64')}`,
  };
  const { status } = await ask(`${running?.origin}/v1/webhooks/platform`, { method: 'POST', headers, body });
  expect(status).toBe(204);
};

describe('a receiver of notices', () => {
  beforeEach(async () => {
    await world.configure('agents/support.yaml', (content) => {
      content.services.notion.write = 'ask';
    });
    await world.apply('support');
  });

  test('hears once of each call that waits and of each connection to make again, signed, and nothing of what was asked [P3]', async () => {
    await started();
    const machine = await without();
    await world.connect(['notion'], machine);
    const { session_id: session } = await waiting(machine);
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(1);
    const [first] = received;
    const { subject } = world.sandbox.people.ada;
    const { issuer } = world.sandbox.identityProvider;
    for (const key of keys) {
      expect(
        new Webhooks(undefined as never).unwrap(first?.body ?? '', { headers: first?.headers as never, key }),
      ).toEqual({
        type: 'ask.waiting',
        timestamp: expect.any(String),
        data: {
          person: { kind: 'sso', issuer, subject },
          answered_by: 'person',
          agent: 'support',
          service: 'notion',
          session,
          link: `${running?.origin}/approvals`,
        },
      });
    }
    const [credential] = await world.credentials();
    await tellRefreshFailed(credential?.id ?? '', credential?.vault_id ?? '');
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(2);
    expect(JSON.parse(received[1]?.body ?? '')).toMatchObject({
      type: 'connection.needs_reconnect',
      data: { person: { subject }, service: 'notion', link: `${running?.origin}/connections` },
    });
    // It goes on looking, and tells neither again; what was told of the connection is not kept.
    await expect.poll(async () => (await kept()).length).toBe(1);
    const looks = () => world.asked().filter((line) => line === 'GET /v1/sessions').length;
    const before = looks();
    await expect.poll(() => looks() - before, { timeout: 10_000 }).toBeGreaterThan(3);
    expect(received).toHaveLength(2);
    expect((await ask(`${running?.origin}/metrics`)).body).toContain('console_notices_total{outcome="told"} 2');
    for (const each of [...received.map(({ body }) => body), journal()]) {
      expect(each).not.toMatch(/secret plan|notion-create-pages|whsec_/);
    }
    // A restart tells it no more, and what was answered is forgotten.
    const data = running?.data ?? '';
    await running?.stop();
    await started({ data });
    await world.setup(['stop', session], machine);
    await expect.poll(async () => (await kept()).length, { timeout: 10_000 }).toBe(0);
    expect(received).toHaveLength(2);
  });

  test('that refuses, sends elsewhere or never answers is asked again with the same id, also after a restart, and stops nothing [P8]', async () => {
    faults = [
      (response) => response.writeHead(503).end('later'),
      (response) => response.writeHead(302, { location: `${to}/elsewhere` }).end(),
      () => {},
      (response) => response.destroy(),
      (response) => response.writeHead(429, { 'retry-after': '2' }).end(),
    ];
    const { data } = await started();
    const machine = await without();
    await world.connect(['notion'], machine);
    await waiting(machine);
    await expect.poll(() => refusals().length, { timeout: 20_000 }).toBe(5);
    // While it is left alone, the console does what it does.
    expect((await world.connect(['list'], machine)).exit).toBe(0);
    expect((await ask(`${running?.origin}/health/ready`)).status).toBe(200);
    await running?.stop();
    expect(refusals().map(({ why }) => why)).toEqual([
      'it answered 503',
      'it answered 302',
      expect.stringContaining('no answer within 2 s'),
      expect.stringContaining('cannot be reached'),
      'it answered 429',
    ]);
    expect(refusals().at(-1)?.again_in_s).toBe(2);
    await started({ data });
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(6);
    expect(new Set(received.map(({ id }) => id)).size).toBe(1);
    expect(new Set(received.map(({ url }) => url))).toEqual(new Set(['/hook']));
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
  });

  test('is told nothing that is not so any more, and what nobody took for three days is said to be lost', async () => {
    faults = Array.from({ length: 500 }, () => (response: ServerResponse) => response.writeHead(500).end());
    const { data } = await started();
    const machine = await without();
    await world.connect(['notion'], machine);
    const { session_id: session } = await waiting(machine);
    const [credential] = await world.credentials();
    await tellRefreshFailed(credential?.id ?? '', credential?.vault_id ?? '');
    await expect.poll(async () => (await kept()).length, { timeout: 10_000 }).toBe(2);
    await world.setup(['stop', session], machine);
    await expect.poll(async () => (await kept()).length, { timeout: 10_000 }).toBe(1);
    await running?.stop();
    // As it would lie there after three days in which nobody answered.
    const [name = ''] = await kept();
    const file = join(data, 'state', 'notices', name);
    const about = JSON.stringify(['failure', 'vcrd_old', '2026-01-01T00:00:00.000Z']);
    const notice = { type: 'connection.needs_reconnect', timestamp: '2026-01-01T00:00:00.000Z', data: {} };
    await writeFile(file, JSON.stringify({ notices_version: 1, state: 'waiting', about, notice }), { mode: 0o600 });
    await writeFile(join(data, 'state', 'notices', `${'0'.repeat(64)}.json`), 'what nobody can read', { mode: 0o600 });
    faults = [];
    const before = received.length;
    await started({ data });
    await expect.poll(journal, { timeout: 10_000 }).toContain('"what":"notice lost"');
    expect(await kept()).toEqual([]);
    expect(received.length).toBe(before);
    expect((await ask(`${running?.origin}/metrics`)).body).toContain('console_notices_total{outcome="lost"} 1');
  });
});

test.skipIf(withoutPostgres)(
  'of several replicas one at a time tells it, and another goes on where that one ended [P8]',
  async () => {
    const server = await startPostgres();
    try {
      await world.configure('agents/support.yaml', (content) => {
        content.services.notion.write = 'ask';
      });
      await world.apply('support');
      const address = await server.database();
      // An answer that comes late would be one more attempt.
      const patient = { database: new Secret(address), patienceMs: 30_000 };
      const one = await started(patient);
      const two = await started({ ...patient, origin: one.origin });
      const machine = await without();
      await world.connect(['notion'], machine);
      // While one waits for an answer, the other has time enough to tell it as well.
      const later = (response: ServerResponse) => void setTimeout(() => response.writeHead(503).end(), 600);
      faults = [later, later, later];
      const { session_id: first } = await waiting(machine);
      await expect.poll(() => received.length, { timeout: 60_000 }).toBe(4);
      expect(open.most).toBe(1);
      const looks = () => world.asked().filter((line) => line === 'GET /v1/sessions').length;
      const before = looks();
      await expect.poll(() => looks() - before, { timeout: 60_000 }).toBeGreaterThan(6);
      expect(received.map(({ id }) => id)).toEqual(Array.from({ length: 4 }, () => received[0]?.id));
      await two.stop();
      running = one;
      const { session_id: second } = await waiting(machine);
      await expect.poll(() => received.length, { timeout: 60_000 }).toBe(5);
      expect(second).not.toBe(first);
      expect(JSON.parse(received[4]?.body ?? '')).toMatchObject({ data: { session: second } });
    } finally {
      await running?.stop();
      running = undefined;
      await server.close();
    }
  },
  180_000,
);

test('no console is started that could not sign its notices, and the key may be in a file or be said by a program', async () => {
  const file = join(world.sandbox.folder, 'notices.key');
  await writeFile(file, `${keys[0]}\n`, { mode: 0o600 });
  for (const [signing, why] of [
    [{ environment: 'MAI_NOTICES_KEY' }, 'MAI_NOTICES_KEY holds something that is no signing key'],
    [{ file: `${file}.none` }, 'holds nothing'],
    [{ command: ['/bin/false'] }, 'does not say the key'],
    [{ command: ['/bin/echo', 'whsec_short'] }, 'no signing key'],
    [{ plain: keys[0] }, 'expected { environment: MAI_NOTICES_KEY }'],
  ] as const) {
    await expect(started({ environment: { MAI_NOTICES_KEY: 'hello' } }, signing)).rejects.toThrow(why);
  }
  await chmod(file, 0o644);
  await expect(started({}, { file })).rejects.toThrow('others could have changed or read it');
  await chmod(file, 0o600);
  for (const signing of [{ file }, { command: ['/bin/cat', file] }]) {
    await started({}, signing);
    await running?.stop();
    running = undefined;
  }
});

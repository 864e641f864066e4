/** Three replicas of one console on one database, behind a balancer that sends each connection to the next: none is anybody’s. */

import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Secret } from '../../internal/secret/secret.ts';
import type { PersonName } from '../sandbox/people.ts';
import { visit } from '../sandbox/visit.mjs';
import { ask } from '../support/ask.ts';
import { type Balancer, startBalancer } from '../support/balancer.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import { browserAt } from '../support/console-browser.ts';
import { asking, callerAt, exchangeAt, idTokenOf, newKey, proofOf } from '../support/console-caller.ts';
import { bringLogout, logoutTokenOf } from '../support/logout-token.ts';
import { deliverTo, eventText, signingKeys } from '../support/platform-webhooks.ts';
import { databasePassword, type PostgresServer, startPostgres, withoutPostgres } from '../support/postgres-server.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { soon } from '../support/soon.ts';
import { throughConsole } from '../support/through-console.ts';

let server: PostgresServer;

const connectNotion = { service: 'notion', newClient: false, legacyEndpoints: false, acceptAudience: false };

describe.skipIf(withoutPostgres || throughConsole)('replicas of a console', () => {
  const world = sandboxPerTest();
  let balancer: Balancer;
  let replicas: RunningConsole[];
  let address: string;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    balancer = await startBalancer();
    replicas = [];
    address = await server.database();
    await world.apply();
    const start = async () => {
      const replica = await startConsole(
        world.sandbox,
        (content) => {
          content.people.operators = { principals: [world.sandbox.people.grace.subject] };
        },
        {
          origin: balancer.origin,
          database: new Secret(address),
          data: await mkdtemp(join(world.sandbox.folder, 'replica-')),
          environment: { ANTHROPIC_WEBHOOK_SIGNING_KEY: signingKeys.join(' ') },
          graceMs: 1_500,
        },
      );
      replicas.push(replica);
    };
    // All at once, on a database without a table.
    await start();
    await Promise.all([start(), start()]);
    balancer.ports = replicas.map(({ port }) => port);
  });
  afterEach(async () => {
    await Promise.all(replicas.map((each) => each.stop()));
    await balancer.close();
  });

  const at = (index: number) => `http://127.0.0.1:${replicas[index]?.port}`;
  /** A machine without the key. */
  const machine = async (person: PersonName = 'ada') => ({
    folder: await world.machine(),
    person,
    environment: { ANTHROPIC_API_KEY: 'sk-of-nobody', ANTHROPIC_BASE_URL: 'http://127.0.0.1:9' },
  });
  const journals = () => replicas.map((each) => each.journal()).join('');

  test('any of them has the pages: a browser signs in, sends forms once, is streamed to and signs out anywhere', async () => {
    const connected = await world.connect(['notion'], await machine());
    expect([connected.exit, connected.stderr]).toEqual([0, expect.anything()]);
    // Each request of it goes to another one, those of its sign-in too.
    const ada = await browserAt(balancer.origin, 'ada');
    for (const path of ['/connections', '/agents', '/catalogue', '/sessions', '/approvals', '/audit']) {
      for (const _ of replicas) expect([path, (await ada.get(path)).status]).toEqual([path, 200]);
    }
    // What was done here is in the record that the page reads there.
    for (const _ of replicas) expect((await ada.get('/audit')).body).toContain('credential.create');
    // A form of one is taken by another, and twice by none.
    const form = await ada.form('/sessions/new?agent=support', '/sessions', { message: '' });
    const sent = await Promise.all(replicas.map(() => ask(balancer.origin, form)));
    expect(sent.map(({ status }) => status)).toEqual(replicas.map(() => 303));
    const places = sent.map(({ headers }) => String(headers['location'])).filter((place) => place !== '/#said');
    expect(new Set(places).size).toBe(1);
    const [place = ''] = places;
    const { length: made } = world.sandbox.platform.control.log.entries.filter(
      ({ method, path }) => method === 'POST' && path === '/v1/sessions',
    );
    expect(made).toBe(1);
    const session = place.replace(/#.*/, '');
    for (const _ of replicas) expect((await ada.get(session)).status).toBe(200);
    const streams = await Promise.all(
      replicas.map(async () => {
        const answer = await fetch(`${balancer.origin}/events?session=${session.replace('/sessions/', '')}`, {
          headers: { cookie: ada.cookie, 'sec-fetch-mode': 'cors', connection: 'close' },
        });
        const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
        let heard = '';
        while (!heard.includes('"as":')) heard += String((await reader?.read())?.value);
        return reader;
      }),
    );
    // Who signs out at one has no stream left at any.
    expect((await ada.press('/connections', '/sign-out')).status).toBe(303);
    for (const reader of streams) while ((await reader?.read())?.done === false);
    for (const _ of replicas) expect((await ada.get('/connections')).headers['location']).toMatch(/^\/sign-in/);
  });

  test('any of them has the way to a service: begun at one, come back to at another, answered at a third [P1]', async () => {
    const [ada, grace] = [await browserAt(balancer.origin, 'ada'), await browserAt(balancer.origin, 'grace')];
    const left = await ada.press('/connections', '/connections/notion/connect');
    const to = /url=([^"]*)"/.exec(left.body)?.[1]?.replaceAll('&amp;', '&') ?? '';
    // With the account of somebody else, so that there is something to answer.
    const { pathname, search } = new URL((await visit(to, { account: 'grace', comesBack: false })).url);
    const [kept = ''] = [left.headers['set-cookie'] ?? []].flat().map((each) => each.split(';')[0]);
    const came = await ada.get(`${pathname}${search}`, { headers: { cookie: `${ada.cookie}; ${kept}` } });
    expect(came.status).toBe(303);
    const page = String(came.headers['location']);
    for (const _ of replicas) expect((await ada.get(page)).body).toContain('is this right?');
    // To anybody else it is nowhere.
    for (const _ of replicas) expect((await grace.get(page)).headers['location']).toBe('/connections');
    expect((await ada.press(page, `${page}/answer`, { answer: 'yes' })).status).toBe(303);
    for (const _ of replicas) expect((await ada.get(page)).headers['location']).toMatch(/^\/connections#/);
    expect((await ada.get('/connections')).body).toContain('grace@example.test');
    // Nothing of it is left where replicas tell each other of it.
    expect(await server.ask(new URL(address).pathname.slice(1), 'select 1 from console.letters')).toEqual([]);
  });

  test('any of them takes any request: people connect and start sessions, each with what is theirs [P1]', async () => {
    const names = ['ada', 'grace'] as const;
    const connected = await Promise.all(
      names.map(async (name) => await world.connect(['notion'], await machine(name))),
    );
    expect(connected.map(({ exit, stderr }) => [exit, stderr])).toEqual(names.map(() => [0, expect.anything()]));
    const started = await world.setup(['--agent', 'support', '--json'], await machine());
    expect([started.exit, started.stderr]).toEqual([0, expect.anything()]);
    // No two vaults are of one person, and what is in each is of whoever it names.
    const credentials = await world.credentials();
    expect(new Set(credentials.map((each) => each.vault_id)).size).toBe(names.length);
    // Every replica had its part, and answers came where the run was not.
    expect([...balancer.sent.keys()].toSorted()).toEqual(balancer.ports.toSorted());
    // One record of all, whole.
    const verified = await world.setup(['audit', 'verify', '--json'], await machine());
    expect([verified.exit, verified.stderr]).toEqual([0, expect.anything()]);
    // Nothing secret stays in the database, nor what is said about it.
    const dump = await server.run('pg_dump', ['--format=plain', new URL(address).pathname.slice(1)]);
    expect(dump).toContain('COPY console.record_lines');
    for (const secret of [world.sandbox.platform.apiKey, ...world.sandbox.issuedSecrets()]) {
      expect([dump.includes(secret), journals().includes(secret)]).toEqual([false, false]);
    }
    expect(journals()).not.toContain(databasePassword);
  });

  test('a session start asks the database for what it needs, once, and writes nothing in two pieces', async () => {
    balancer.ports = balancer.ports.slice(0, 1);
    expect((await world.connect(['notion'], await machine())).exit).toBe(0);
    // The first one that is asked for reads and plans what those after it have.
    expect((await world.setup(['--agent', 'support'], await machine())).exit).toBe(0);
    const sent = vi.spyOn(Client.prototype, 'query');
    onTestFinished(() => sent.mockRestore());
    const asked = [
      [/^select who as gone/, 2],
      [/^with over as \( delete from console.sessions/, 1],
      [/^select principal, thumbprint/, 1],
      [/^with seen_over as/, 1],
      [/^select text from console.texts/, 2],
      [/^select key from console.holds/, 1],
      [/insert into console.texts/, 1],
      [/^insert into console.holds/, 1],
      [/update console.record_head set/, 2],
      [/^delete from console.holds/, 1],
    ] as const;
    // What replicas do of themselves may fall into one start, and not into each of five.
    let counted: unknown;
    for (let start = 0; start < 5; start += 1) {
      sent.mockClear();
      expect((await world.setup(['--agent', 'support'], await machine())).exit).toBe(0);
      const texts = sent.mock.calls
        .map(([query]) => (typeof query === 'string' ? query : (query as unknown as { text: string }).text))
        .map((text) => text.replace(/\s+/g, ' '))
        // Each replica looks for what others say, whatever is asked.
        .filter((text) => !/console\.letters|^select who, \(extract|^select ended from|^select 1$/.test(text));
      counted = {
        asked: asked.map(([what]) => [what, texts.filter((text) => what.test(text)).length]),
        besides: texts.filter((text) => !asked.some(([what]) => what.test(text))),
      };
      if (isDeepStrictEqual(counted, { asked, besides: [] })) return;
    }
    expect(counted).toEqual({ asked, besides: [] });
  });

  test('a session is one of all, a proof counts once at all, and a run is its person’s at all [P2]', async () => {
    const token = await idTokenOf(world.sandbox, 'ada');
    const ada = await callerAt(balancer.origin, token);
    const path = '/v1/use-cases/listConnections';
    const body = JSON.stringify({ request: {}, asking });
    const url = `${balancer.origin}${path}`;
    const proof = await proofOf(ada.key, { method: 'POST', url, token: ada.token });
    const shown = (index: number) =>
      ask(`${at(index)}${path}`, {
        method: 'POST',
        headers: {
          host: new URL(balancer.origin).host,
          authorization: `DPoP ${ada.token}`,
          dpop: proof,
          'content-type': 'application/json',
        },
        body,
      });
    const statuses = await Promise.all([shown(0), shown(1), shown(2)]);
    expect(statuses.map(({ status }) => status).toSorted()).toEqual([200, 403, 403]);

    // A run that asks something, at one of them. Whoever is somebody else ends it at none, and its person at each.
    const grace = await callerAt(balancer.origin, await idTokenOf(world.sandbox, 'grace'));
    for (const index of replicas.keys()) {
      const connect = `${balancer.origin}/v1/use-cases/connect`;
      const answered = await fetch(connect, {
        method: 'POST',
        headers: {
          authorization: `DPoP ${ada.token}`,
          dpop: await proofOf(ada.key, { method: 'POST', url: connect, token: ada.token }),
          'content-type': 'application/json',
          connection: 'close',
        },
        body: JSON.stringify({
          request: connectNotion,
          asking: { ...asking, interactive: true },
        }),
      });
      const text = new TextDecoder();
      let said = '';
      const reader = (answered.body as ReadableStream<Uint8Array>).getReader();
      expect(answered.status).toBe(200);
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        said += text.decode(piece.value);
        if (said.includes('"listen"')) break;
      }
      const { id } = JSON.parse(said.split('\n')[0] ?? '') as { id: string };
      const interrupt = `/v1/runs/${id}/interrupt`;
      expect((await grace.ask(interrupt, { body: {} })).status).toBe(400);
      for (let skipped = 0; skipped < index; skipped += 1)
        await ask(`${balancer.origin}/health/live`, { method: 'GET' });
      expect((await ada.ask(interrupt, { body: {} })).status).toBe(204);
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) said += text.decode(piece.value);
      expect(said).toContain('"interrupted"');
    }
  });

  test('who is off-boarded at one has no session, no run and no other one at any, at once [P4]', async () => {
    const token = await idTokenOf(world.sandbox, 'ada');
    const before = await callerAt(balancer.origin, token);
    await world.connect(['notion'], await machine());
    const { subject } = world.sandbox.people.ada;
    const gone = await world.connect(['offboard', subject, '--yes-offboard', subject], await machine('grace'));
    expect([gone.exit, gone.stderr]).toEqual([0, expect.anything()]);
    for (let index = 0; index < 3; index += 1) {
      const answered = await before.ask('/v1/use-cases/listConnections', { body: { request: {}, asking } });
      expect(answered.status).toBe(401);
      expect((await exchangeAt(balancer.origin, newKey(), token)).status).toBe(403);
    }
  });

  test('who signs out, at the provider or here, is signed out at all, with runs and browsers, at once [P2]', async () => {
    // With a vault: three that begin at once, with none, may each find that of another that is about to go.
    await world.connect(['notion'], await machine());
    await world.connect(['disconnect', 'notion'], await machine());
    const claims = { sid: 'one', iat: Math.floor(Date.now() / 1000) - 5 };
    const token = await idTokenOf(world.sandbox, 'ada', { claims });
    const ada = await callerAt(balancer.origin, token);
    const grace = await callerAt(balancer.origin, await idTokenOf(world.sandbox, 'grace', { claims }));
    const runs = () =>
      journals().match(/"route":"\/v1\/use-cases\/connect","method":"POST","status":200/g)?.length ?? 0;
    const earlier = runs();
    // One of its runs at each.
    const open = ['notion', 'slack', 'linear'].map((service) => {
      const body = { request: { ...connectNotion, service }, asking: { ...asking, interactive: true } };
      return ada.ask('/v1/use-cases/connect', { body });
    });
    await soon(() => expect(runs() - earlier).toBe(replicas.length));
    const headers = { host: new URL(balancer.origin).host };
    const told = await logoutTokenOf(world.sandbox);
    expect((await bringLogout(at(0), told, { headers })).status).toBe(200);
    expect((await bringLogout(at(1), told, { headers })).status).toBe(400);
    for (const each of await Promise.all(open)) expect(each.body).toContain('"interrupted"');
    const listed = { body: { request: {}, asking } };
    for (const _ of replicas) {
      expect((await ada.ask('/v1/use-cases/listConnections', listed)).status).toBe(401);
      expect((await grace.ask('/v1/use-cases/listConnections', listed)).status).toBe(200);
      expect((await exchangeAt(balancer.origin, newKey(), token)).status).toBe(401);
    }
    // By the form of a page, at whichever replica that comes to.
    const browser = await browserAt(balancer.origin, 'ada');
    for (const _ of replicas) expect((await browser.get('/connections')).status).toBe(200);
    expect((await ask(balancer.origin, await browser.form('/connections', '/sign-out'))).status).toBe(303);
    for (const _ of replicas) expect((await browser.get('/connections')).headers['location']).toMatch(/^\/sign-in/);
  });

  test('what the platform tells any of them is judged by what all did, and told once, also where one ends [P7]', async () => {
    await world.connect(['notion'], await machine());
    const { stdout } = await world.setup(['--agent', 'support'], await machine());
    const [credential] = await world.credentials();
    const { id = '', vault_id: vault = '' } = credential ?? {};
    const host = { host: new URL(balancer.origin).host };
    const ours = [
      eventText('vault.created', vault),
      eventText('vault_credential.created', id, { vault_id: vault }),
      eventText('session.created', stdout.trim()),
    ];
    for (const index of replicas.keys())
      for (const each of ours) expect((await deliverTo(at(index), each, { headers: host })).status).toBe(204);
    const foreign = eventText('session.created', 'sesn_foreign');
    const when = Math.floor(Date.now() / 1000);
    const shown = async (index: number) =>
      await deliverTo(at(index), foreign, { id: 'msg_foreign', at: when, headers: host });
    expect((await shown(0)).status).toBe(204);
    // The same once more is a replay at any of them; another attempt of it is none, and does nothing.
    expect([(await shown(0)).status, (await shown(1)).status]).toEqual([400, 400]);
    const another = { id: 'msg_foreign', at: when + 1, headers: host };
    expect((await deliverTo(at(2), foreign, another)).status).toBe(204);
    // Whoever took it ends before it is judged.
    await replicas[0]?.stop();
    const alarms = () => journals().match(/"what":"alarm"[^\n]*/g) ?? [];
    await soon(() => expect(alarms()).toHaveLength(1));
    expect(alarms()[0]).toContain('sesn_foreign');
    const left = `select 1 from console.texts where kind = 'toldEvents'`;
    await soon(async () => expect(await server.ask(new URL(address).pathname.slice(1), left)).toEqual([]));
  });

  test('whose database takes nobody says so, and that it may be asked again', async () => {
    const ada = await callerAt(balancer.origin, await idTokenOf(world.sandbox, 'ada'));
    const name = new URL(address).pathname.slice(1);
    const allow = async (word: string) =>
      await server.ask('postgres', `alter database ${name} allow_connections ${word}`);
    await allow('false');
    await server.ask('postgres', `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
    const answered = await ada.ask('/v1/use-cases/listConnections', { body: { request: {}, asking } });
    await allow('true');
    expect([answered.status, answered.headers['retry-after']]).toEqual([503, '2']);
    expect(JSON.parse(answered.body)).toMatchObject({ error: { code: 'database_unavailable' } });
    expect(answered.body).not.toContain(databasePassword);
  });

  const ready = async (index: number) => (await ask(`${at(index)}/health/ready`)).status;
  const readiness = () => Promise.all(replicas.map((_, index) => ready(index)));
  const changed = () => world.asked().filter((request) => !request.startsWith('GET '));

  test('whose database has no room do nothing, say so and what helps, and go on by themselves [P7]', async () => {
    const name = new URL(address).pathname.slice(1);
    await server.ask(
      name,
      `create function full_disk() returns trigger language plpgsql as
         $$ begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$;
       create trigger full_disk before insert on console.record_lines for each row execute function full_disk()`,
    );
    const ada = await machine();
    world.sandbox.platform.control.log.reset();
    const refused = await world.connect(['notion'], ada);
    expect([refused.exit, refused.stderr, changed()]).toEqual([
      6,
      expect.stringMatching(
        /No space left on device.* \[record_unwritable\]\n.*hint: nothing was done; have room made where/,
      ),
      [],
    ]);
    // The one that met it says so to whoever sends people to it, the others do their part.
    const unready = await readiness();
    expect(unready.toSorted()).toEqual([200, 200, 503]);
    const met = unready.indexOf(503);
    expect((await ask(`${at(met)}/metrics`)).body).toContain('console_record_unwritable 1\n');
    expect(replicas[met]?.journal()).toContain('"what":"record unwritable"');
    await server.ask(name, 'drop trigger full_disk on console.record_lines');
    expect((await world.connect(['notion'], ada)).exit).toBe(0);
    await soon(async () => expect(await readiness()).toEqual([200, 200, 200]));
  });

  test('are not begun with what a console keeps that still runs', async () => {
    const running = await startConsole(world.sandbox, () => {}, { origin: balancer.origin });
    const begun = async () =>
      await startConsole(world.sandbox, () => {}, {
        origin: balancer.origin,
        database: new Secret(await server.database()),
        importFrom: running.data,
      });
    await expect(begun()).rejects.toMatchObject({ code: 'already_running' });
    await running.stop();
    await expect(begun()).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('nothing of a console'),
    });
  });
});

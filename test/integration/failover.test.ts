/** Two replicas of a console whose database fails over: another server has all that was written, reads alone at first, and then writes. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../../internal/secret/secret.ts';
import type { PersonName } from '../sandbox/people.ts';
import { ask } from '../support/ask.ts';
import { type Balancer, startBalancer } from '../support/balancer.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import { type PostgresServer, type Standby, startPostgres, withoutPostgres } from '../support/postgres-server.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';
import { soon } from '../support/soon.ts';
import { throughConsole } from '../support/through-console.ts';

describe.skipIf(withoutPostgres || throughConsole)('a database that fails over', () => {
  const world = sandboxPerTest();
  let server: PostgresServer;
  let standby: Standby;
  /** What the replicas know as their database, whichever server it is. */
  let line: Balancer;
  let front: Balancer;
  let replicas: RunningConsole[];
  beforeEach(async () => {
    replicas = [];
    [server, line, front] = [await startPostgres(), await startBalancer(), await startBalancer()];
    const address = new URL(await server.database());
    standby = await server.standby();
    address.port = new URL(line.origin).port;
    line.ports = [server.port];
    await world.apply();
    for (const name of ['one', 'two']) {
      replicas.push(
        await startConsole(world.sandbox, () => {}, {
          origin: front.origin,
          database: new Secret(address.href),
          data: await mkdtemp(join(world.sandbox.folder, `${name}-`)),
        }),
      );
    }
    front.ports = replicas.map(({ port }) => port);
  });
  afterEach(async () => {
    await Promise.all(replicas.map((each) => each.stop()));
    await Promise.all([front.close(), line.close(), server.close()]);
  });
  const machine = async (person: PersonName = 'ada') => ({
    folder: await world.machine(),
    person,
    environment: { ANTHROPIC_API_KEY: 'sk-of-nobody', ANTHROPIC_BASE_URL: 'http://127.0.0.1:9' },
  });
  const ready = async () =>
    await Promise.all(replicas.map(async ({ port }) => (await ask(`http://127.0.0.1:${port}/health/ready`)).status));
  const changed = () => world.asked().filter((request) => !request.startsWith('GET '));

  test('is away, then reads alone: nothing is done, and that is said; as soon as it writes, what waited goes on [P7] [P8]', async () => {
    const [ada, grace] = [await machine(), await machine('grace')];
    for (const each of [ada, grace]) expect((await world.connect(['notion'], each)).exit).toBe(0);
    await server.end('crash');
    line.ports = [standby.port];
    world.sandbox.platform.control.log.reset();
    const refused = await world.setup(['--agent', 'support'], ada);
    expect([refused.exit, refused.stderr, changed()]).toEqual([
      1,
      expect.stringMatching(/\(25006\).* \[database_unavailable\]\n.*hint: have the database write again/),
      [],
    ]);
    // It is said to balancers too. Nobody is taken for signed out or let go meanwhile.
    expect(await ready()).toEqual([503, 503]);

    // Those who come a moment before it takes over wait for it, and do not notice more than that.
    const waiting = [ada, grace].map((each) => world.setupJson(['--agent', 'support'], each));
    await standby.promote();
    const sessions = (await Promise.all(waiting)).map((each) => String(each['session_id']));
    await soon(async () => expect(await ready()).toEqual([200, 200]));
    const made = await world.client.beta.sessions.list();
    expect(made.data.map(({ id }) => id).toSorted()).toEqual(sessions.toSorted());
    const verified = (await world.setupJson(['audit', 'verify'], ada)) as Content;
    expect(verified.findings.filter(({ severity }: Content) => severity === 'fault')).toEqual([]);
    const { acts } = (await world.setupJson(['audit', 'show', '--act', 'session.create'], ada)) as Content;
    expect(acts.map(({ outcome }: Content) => outcome)).toEqual(['success', 'success']);
  });
});

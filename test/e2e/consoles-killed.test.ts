/** Built consoles that are killed while people connect and start sessions: nobody has what is another's, and nothing is lost (P1, P8). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { openPostgres } from '../../internal/outside/postgres.ts';
import { recordInDatabase } from '../../internal/record/postgres-log.ts';
import { Secret } from '../../internal/secret/secret.ts';
import type { PersonName } from '../sandbox/people.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { startBalancer } from '../support/balancer.ts';
import { runCommand } from '../support/command.ts';
import { nameConsole, withoutKey } from '../support/console.ts';
import { admitCrowd, crowdOf, type Deed, judgeCrowd, letAct, type Member } from '../support/crowd.ts';
import { crowdAtConsole } from '../support/crowded-console.ts';
import { type PostgresServer, startPostgres, withoutPostgres } from '../support/postgres-server.ts';
import { type Serving, startServing } from '../support/serving.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';

let built: BuiltCopy;
beforeAll(async () => {
  built = await copyOfBuild();
}, 240_000);
afterAll(() => built.remove());

/** A sandbox whose agents are in force. */
async function world(): Promise<Sandbox> {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const { exit, stderr } = await runCommand(setupSession, ['agents', 'apply'], { environment: sandbox.environment });
  expect([exit, stderr]).toEqual([0, expect.not.stringContaining('error')]);
  return sandbox;
}

const crowd = { people: 60, atOnce: 8, killing: true };

// Where a socket chooses its own address of loopback, and where PostgreSQL is.
describe.skipIf(withoutPostgres || process.platform !== 'linux')('three replicas and their database', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server.close());

  test('of which one is killed, and the database started again, mix nobody up and lose nobody’s connection [P1] [P8]', {
    timeout: 300_000,
  }, async () => {
    const sandbox = await world();
    const postgres = { server, address: await server.database() };
    const { deeds, faults, journal } = await crowdAtConsole(sandbox, { ...crowd, locate: built.locate, postgres });
    expect([deeds.length, faults]).toEqual([crowd.people, []]);
    expect(journal).not.toMatch(/"(what|code)":"bug"/);
    // Whoever was in the middle has noticed: it was killed.
    expect(deeds.flatMap(({ again }) => again).length).toBeGreaterThan(0);
  });
});

/** What has an effect outside: all that is sent to platform and service, and all that is written to the database. */
const effects = /^(POST|DELETE|PATCH|PUT) .*: before$|^database: (?!.*console\.seen)/;
/** Nothing is at stake before somebody comes. */
const begins = /^serve POST .v1.token: before$/;

describe.skipIf(withoutPostgres || process.platform !== 'linux')('a replica', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server.close());

  test('that dies at any step of a connection and of a session start leaves what the next one goes on from [P7] [P8]', {
    timeout: 900_000,
  }, async () => {
    const sandbox = await world();
    const address = await server.database();
    const balancer = await startBalancer({ fromEverywhere: true });
    onTestFinished(() => balancer.close());
    await nameConsole(sandbox, balancer.origin, admitCrowd);
    const survivor = await startServing(sandbox, built.locate, { database: address });
    onTestFinished(() => survivor.end('SIGTERM'));
    const log = join(sandbox.folder, 'steps');
    const doomed = async (at: number) =>
      await startServing(sandbox, built.locate, {
        database: address,
        doom: { of: effects, from: begins, at, log: `${log}-${at}` },
      });
    const steps = async (at: number) => {
      const all = (await readFile(`${log}-${at}`, 'utf8')).split('\n');
      return all.slice(all.findIndex((step) => begins.test(step)));
    };
    const environment = withoutKey(sandbox);
    const [first, ...members] = await crowdOf(sandbox, 200);
    /** One person, whose replica dies on the way; whatever they do after that comes to the other one. */
    const once = async (member: Member, at: number, replica: Serving) => {
      balancer.ports = [replica.port];
      void replica.over.then(() => {
        balancer.ports = [survivor.port];
      });
      const deeds = await letAct(sandbox, [member], { environment, atOnce: 1 });
      await replica.end('SIGKILL');
      const taken = await steps(at);
      const wasStored = taken.some((step) => /\/credentials: sent$/.test(step));
      return { deed: deeds[0] as Deed, step: taken.filter((step) => effects.test(step))[at - 1], wasStored };
    };
    const whole = await once(first as Member, 0, await doomed(0));
    const count = (await steps(0)).filter((step) => effects.test(step)).length;
    expect(whole.deed.again).toEqual([]);
    expect(count).toBeGreaterThan(15);
    const deeds: Deed[] = [];
    const lines: string[] = [];
    const faults: string[] = [];
    let next = doomed(1);
    for (let at = 1; at <= count; at += 1) {
      const replica = await next;
      // The next one starts meanwhile.
      next = doomed(at + 1);
      const { deed, step, wasStored } = await once(members[at] as Member, at, replica);
      deeds.push(deed);
      const grants = sandbox.services.notion.control.liveGrants(deed.member.name as PersonName);
      const clients = new Set(grants.map(({ clientId }) => clientId));
      // What was in the vault, of the client that is in use, is one entry with it in the list of connected apps.
      const isOne = grants.length === 1 || (wasStored && clients.size === 1);
      const isNamed = /may still list the access|could not be revoked from here/.test(deed.said);
      if (!isOne && !isNamed) faults.push(`${grants.length} accesses of ${deed.member.name}, and nobody names them`);
      lines.push(`${String(at).padStart(3)}  ${step}  ${deed.again.join()}`);
    }
    await (await next).end('SIGKILL');
    process.stdout.write(
      `a replica killed at ${count} steps, and what its person's command ended with\n${lines.join('\n')}\n`,
    );
    expect([...faults, ...(await judgeCrowd(sandbox, deeds))]).toEqual([]);
    expect(deeds.filter(({ again }) => again.length > 0).length).toBeGreaterThan(count / 2);
    const database = await openPostgres(new Secret(address));
    onTestFinished(() => database.close());
    const { findings } = await recordInDatabase(database).verify();
    expect(findings.filter(({ severity }) => severity === 'fault')).toEqual([]);
  });
});

describe.skipIf(process.platform !== 'linux')('one console with a folder', () => {
  test('that is killed and started again mixes nobody up and loses nobody’s connection [P1] [P8]', {
    timeout: 300_000,
  }, async () => {
    const sandbox = await world();
    const { deeds, faults, journal } = await crowdAtConsole(sandbox, { ...crowd, locate: built.locate });
    expect([deeds.length, faults]).toEqual([crowd.people, []]);
    expect(journal).not.toMatch(/"(what|code)":"bug"/);
    expect(deeds.flatMap(({ again }) => again).length).toBeGreaterThan(0);
  });
});

/** Lists of the platform that overlap, repeat, run the other way or do not end: nothing counts twice, and nothing is ended for it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type PageFault, pageFaults } from '../sandbox/faults.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let machine: string;
beforeEach(async () => {
  machine = await world.machine();
});

/** Of every list but those of events, whose order is part of what they say. */
const lists =
  /^GET \/v1\/(vaults|vaults\/[^/]+\/credentials|sessions|agents|environments|skills|skills\/[^/]+\/versions)$/;

function befall(how: PageFault): void {
  world.sandbox.platform.control.faults.add({ on: lists, fault: { kind: 'pages', how }, times: Infinity });
}

const heal = () => world.sandbox.platform.control.faults.clear();
/** What was asked to be changed; that the platform tries a credential changes nothing. */
const changes = () => world.asked().filter((line) => !line.startsWith('GET') && !line.endsWith('/mcp_oauth_validate'));
const setup = (...argv: string[]) => world.setup(argv, { folder: machine });
const connect = (...argv: string[]) => world.connect(argv, { folder: machine });
const live = () =>
  world.sandbox.platform.control.peek.sessions().flatMap(({ id, archived_at }) => (archived_at === null ? [id] : []));
const vaults = async () => (await world.client.beta.vaults.list()).data.map(({ id }) => id);

const harmless = pageFaults.filter((how) => how !== 'circling' && how !== 'endless');
const unending = pageFaults.filter((how) => how === 'circling' || how === 'endless');

/** A person with a connection and two sessions, among others. */
async function settle(): Promise<void> {
  await world.configure('interface.yaml', (file) => {
    file.people.operators = { principals: [world.sandbox.people.grace.subject] };
  });
  world.sandbox.platform.control.seedVaults(3);
  expect((await connect('notion')).exit).toBe(0);
  expect((await connect('linear')).exit).toBe(0);
  await world.apply('support');
  for (let count = 0; count < 3; count += 1) await world.setupJson(['--agent', 'support'], { folder: machine });
  world.sandbox.platform.control.seedVaults(2);
}

const inAnyOrder = (text: string) => text.split('\n').sort();

describe('with what a person has', () => {
  beforeEach(settle);

  test.each(harmless)('%s pages say what straight ones say, and nothing is changed', async (how) => {
    const commands = [
      () => setup('list'),
      () => setup('verify', '--stop'),
      () => setup('agents', 'plan'),
      () => connect('list'),
      () => connect('vault', 'repair'),
    ];
    const straight = [];
    for (const command of commands) straight.push(await command());
    // An agent of the configuration was not applied.
    expect(straight.map(({ exit }) => exit)).toEqual([0, 0, 7, 0, 0]);
    befall(how);
    world.sandbox.platform.control.log.reset();
    for (const [index, command] of commands.entries()) {
      const { exit, stdout, stderr } = await command();
      const meant = straight[index];
      expect([exit, inAnyOrder(stdout), stderr]).toEqual([
        meant?.exit,
        inAnyOrder(meant?.stdout ?? ''),
        expect.any(String),
      ]);
    }
    expect(changes()).toEqual([]);
    expect(live()).toHaveLength(3);
  });

  test.each(harmless)('%s pages: a person is off-boarded whole, each thing once', async (how) => {
    befall(how);
    world.sandbox.platform.control.log.reset();
    const { ada } = world.sandbox.people;
    const argv = ['offboard', ada.subject, '--yes-offboard', ada.subject];
    const { exit, stderr } = await world.connect(argv, { person: 'grace' });
    expect([exit, stderr]).toEqual([0, expect.any(String)]);
    heal();
    expect([live(), (await vaults()).length]).toEqual([[], 5]);
    expect(changes().length).toBe(new Set(changes()).size);
  });

  test.each(harmless)('%s pages: a service is disconnected once, and connected again', async (how) => {
    befall(how);
    world.sandbox.platform.control.log.reset();
    expect((await connect('disconnect', 'notion')).exit).toBe(0);
    expect(changes()).toHaveLength(1);
    expect((await connect('notion')).exit).toBe(0);
    heal();
    expect(await world.credentials()).toHaveLength(2);
  });

  test.each(unending)('%s pages end with an error of the platform, and nothing is changed', async (how) => {
    befall(how);
    world.sandbox.platform.control.log.reset();
    for (const refused of [await setup('verify', '--stop'), await connect('vault', 'repair')]) {
      const why = how === 'circling' ? 'goes round in circles' : 'round in circles|after 1000 requests';
      expect([refused.exit, refused.stderr]).toEqual([1, expect.stringMatching(why)]);
      expect(refused.stderr).toContain('[platform_refused]');
    }
    expect(changes()).toEqual([]);
  });
});

describe('what a list says of a thing and the thing itself does not', () => {
  beforeEach(settle);

  /** Changes every item of a list, on its way out, for which that returns something. */
  function lie(on: string, change: (item: Content) => Content | undefined): void {
    world.sandbox.platform.control.tamper(on, (json: Content) => ({
      ...json,
      data: json.data.map((item: Content) => change(item) ?? item),
    }));
    world.sandbox.platform.control.log.reset();
  }

  test('stops no session, with --stop', async () => {
    const [id] = live();
    lie('GET /v1/sessions', (session) => {
      if (session.id === id) session.agent.tools = [{ type: 'agent_toolset_20260401', configs: [] }];
      return session;
    });
    const { exit, stderr } = await setup('verify', '--stop');
    expect([exit, stderr]).toEqual([3, expect.stringContaining('NOT stopped: read by its id, it is what was started')]);
    expect([changes(), live().length]).toEqual([[], 3]);
  });

  test('off-boards nobody else: neither vault nor session', async () => {
    const { ada } = world.sandbox.people;
    const stranger = await world.client.beta.vaults.create({ display_name: 'Stranger' });
    const agent = (await world.client.beta.agents.list()).data[0]?.id ?? '';
    const environment = (await world.client.beta.environments.list()).data[0]?.id ?? '';
    const session = await world.client.beta.sessions.create({
      agent,
      environment_id: environment,
      vault_ids: [stranger.id],
    });
    const own = (await world.client.beta.vaults.list()).data.find(({ metadata }) => 'mai_owner_subject' in metadata);
    lie('GET /v1/vaults', (vault) =>
      vault.id === stranger.id ? { ...vault, metadata: { ...own?.metadata } } : undefined,
    );
    lie('GET /v1/sessions', (each) => (each.id === session.id ? { ...each, vault_ids: [own?.id] } : undefined));
    const argv = ['offboard', ada.subject, '--yes-offboard', ada.subject];
    const { exit, stderr } = await world.connect(argv, { person: 'grace' });
    expect([exit, stderr]).toEqual([1, expect.stringContaining('is not what it was when it was listed')]);
    expect((await world.client.beta.vaults.retrieve(stranger.id)).archived_at).toBe(null);
    expect((await world.client.beta.vaults.retrieve(stranger.id)).metadata).toEqual({});
    expect(live()).toEqual([session.id]);
  });

  test('disconnects no other service', async () => {
    const notion = (await world.credentials()).find(({ display_name }) => /notion/i.test(display_name ?? ''));
    lie('GET /v1/vaults/:vault/credentials', (each) => ({ ...each, auth: notion?.auth }));
    const { exit, stderr } = await connect('disconnect', 'notion');
    expect([exit, stderr]).toEqual([1, expect.stringContaining('is not what it was when it was listed')]);
    expect(changes()).toEqual([]);
  });

  test('retires no other agent', async () => {
    await rm(join(world.sandbox.configFolder, 'agents.lock.json'));
    const other = await world.client.beta.agents.create({ name: 'other', model: 'claude-sonnet-5-5' });
    lie('GET /v1/agents', (agent) => {
      const mine = agent.metadata.mai_name === undefined ? { mai_name: 'support' } : {};
      return { ...agent, metadata: mine };
    });
    const { exit, stderr } = await setup('agents', 'retire', 'support', '--yes-retire', 'support', '--stop');
    expect([exit, stderr]).toEqual([1, expect.stringContaining('is not what it was when it was listed')]);
    expect((await world.client.beta.agents.retrieve(other.id)).archived_at).toBe(null);
  });
});

/** What the platform adds to its answers: where it decides what a tool may do nothing is begun, elsewhere it is told. */
import { beforeEach, expect, test } from 'vitest';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
const session = ['--agent', 'support'];
const words = 'the platform answers with a member that this version does not know';

beforeEach(async () => {
  await world.apply();
  expect((await world.connect(['notion'])).exit).toBe(0);
});

/** Adds a member to every tool of every agent that is answered, in sessions too. */
function addToTools(value: unknown): void {
  world.sandbox.platform.control.tamper('* /v1/**', (json) => {
    const each = (answer: Content): void => {
      for (const one of answer?.data ?? []) each(one);
      for (const toolset of (answer?.agent ?? answer)?.tools ?? []) {
        for (const config of toolset.configs ?? []) config.hours = value;
      }
    };
    each(json);
    return json;
  });
}

const sessions = () => world.sandbox.platform.control.peek.sessions();

test('one that decides what a tool may do: no session is created, until the configuration takes it by name [P6]', async () => {
  addToTools('office');
  const refused = await world.setup(session);
  expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining(`${words}: tools.configs.hours`)]);
  expect(refused.stderr).toContain('platform.accepted_members');
  expect(sessions()).toEqual([]);

  // What the hint says leads out.
  const doctor = await world.setup(['doctor']);
  expect([doctor.exit, doctor.stderr]).toEqual([1, expect.stringContaining('tools.configs.hours, and it decides')]);
  const plan = await world.setup(['agents', 'plan']);
  expect([plan.exit, plan.stdout]).toEqual([0, expect.stringContaining(`${words}: tools.configs.hours`)]);
  await world.configure('interface.yaml', (content) => {
    content.platform = { ...content.platform, accepted_members: ['tools.configs.hours'] };
  });
  expect((await world.setup(session)).exit).toBe(0);
  expect(sessions()).toMatchObject([{ archived_at: null }]);
  expect((await world.setup(['verify'])).exit).toBe(0);
  expect(await world.setupJson(['doctor'])).toMatchObject({
    accepted_members: ['tools.configs.hours'],
    needless_members: [],
  });
});

test('one that only the session shows, which was created then, is named and the session archived [P6]', async () => {
  world.sandbox.platform.control.tamper('POST /v1/sessions', (json) => {
    const answer = json as Content;
    for (const toolset of answer.agent.tools) toolset.hours = 'office';
    return answer;
  });
  const { exit, stderr } = await world.setup(session);
  expect([exit, stderr]).toEqual([1, expect.stringContaining(`${words}: tools.hours`)]);
  expect(sessions()).toMatchObject([{ archived_at: expect.any(String) }]);
});

test('one of a session that runs is an alarm, and one that is null is nothing [P6]', async () => {
  expect((await world.setup(session)).exit).toBe(0);
  addToTools(null);
  expect((await world.setup(['verify'])).exit).toBe(0);
  expect((await world.setup(session)).exit).toBe(0);
  addToTools({});
  const { exit, stderr } = await world.setup(['verify']);
  expect([exit, stderr]).toEqual([3, expect.stringContaining(`tools: ${words}: tools.configs.hours`)]);
  expect(stderr).not.toContain('it is not what its record says');
});

test('one that decides nothing is told once and is no difference, and doctor has the table it is compared with', async () => {
  expect(await world.setupJson(['doctor'])).toMatchObject({
    known_from: '1.14.0',
    sdk_version: '1.14.0',
    unknown_members: [],
  });
  world.sandbox.platform.control.tamper('* /v1/**', (json) => {
    const add = (answer: Content): void => {
      for (const one of answer?.data ?? []) add(one);
      if (['vault', 'agent'].includes(answer?.type)) answer.region = 'eu';
    };
    add(json);
    return json;
  });
  world.sandbox.platform.control.seedVaults(3);
  const { exit, stderr } = await world.setup(session);
  expect(exit).toBe(0);
  expect(stderr.split(`${words}: vault.region`)).toHaveLength(2);
  expect(stderr.split(`${words}: region`)).toHaveLength(2);
  await world.configure('interface.yaml', (content) => {
    content.platform = { ...content.platform, accepted_members: ['region', 'tools.configs.enabled'] };
  });
  expect(await world.setupJson(['doctor'])).toMatchObject({
    unknown_members: ['vault.region'],
    accepted_members: ['region'],
    needless_members: ['tools.configs.enabled'],
  });
});

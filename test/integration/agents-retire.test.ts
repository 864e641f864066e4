/** `setup-session agents retire`: an agent ends for good, and its file does not bring it back. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();
const agents = (...argv: string[]) => world.setup(['agents', ...argv], { person: undefined });
const retire = (...argv: string[]) => agents('retire', 'support', '--yes-retire', 'support', ...argv);
const changes = () => world.asked().filter((line) => !line.startsWith('GET'));
const lock = async (): Promise<Content> =>
  JSON.parse(await readFile(join(world.sandbox.configFolder, 'agents.lock.json'), 'utf8'));
const retrieve = async () => await world.client.beta.agents.retrieve((await lock()).agents.support.id);

beforeEach(async () => {
  await agents('apply');
  world.sandbox.platform.control.log.reset();
});

test('archives the agent; neither plan nor apply makes another one, and no session starts [P6]', async () => {
  const retired = await retire();
  expect([retired.exit, retired.stdout]).toEqual([0, expect.stringContaining('remove it')]);
  expect((await retrieve()).archived_at).not.toBeNull();
  expect((await lock()).agents.support).toMatchObject({ version: 1, retired: true });
  world.sandbox.platform.control.log.reset();
  expect(await agents('plan')).toMatchObject({ exit: 0, stdout: expect.stringContaining('agent support: retired') });
  expect(await agents('apply')).toMatchObject({ exit: 0 });
  expect(await retire()).toMatchObject({ exit: 0 });
  expect(changes()).toEqual([]);

  const machine = await world.machine();
  await world.connect(['notion'], { folder: machine });
  const started = await world.setup(['--agent', 'support'], { folder: machine });
  // Nothing that it says leads round the retirement.
  expect([started.exit, started.stderr]).toEqual([3, expect.stringContaining('[agent_retired]')]);
  expect(started.stderr).not.toMatch(/lock|apply|new one/);
  expect(world.sandbox.platform.control.peek.sessions()).toEqual([]);
});

test('where the retired agent is not to be found, or the lock of another machine does not know, nothing leads round it', async () => {
  const before = await readFile(join(world.sandbox.configFolder, 'agents.lock.json'), 'utf8');
  await retire();
  // As with a key of another workspace.
  world.sandbox.platform.control.faults.add({
    on: 'GET /v1/agents/:agent',
    fault: { kind: 'status', status: 404 },
    times: Infinity,
  });
  // No list has it either.
  const lost = await agents('plan');
  expect([lost.exit, lost.stderr]).toEqual([
    1,
    expect.stringContaining('check that the key is of the right workspace'),
  ]);
  expect(lost.stderr).not.toMatch(/remove|new one/);
  world.sandbox.platform.control.faults.clear();

  await writeFile(join(world.sandbox.configFolder, 'agents.lock.json'), before);
  const behind = await agents('apply');
  expect([behind.exit, behind.stderr]).toEqual([
    1,
    expect.stringContaining('if somebody retired it, update your files'),
  ]);
});

test('finds an agent whose file is gone, with the lock and without', async () => {
  await rm(join(world.sandbox.configFolder, 'agents/support.yaml'));
  await rm(join(world.sandbox.configFolder, 'agents.lock.json'));
  expect(await retire()).toMatchObject({ exit: 0 });
  expect((await retrieve()).archived_at).not.toBeNull();
  const unknown = await agents('retire', 'nobody', '--yes-retire', 'nobody');
  expect([unknown.exit, unknown.stderr]).toEqual([2, expect.stringContaining('[unknown_agent]')]);
});

test('leaves an agent alone whose sessions can still act, and with --stop ends them after the archive', async () => {
  const machine = await world.machine();
  await world.connect(['notion'], { folder: machine });
  const { session_id: id } = await world.setupJson(['--agent', 'support'], { folder: machine });
  world.sandbox.platform.control.log.reset();
  const refused = await retire();
  expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining(String(id))]);
  expect(changes()).toEqual([]);
  expect(await retire('--stop')).toMatchObject({ exit: 0 });
  const archives = changes().map((line) => line.replace(/(agent|sesn)_\w+/, '$1'));
  expect(archives).toEqual(['POST /v1/agents/agent/archive', 'POST /v1/sessions/sesn/archive']);
});

test('goes on where it was killed: an archive whose answer was lost, and one before the lock', async () => {
  world.sandbox.platform.control.faults.add({
    on: 'POST /v1/agents/:agent/archive',
    fault: { kind: 'drop-after-commit' },
  });
  expect(await retire()).toMatchObject({ exit: 0 });
  expect((await lock()).agents.support.retired).toBe(true);

  const { id } = (await lock()).agents.editor;
  await world.client.beta.agents.archive(id);
  expect(await agents('retire', 'editor', '--yes-retire', 'editor')).toMatchObject({ exit: 0 });
  expect((await lock()).agents.editor).toMatchObject({ id, retired: true });
});

test('asks first: a no, or nobody to ask, changes nothing', async () => {
  const nobody = await agents('retire', 'support');
  expect([nobody.exit, nobody.stderr]).toEqual([4, expect.stringContaining('--yes-retire support')]);
  expect(await agents('retire', 'support', '--yes-retire', 'editor')).toMatchObject({ exit: 2 });
  const answer = async (word: string) => {
    const terminal = fakeTerminal();
    let typed = false;
    return await world.setup(['agents', 'retire', 'support'], {
      terminal,
      hear: (said) => {
        if (typed || !said.includes('[y/N]')) return;
        typed = true;
        void terminal.type(`${word}\n`);
      },
    });
  };
  expect(await answer('')).toMatchObject({ exit: 2, stderr: expect.stringContaining('not confirmed') });
  expect(changes()).toEqual([]);
  expect(await answer('y')).toMatchObject({ exit: 0 });
  expect((await retrieve()).archived_at).not.toBeNull();
});

/** `setup-session environments adopt`: a file stands for an environment that somebody made elsewhere, and nothing is dropped in silence. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
const setup = (...argv: string[]) => world.setup(argv, { person: undefined });
const adopt = (...argv: string[]) => setup('environments', 'adopt', ...argv);
const changes = () => world.asked().filter((line) => !line.startsWith('GET'));
const file = (path: string) => join(world.sandbox.configFolder, path);
const text = (path: string) => readFile(file(path), 'utf8');
const lock = async (): Promise<Content> =>
  JSON.parse(await text('agents.lock.json').catch(() => '{"environments":{}}')).environments;
const retrieve = (id: string) => world.client.beta.environments.retrieve(id);

/** Made in the console. */
async function make(name: string, networking: Content, change: Content = {}): Promise<string> {
  const config = { type: 'cloud' as const, networking };
  const { id } = await world.client.beta.environments.create({ name, config, ...change });
  world.sandbox.platform.control.log.reset();
  return id;
}

const limited = { type: 'limited', allowed_hosts: ['a.example', 'b.example'], allow_mcp_servers: true };
let reviewed: string;
beforeEach(async () => {
  reviewed = await text('environments/default.yaml');
});

test('writes the file of one that has none; it is then found as ours, with the lock and without', async () => {
  const id = await make('From the console', limited, { description: 'For: builds' });
  const unnamed = await adopt(id);
  expect([unnamed.exit, unnamed.stderr]).toEqual([2, expect.stringContaining('--name <name>')]);
  const adopted = await adopt(id, '--name', 'builds');
  expect([adopted.exit, adopted.stdout]).toEqual([0, expect.stringMatching(/^wrote .*environments\/builds\.yaml\n/)]);
  expect((await text('environments/builds.yaml')).replace(/^# Adopted .*\n/m, '')).toBe(
    [
      '# yaml-language-server: $schema=../schema/environment.schema.json',
      'networking: limited',
      'allowed_hosts: [ a.example, b.example ]',
      'allow_mcp_servers: true',
      'allow_package_managers: false',
      'description: "For: builds"',
      '',
    ].join('\n'),
  );
  expect(changes()).toEqual([]);
  expect((await lock()).builds).toEqual({ id, sha256: expect.any(String) });

  // It lacks the mark by which it is found when the lock is lost, and nothing else.
  const plan = await setup('agents', 'plan');
  expect([plan.exit, plan.stdout]).toEqual([7, expect.stringContaining('environment builds: to be updated')]);
  const before = await retrieve(id);
  await world.apply();
  const after = await retrieve(id);
  expect([after.config, after.description, after.metadata]).toEqual([
    before.config,
    before.description,
    { mai_name: 'builds' },
  ]);
  await rm(file('agents.lock.json'));
  await world.apply();
  expect((await lock()).builds.id).toBe(id);
});

test('one that has the name of a file: apply names this way, and either side can be put in force', async () => {
  const id = await make('default', { ...limited, allow_mcp_servers: false });
  const refused = await setup('agents', 'apply', 'support');
  expect([refused.exit, refused.stderr]).toEqual([
    1,
    expect.stringContaining(`setup-session environments adopt ${id} --name default; else give the file another name`),
  ]);
  world.sandbox.platform.control.log.reset();

  const adopted = await adopt(id, '--name', 'default');
  expect([adopted.exit, adopted.stdout]).toEqual([
    0,
    expect.stringMatching(/default\.yaml stays as it is and stands for env_.*[\s\S]*MCP servers: in the file true/),
  ]);
  expect([await text('environments/default.yaml'), changes(), await lock()]).toEqual([
    reviewed,
    [],
    { default: { id } },
  ]);
  // Until that was decided nothing is put in force, and no session starts.
  expect(await setup('agents', 'apply', 'support')).toMatchObject({
    exit: 1,
    stderr: expect.stringContaining('[drift]'),
  });
  expect(changes()).toEqual([]);
  expect(await setup('agents', 'apply', 'support', '--adopt')).toMatchObject({ exit: 0 });
  expect(await text('environments/default.yaml')).toContain('allow_mcp_servers: false');
  await world.apply('support');
  expect(await retrieve(id)).toMatchObject({ config: { networking: { allow_mcp_servers: false } } });
  expect((await world.client.beta.environments.list()).data).toHaveLength(1);
});

test('one with an open network: refused without a file, and with one the file closes it [P6]', async () => {
  const id = await make('default', { type: 'unrestricted' });
  const refused = await adopt(id, '--name', 'fresh');
  expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('network is "unrestricted"')]);
  expect(refused.stderr).toContain('nothing was written; write config/environments/fresh.yaml');
  expect([await readdir(file('environments')), await lock()]).toEqual([['default.yaml'], {}]);

  expect(await adopt(id)).toMatchObject({ exit: 0 });
  expect(await setup('agents', 'apply', 'support', '--overwrite')).toMatchObject({ exit: 0 });
  expect(await retrieve(id)).toMatchObject({
    config: { networking: { type: 'limited', allow_mcp_servers: true } },
    metadata: { mai_name: 'default' },
  });
});

test('one that is not there, is archived, or is another file already is refused; nothing is written', async () => {
  await world.apply('support');
  const ours = (await lock()).default.id;
  const archived = await make('gone', limited);
  await world.client.beta.environments.archive(archived);
  const other = await make('other', limited);
  const before = await lock();
  for (const [id, name, exit, why] of [
    ['env_none', 'x', 2, '[unknown_environment]'],
    ['../agents', 'x', 2, '[unknown_environment]'],
    [archived, 'x', 2, '[unknown_environment]'],
    [ours, 'x', 2, 'is "default" in agents.lock.json already'],
    [other, 'default', 2, '"default" is another environment in agents.lock.json'],
  ] as const) {
    const refused = await adopt(id, '--name', name);
    expect([refused.exit, refused.stderr]).toEqual([exit, expect.stringContaining(why)]);
  }
  expect([await readdir(file('environments')), await lock()]).toEqual([['default.yaml'], before]);
  // Once more is as good as once.
  expect(await adopt(ours)).toMatchObject({ exit: 0, stdout: expect.stringContaining('file and platform agree') });
  expect(await lock()).toEqual(before);
});

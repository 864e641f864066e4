/** `--dry-run`: what would be done is said, nothing is written, and the platform is asked for no change. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { type CommandOutcome, runCommand } from '../support/command.ts';
import { newOwnershipKey, trustKeys } from '../support/ownership-keys.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let folder: string;

beforeEach(async () => {
  folder = await world.machine();
});

/** Every file below a folder with what is in it. Of the record only what is no sign-in: a person signs in to see a plan, too. */
async function filesIn(place: string): Promise<Record<string, string>> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(
      files.map(async (file) => {
        const text = await readFile(file, 'utf8');
        return [file, /record-\d+\.jsonl$/.test(file) ? actsIn(text) : text] as const;
      }),
    ),
  );
}

function actsIn(record: string): string {
  const lines = record.split('\n').filter((line) => line !== '');
  const read = lines.map((line) => JSON.parse(line) as { id?: string; act?: string });
  const signIns = new Set(read.flatMap(({ id, act }) => (act?.startsWith('sign_in.') === true ? [id] : [])));
  return lines.filter((_, index) => !signIns.has(read[index]?.id)).join('\n');
}

/** Runs a command line that must change nothing: neither the configuration, nor what is kept here, nor the platform. */
async function unchanged(run: () => Promise<CommandOutcome>, ...places: string[]): Promise<CommandOutcome> {
  const looked = [world.sandbox.configFolder, join(folder, 'state'), ...places];
  const before = await Promise.all(looked.map(filesIn));
  world.sandbox.platform.control.log.reset();
  const outcome = await run();
  expect(await Promise.all(looked.map(filesIn))).toEqual(before);
  expect(world.asked().filter((line) => !line.startsWith('GET '))).toEqual([]);
  return outcome;
}

const setup = (...argv: string[]) => unchanged(() => world.setup([...argv, '--dry-run'], { folder }));
const connect = (...argv: string[]) => unchanged(() => world.connect([...argv, '--dry-run'], { folder }));

test('agents apply: what is to be created, overwritten, or taken into the files', async () => {
  expect(await setup('agents', 'apply')).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining('agent support: to be created'),
  });
  await world.setup(['agents', 'apply'], { folder });
  const { agents } = await world.setupJson(['agents', 'list'], { folder });
  const { id } =
    (agents as { name: string; id: string; version: number }[]).find(({ name }) => name === 'support') ?? {};
  await world.client.beta.agents.update(id ?? '', { version: 1, description: 'changed outside' });
  expect((await setup('agents', 'apply')).exit).toBe(1);
  const overwrite = await setup('agents', 'apply', '--overwrite');
  expect([overwrite.exit, overwrite.stdout]).toEqual([0, expect.stringContaining('agent support: to be overwritten')]);
  const adopt = await setup('agents', 'apply', '--adopt');
  expect([adopt.exit, adopt.stdout]).toEqual([0, expect.stringMatching(/^would change .*support\.yaml$/m)]);
});

test('agents adopt: which file it would be', async () => {
  const { id } = await world.client.beta.agents.create({ name: 'stranger', model: 'claude-sonnet-5-5' });
  const { stdout } = await setup('agents', 'adopt', id);
  expect(stdout).toMatch(/^would write .*stranger\.yaml; /);
});

test('environments adopt: which file it would be, or which file would stand for it', async () => {
  const { id } = await world.client.beta.environments.create({
    name: 'default',
    config: { type: 'cloud', networking: { type: 'limited' } },
  });
  const there = await setup('environments', 'adopt', id);
  expect(there.stdout).toMatch(/^.*default\.yaml stays as it is and would stand for env_/);
  const fresh = await setup('environments', 'adopt', id, '--name', 'other');
  expect(fresh.stdout).toMatch(/^would write .*other\.yaml\n/);
});

test('agents retire: which agent would be archived and which sessions ended', async () => {
  await world.setup(['agents', 'apply'], { folder });
  await world.connect(['notion'], { folder });
  const started = await world.setup(['--agent', 'support'], { folder });
  expect([started.exit, (await setup('agents', 'retire', 'support')).exit]).toEqual([0, 1]);
  const { exit, stdout } = await setup('agents', 'retire', 'support', '--stop', '--yes-retire', 'support');
  expect([exit, stdout]).toEqual([
    0,
    expect.stringMatching(/would archive the agent support .*\nwould end the session sesn_/),
  ]);
});

test('setup-session: the session, its title and the message', async () => {
  await world.setup(['agents', 'apply'], { folder });
  await world.connect(['notion'], { folder });
  const words = ['--agent', 'support', '--title', 'Tuesday', '--message', 'Hi'];
  const { stdout } = await setup(...words);
  expect(stdout).toMatch(
    /would create a session of support .*, called "Tuesday"\nwould send it "Hi" and print the answer\n$/,
  );
});

test('init: which files it would write', async () => {
  const place = join(folder, 'fresh');
  const { stdout } = await unchanged(() => world.setup(['init', place, '--dry-run'], { folder }), folder);
  expect(stdout).toContain('would write interface.yaml');
  await world.setup(['init', place], { folder });
  expect((await world.setup(['init', place, '--dry-run'], { folder })).exit).not.toBe(0);
});

test('tools refresh and review: what would wait for a review, and where somebody would have to sign in', async () => {
  const plan = await setup('tools', 'refresh');
  expect([plan.exit, plan.visited, plan.stdout]).toEqual([
    0,
    [],
    expect.stringMatching(/notion: would sign in there to see its tools[\s\S]*nothing was written\n$/),
  ]);
  expect(world.sandbox.services.notion.counters.registrations).toBe(0);
  await world.setup(['tools', 'refresh', 'notion'], { folder });
  const review = await setup('tools', 'review', 'notion', '--accept', 'notion-search');
  expect([review.exit, review.visited, review.stdout]).toEqual([
    0,
    [],
    expect.stringMatching(/would accept notion notion-search\n$/),
  ]);
});

test('disconnect: what would be taken out of the vault', async () => {
  await world.connect(['notion'], { folder });
  const { exit, stdout } = await connect('disconnect', 'notion');
  expect([exit, stdout]).toEqual([0, expect.stringMatching(/^Notion: would take .* out of the vault of/)]);
  expect(await world.credentials()).toHaveLength(1);
});

test('vault repair: what would be kept and what asked about', async () => {
  await world.connect(['notion'], { folder });
  const [vault] = (await world.client.beta.vaults.list()).data;
  await world.client.beta.vaults.create({ display_name: 'another', metadata: vault?.metadata ?? {} });
  const { exit, stdout } = await connect('vault', 'repair');
  expect([exit, stdout]).toEqual([0, expect.stringMatching(/would be kept[\s\S]*would ask whether to archive vlt_/)]);
});

test('offboard, and its undoing', async () => {
  const { ada } = world.sandbox.people;
  await world.configure('interface.yaml', (content) => {
    content.people.operators = { principals: [ada.subject] };
  });
  await world.connect(['notion'], { folder });
  expect((await connect('offboard', ada.subject)).stdout).toContain('mark, archive');
  await world.connect(['offboard', ada.subject, '--yes-offboard', ada.subject], { folder });
  const { exit, stdout } = await connect('offboard', ada.subject, '--undo');
  expect([exit, stdout]).toEqual([0, `would let ${ada.subject} in again: make a new, empty vault\n`]);
});

test('ownership sign: refused as the act would be, else said', async () => {
  await world.connect(['notion'], { folder });
  const [vault] = (await world.client.beta.vaults.list()).data;
  const key = await newOwnershipKey('k1');
  await trustKeys(world, undefined, key);
  expect((await connect('ownership', 'sign', vault?.id ?? '')).exit).toBe(5);
  await trustKeys(world, key);
  const { exit, stdout } = await connect('ownership', 'sign', vault?.id ?? '');
  expect([exit, stdout]).toEqual([0, expect.stringContaining('would be signed')]);
});

test('verify --stop: which sessions would be stopped; without --stop there is nothing to plan', async () => {
  await world.setup(['agents', 'apply'], { folder });
  await world.connect(['notion'], { folder });
  const started = await world.setup(['--agent', 'support'], { folder });
  const id = started.stdout.trim();
  await world.client.beta.sessions.update(id, { metadata: { mai_intent: 'x'.repeat(43) } });
  expect((await setup('verify')).exit).toBe(2);
  const { exit, stderr } = await setup('verify', '--stop');
  expect([exit, stderr]).toEqual([3, expect.stringContaining('would be interrupted and archived')]);
  expect((await world.client.beta.sessions.retrieve(id)).archived_at).toBeNull();
});

test('skill-sync apply and pull', async () => {
  const { environment } = world.sandbox;
  const skills = join(folder, 'skills');
  const plan = join(folder, 'plan.json');
  const run = (...argv: string[]) => runCommand(skillSync, argv, { environment, folder });
  await world.machine();
  const { mkdir, rm } = await import('node:fs/promises');
  await mkdir(join(skills, 'greet'), { recursive: true });
  await writeFile(join(skills, 'greet', 'SKILL.md'), '---\nname: greet\ndescription: Greets.\n---\nSay hello.\n');
  await run('--out', plan, skills);
  const planned = await unchanged(() => run('apply', plan, '--dry-run'), skills);
  expect([planned.exit, planned.stdout]).toEqual([0, expect.stringContaining('greet')]);
  await run(skills);
  await rm(join(skills, 'greet'), { recursive: true });
  const pulled = await unchanged(
    () => run('pull', 'greet', '--folder', skills, '--dry-run'),
    skills,
    join(folder, 'cache'),
  );
  expect([pulled.exit, pulled.stdout]).toEqual([0, expect.stringContaining('would be pulled')]);
});

test('logout: nobody is forgotten', async () => {
  await world.connect(['list'], { folder });
  expect(Object.keys(await filesIn(join(folder, 'state')))).not.toEqual([]);
  expect((await connect('logout')).exit).toBe(0);
});

/**
 * Whatever the platform answers is no bug of ours: one thing at a time is changed in its answers, and every command that asks
 * for such a thing is run. None ends with 70; nobody gets a second vault; no session is made that is archived at once, unless
 * its own answer lacks what decides it. `npm run sandbox -- --vary` does the same for a person.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import type { PersonName } from '../sandbox/people.ts';
import { loosen, type Variation, variations, vary } from '../sandbox/platform/variations.ts';
import { type CommandOutcome, runCommand } from '../support/command.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skillText } from '../support/skill-project.ts';

const world = sandboxPerTest();

/** Everything there is, put there without anything varied. */
interface Prepared {
  /** A machine that knows Ada's vault. */
  folder: string;
  skills: string;
  stranger: string;
}

type Run = (prepared: Prepared) => Promise<CommandOutcome>;
const connect =
  (...argv: string[]): Run =>
  ({ folder }) =>
    world.connect(argv, { folder });
const setup =
  (...argv: string[]): Run =>
  ({ folder }) =>
    world.setup(argv, { folder });
const skills =
  (...argv: string[]): Run =>
  ({ skills: folder }) =>
    runCommand(skillSync, [...argv, folder], { environment: world.sandbox.environment });

/** Commands of the three executables that ask the platform for something. */
const commands: Readonly<Record<string, Run>> = {
  'connect, again': connect('notion'),
  'connect, new machine': () => world.connect(['notion']),
  'connection list': connect('list'),
  check: connect('check', 'notion'),
  'connection doctor': connect('doctor'),
  'vault repair': connect('vault', 'repair'),
  'offboard --dry-run': connect('offboard', people('ada'), '--dry-run'),
  'session --dry-run': setup('--agent', 'support', '--dry-run'),
  session: setup('--agent', 'support'),
  'session, new machine': () => world.setup(['--agent', 'support']),
  'session --message': setup('--agent', 'support', '--message', 'Hello.'),
  'session list': setup('list', '--all'),
  'session verify': setup('verify', '--all'),
  'agents plan': setup('agents', 'plan'),
  'agents apply': setup('agents', 'apply'),
  'agents list': setup('agents', 'list'),
  'agents show': setup('agents', 'show', 'support'),
  'agents adopt': ({ folder, stranger }) =>
    world.setup(['agents', 'adopt', stranger, '--dry-run', '--group', 'support'], { folder }),
  'skill-sync': skills(),
  'skill-sync --check': skills('--check'),
  'skill-sync verify': skills('verify'),
  'skill-sync pull': skills('pull', 'greet', '--overwrite', '--folder'),
};

function people(name: PersonName): string {
  return { ada: 'user-7c1e0a5b', grace: 'user-41d9f3e2', linus: '', mallory: '' }[name];
}

async function prepare(): Promise<Prepared> {
  const { sandbox, client } = world;
  await world.configure('interface.yaml', (content) => {
    content.people.operators = { principals: [people('ada')] };
  });
  sandbox.platform.control.seedVaults(2);
  const stranger = await client.beta.agents.create({ name: 'stranger', model: 'claude-sonnet-5-5' });
  const folder = await world.machine();
  const skillFolder = await mkdtemp(join(sandbox.folder, 'skills-'));
  await mkdir(join(skillFolder, 'greet'));
  await writeFile(join(skillFolder, 'greet', 'SKILL.md'), skillText('greet', 'Say hello.'));
  const prepared = { folder, skills: skillFolder, stranger: stranger.id };
  await world.apply();
  for (const ready of [connect('notion'), setup('--agent', 'support'), skills()]) {
    const { exit, stderr } = await ready(prepared);
    expect([exit, stderr]).toEqual([0, expect.anything()]);
  }
  return prepared;
}

/** Ada's active vaults, and all sessions by id. */
async function state() {
  const vaults: string[] = [];
  for await (const { id, metadata } of world.client.beta.vaults.list()) {
    if (metadata['mai_owner_subject'] === people('ada')) vaults.push(id);
  }
  const sessions = new Map(
    world.sandbox.platform.control.peek.sessions().map(({ id, archived_at }) => [id, archived_at]),
  );
  return { vaults, sessions };
}

const session = ['session', 'session --message'];
const vault = [
  'connect, again',
  'connect, new machine',
  'connection list',
  'check',
  'connection doctor',
  'vault repair',
];
const fleet = ['agents plan', 'agents apply', 'agents list', 'agents show', 'agents adopt'];
const sessions = ['session list', 'session verify'];
const tools = ['session --dry-run', ...session, ...sessions, ...fleet, 'skill-sync --check'];

/** Which commands ask for which things. */
const asking: Readonly<Record<Variation['thing'], readonly string[]>> = {
  vault: [...vault, 'offboard --dry-run', 'session --dry-run', ...session, 'session, new machine', 'session verify'],
  vault_credential: [...vault, 'offboard --dry-run', 'session --dry-run', ...session],
  vault_credential_validation: ['connect, again', 'connect, new machine', 'connection list', 'check'],
  agent: ['session --dry-run', ...session, 'session verify', ...fleet, 'skill-sync --check'],
  environment: ['session --dry-run', ...session, ...fleet],
  session: ['offboard --dry-run', ...session, ...sessions],
  'session.agent': ['offboard --dry-run', ...session, ...sessions],
  'tools[]': tools,
  'tools[].default_config': tools,
  'tools[].configs[]': tools,
  skill: ['skill-sync', 'skill-sync --check'],
  skill_version: ['skill-sync verify', 'skill-sync pull'],
  list: Object.keys(commands).filter((name) => !['skill-sync verify', 'skill-sync pull'].includes(name)),
};

test.each(Object.keys(asking) as Variation['thing'][])(
  'one thing of %s changed at a time: no bug, no second vault, no session in vain [P1] [P6] [P8]',
  {
    timeout: 600_000,
  },
  async (thing) => {
    const prepared = await prepare();
    const { control } = world.sandbox.platform;
    const rows: string[] = [];
    const faults: string[] = [];
    for (const variation of variations.filter((each) => each.thing === thing)) {
      let row = '';
      for (const name of asking[thing]) {
        const before = await state();
        const { undo, seen } = vary(control, variation);
        const { exit, stderr } = await (commands[name] as Run)(prepared).finally(undo);
        const told = (what: string) =>
          faults.push(`${variation.name}: ${name}: ${what}: ${stderr.split('\n').slice(-3).join(' ')}`);
        row += exit > 9 ? 'X' : exit;
        if (exit === 70) told('a bug');
        // Whole answers are things that are read by their id or changed: not every command does that.
        if (seen() === 0 && !variation.name.includes(': the answer is')) told('it asks for no such thing');
        const after = await state();
        if (after.vaults.length !== 1) told(`${after.vaults.length} vaults`);
        const made = [...after.sessions].filter(([id]) => !before.sessions.has(id));
        const vain = made.some(([, archivedAt]) => archivedAt !== null);
        if (vain && !variation.decides) told('a session in vain');
        if (vain) row += '*';
        const { client } = world;
        for (const id of after.vaults.filter((found) => !before.vaults.includes(found)))
          await client.beta.vaults.archive(id);
        for (const [id, archivedAt] of made)
          if (archivedAt === null) await client.beta.sessions.archive(id).catch(() => {});
      }
      rows.push(`${row}  ${variation.name}`);
    }
    // For the notes: a digit is an exit code, and a star a session that was archived at once.
    process.stdout.write(`${[asking[thing].join(' | '), ...rows].join('\n')}\n`);
    expect(faults).toEqual([]);
  },
);

test('a connection that cannot be read may be the one that is made: no second one beside it [P1] [P8]', async () => {
  const folder = await world.machine();
  expect((await world.connect(['notion'], { folder })).exit).toBe(0);
  const stop = world.sandbox.platform.control.tamper('GET /v1/vaults/:vault/credentials', (json) => {
    const answer = json as Content;
    for (const credential of answer.data) credential.auth = null;
    return answer;
  });
  world.sandbox.platform.control.log.reset();
  const again = await world.connect(['notion'], { folder });
  stop();
  expect([again.exit, again.stderr]).toEqual([1, expect.stringContaining('[platform_refused]')]);
  expect(world.sandbox.platform.control.log.count(/^POST .*credentials/)).toBe(0);
  const [vault] = (await state()).vaults;
  expect((await world.client.beta.vaults.credentials.list(vault ?? '')).data).toHaveLength(1);
});

test('an agent that does not say whose it is may be the one that is made: no second one beside it [P1] [P8]', async () => {
  await world.apply('support');
  await rm(join(world.sandbox.configFolder, 'agents.lock.json'));
  const stop = world.sandbox.platform.control.tamper('* /v1/agents', (json) => {
    const answer = json as Content;
    for (const agent of answer.data ?? [answer]) delete agent.metadata;
    return answer;
  });
  const again = await world.setup(['agents', 'apply', 'support'], { person: undefined });
  stop();
  expect([again.exit, again.stderr]).toEqual([1, expect.stringContaining('does not say whether the agent')]);
  expect((await world.client.beta.agents.list()).data.map(({ name }) => name)).toEqual(['support']);
});

test('as loose as the documents allow: one vault, one agent of each file, one skill, no session in vain [P1] [P8]', {
  timeout: 120_000,
}, async () => {
  const { control } = world.sandbox.platform;
  const lagMs = 700;
  loosen(control, lagMs);
  const folder = await mkdtemp(join(world.sandbox.folder, 'skills-'));
  await mkdir(join(folder, 'greet'));
  await writeFile(join(folder, 'greet', 'SKILL.md'), skillText('greet', 'Say hello.'));
  const sync = () => runCommand(skillSync, [folder], { environment: world.sandbox.environment });
  const machine = await world.machine();
  await world.apply();
  await world.apply();
  const runs: Record<string, () => Promise<CommandOutcome>> = {
    connect: () => world.connect(['notion'], { folder: machine }),
    'connect again': () => world.connect(['notion'], { folder: machine }),
    'connect elsewhere': () => world.connect(['notion']),
    session: () => world.setup(['--agent', 'support'], { folder: machine }),
    turn: () => world.setup(['--agent', 'support', '--message', 'Hello.'], { folder: machine }),
    list: () => world.setup(['list'], { folder: machine }),
    verify: () => world.setup(['verify'], { folder: machine }),
    push: sync,
    'push again': sync,
  };
  for (const [name, run] of Object.entries(runs)) {
    // What was connected just now may not be listed yet: a session would say so, and create nothing.
    if (name === 'session') await pause(lagMs);
    const { exit, stderr } = await run();
    expect([name, exit, stderr]).toEqual([name, 0, expect.anything()]);
  }
  control.reset();
  expect((await state()).vaults).toHaveLength(1);
  expect([...(await state()).sessions.values()]).toEqual([null, null]);
  const agents = (await world.client.beta.agents.list()).data.map(({ name }) => name);
  expect(agents.sort()).toEqual([...new Set(agents)].sort());
  expect((await world.client.skills.list({ source: 'custom' })).data).toHaveLength(1);
});

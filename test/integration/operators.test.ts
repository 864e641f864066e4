/** Everybody who changes something is somebody: what belongs to everybody is changed by operators, and by the key alone only where that is said. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { type CommandOutcome, type CommandSetting, runCommand } from '../support/command.ts';
import { newOwnershipKey, trustKeys } from '../support/ownership-keys.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

/** `skill-sync` over one new skill. */
async function sync(argv: readonly string[], setting: Partial<CommandSetting> = {}): Promise<CommandOutcome> {
  const folder = await world.machine();
  const skill = join(folder, 'skills', 'greet');
  await mkdir(skill, { recursive: true });
  await writeFile(join(skill, 'SKILL.md'), '---\nname: greet\ndescription: Greets.\n---\nSay hello.\n');
  const environment = { ...world.sandbox.environment, ...setting.environment };
  return await runCommand(skillSync, [...argv, join(folder, 'skills')], { ...setting, folder, environment });
}

beforeEach(() =>
  world.configure('interface.yaml', (content: Content) => {
    delete content.platform.changes_by_key;
    content.people.operators = { principals: [world.sandbox.people.grace.subject], groups: ['releases'] };
  }),
);

/** What was asked of the platform that changes something. */
const changes = () => world.asked().filter((line) => !line.startsWith('GET '));

const everybodys: readonly [string, (setting: Partial<CommandSetting>) => Promise<CommandOutcome>][] = [
  ['setup-session agents apply', (setting) => world.setup(['agents', 'apply'], setting)],
  ['setup-session agents apply --adopt', (setting) => world.setup(['agents', 'apply', '--adopt'], setting)],
  ['setup-session agents adopt', (setting) => world.setup(['agents', 'adopt', 'agent_1'], setting)],
  [
    'setup-session agents retire',
    (setting) => world.setup(['agents', 'retire', 'support', '--yes-retire', 'support'], setting),
  ],
  ['setup-session environments adopt', (setting) => world.setup(['environments', 'adopt', 'env_1'], setting)],
  ['skill-sync', (setting) => sync([], setting)],
];

describe.each(everybodys)('%s', (_command, run) => {
  test('is not for a colleague who has the key and is no operator [P4]', async () => {
    const { exit, stderr } = await run({ person: 'ada' });
    expect([exit, stderr, changes()]).toEqual([3, expect.stringContaining('"ada@example.test" may not '), []]);
    expect(stderr).toContain('[not_allowed]');
    expect(stderr).toContain('hint: ask whoever reviews people.operators');
  });

  test('is not for the key alone: whoever holds it signs in [P2]', async () => {
    const { exit, stderr } = await run({ person: undefined });
    expect([exit, stderr, world.asked()]).toEqual([4, expect.stringContaining('nobody is here to sign in at'), []]);
  });

  test('sends nobody to a browser who has no key', async () => {
    const { exit, stderr, visited } = await run({ person: 'grace', environment: { ANTHROPIC_API_KEY: '' } });
    expect([exit, stderr, visited]).toEqual([2, expect.stringContaining('[platform_key_missing]'), []]);
  });

  test('is refused to a CI job that only has the key, with the ways out', async () => {
    const { exit, stderr, visited } = await run({ person: 'grace', environment: { CI: 'true' } });
    expect([exit, stderr, visited]).toEqual([
      4,
      expect.stringContaining('a CI job cannot sign in, and the key alone'),
      [],
    ]);
    expect(stderr).toMatch(/hint: .*identity\.workloads.*people\.operators.*platform\.changes_by_key: allow/);
    expect(world.asked()).toEqual([]);
  });
});

test('an operator puts agents and skills in force, and each change has their name', async () => {
  const applied = await world.setup(['agents', 'apply', '--verbose'], { person: 'grace' });
  const { issuer } = world.sandbox.identityProvider;
  const { subject } = world.sandbox.people.grace;
  const grace = `asked for by the person "grace@example.test" (sso ${JSON.stringify(issuer)} "${subject}")`;
  expect([applied.exit, applied.stderr]).toEqual([0, expect.stringContaining(`agent.create "support", ${grace}`)]);
  expect(applied.stderr).toContain(`environment.create "default", ${grace}`);
  const synced = await sync(['--verbose'], { person: 'grace' });
  expect([synced.exit, synced.stderr]).toEqual([0, expect.stringContaining(`, ${grace}`)]);
});

test.each([[['agents', 'plan']], [['agents', 'apply', '--dry-run']], [['agents', 'list']]])(
  'nobody has to be anybody who only looks: %j',
  async (argv) => {
    const { stderr, visited } = await world.setup(argv, { person: undefined });
    expect([stderr, visited, changes()]).toEqual([expect.not.stringContaining('error'), [], []]);
  },
);

test('skills are compared by anybody, also in CI', async () => {
  const { exit, visited } = await sync(['--check'], { person: undefined, environment: { CI: 'true' } });
  expect([exit, visited, changes()]).toEqual([7, [], []]);
});

test('what a tool may do is reviewed by an operator: another one’s yes is none [P4]', async () => {
  expect((await world.setup(['tools', 'refresh', 'notion'], { person: 'ada' })).exit).toBe(0);
  const accept = ['tools', 'review', 'notion', '--accept', 'notion-search'];
  const refused = await world.setup(accept, { person: 'ada' });
  expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('may not review what tools do')]);
  expect(await world.setup(accept, { person: 'grace' })).toMatchObject({ exit: 0 });
});

test('owner records are signed by an operator [P1]', async () => {
  await trustKeys(world, await newOwnershipKey('2026-a'));
  const { vault_id: id } = await world.connectJson(['notion'], { person: 'ada' });
  const sign = ['ownership', 'sign', String(id)];
  const refused = await world.connect(sign, { person: 'ada' });
  expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('may not sign owner records')]);
  expect(await world.connect(sign, { person: 'grace' })).toMatchObject({ exit: 0 });
  expect(await world.connect([...sign, '--dry-run'], { person: undefined })).toMatchObject({ exit: 0 });
});

describe('a CI job', () => {
  const jobs = (groups: string[]) =>
    world.configure('interface.yaml', (content: Content) => {
      const claims = { repository: 'acme/agents' };
      const audience = 'managed-agents-interface';
      content.identity.workloads = [
        { issuer: world.sandbox.workloadIssuer.issuer, audience, token: 'github-actions', claims, groups },
      ];
    });
  const step = () => ({ person: undefined, environment: { CI: 'true', ...world.sandbox.workloadIssuer.actions } });

  test('that the configuration names and that is an operator proves itself, and its changes have its name [P2]', async () => {
    await jobs(['releases']);
    const { exit, stderr } = await sync(['--verbose'], step());
    expect([exit, stderr]).toEqual([0, expect.stringContaining('asked for by the job "repo:acme/agents:')]);
  });

  test('that is no operator changes nothing [P4]', async () => {
    await jobs(['support']);
    const { exit, stderr } = await sync([], step());
    expect([exit, stderr, changes()]).toEqual([3, expect.stringContaining('may not change skills'), []]);
  });

  test('without its token is nobody, whatever key it has [P2]', async () => {
    await jobs(['releases']);
    const { exit, stderr } = await sync([], { person: 'grace', environment: { CI: 'true' } });
    expect([exit, stderr, world.asked()]).toEqual([3, expect.stringContaining('no token that says which job'), []]);
  });
});

describe('whoever holds the key', () => {
  const holder =
    /agent\.create "support", asked for by the holder of the key on this machine, whose account has (no name|the name ".+", which proves nothing)/;

  test('is enough where nobody signs in, and is called by no name that was proven', async () => {
    await world.configure('interface.yaml', (content: Content) => {
      content.identity = { mode: 'os' };
      content.people.operators = { principals: [] };
    });
    const { exit, stderr } = await world.setup(['agents', 'apply', '--verbose'], { person: undefined });
    expect([exit, stderr]).toEqual([0, expect.stringMatching(holder)]);
  });

  test('is enough where the configuration says so', async () => {
    await world.configure('interface.yaml', (content: Content) => {
      content.platform.changes_by_key = 'allow';
    });
    const { exit, stderr } = await world.setup(['agents', 'apply', '--verbose'], { person: undefined });
    expect([exit, stderr]).toEqual([0, expect.stringMatching(holder)]);
  });

  test('is not enough to off-board anybody, even then [P2]', async () => {
    await world.configure('interface.yaml', (content: Content) => {
      content.platform.changes_by_key = 'allow';
    });
    const { subject } = world.sandbox.people.ada;
    const { exit } = await world.connect(['offboard', subject, '--yes-offboard', subject], { person: undefined });
    expect([exit, world.asked()]).toEqual([4, []]);
  });
});

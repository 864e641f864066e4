/** What a proof is made of is what it seems to be, and what is missing in it is said where it matters. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { runCommand } from '../support/command.ts';
import { type KeptFile, keepSignIns } from '../support/kept-sign-in.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

let kept: KeptFile;
let folder: string;
beforeEach(async () => {
  kept = await keepSignIns(world);
  folder = await world.machine();
});

const withoutGroups = () =>
  world.configure('interface.yaml', (content) => {
    content.identity.scopes = content.identity.scopes.filter((scope: string) => scope !== 'groups');
  });

describe('an ID token without the groups', () => {
  const words = 'no group counts: the ID token has no claim "groups"';

  test('is told of at login, by whoami, explain and by what is not allowed then', async () => {
    await withoutGroups();
    const signedIn = await world.connect(['login'], { folder });
    expect([signedIn.exit, signedIn.stderr]).toEqual([0, expect.stringContaining(words)]);
    const who = await world.connect(['whoami'], { folder });
    expect([who.exit, who.stdout]).toEqual([0, expect.stringContaining(words)]);
    expect(await world.connectJson(['whoami'], { folder })).toMatchObject({
      groups: [],
      groups_missing: expect.stringContaining(words),
    });
    const explained = await world.setup(['explain', '--agent', 'support'], { folder });
    expect([explained.exit, explained.stdout]).toEqual([0, expect.stringContaining(words)]);
    for (const outcome of [
      await world.setup(['--agent', 'support'], { folder }),
      await world.connect(['notion'], { folder }),
      await world.setup(['list', '--all'], { folder }),
      await world.connect(['offboard', 'somebody'], { folder }),
    ]) {
      expect([outcome.exit, outcome.stderr]).toEqual([3, expect.stringContaining(words)]);
    }
  });

  test('that Entra ID left out has words of its own', async () => {
    await world.connect(['login'], { folder });
    const { identityProvider } = world.sandbox;
    await kept.forge(folder, (token) =>
      identityProvider.control.forge(token, { groups: undefined, _claim_names: { groups: 'src1' } }),
    );
    const outcome = await world.connect(['notion'], { folder, person: undefined });
    expect([outcome.exit, outcome.stderr]).toEqual([3, expect.stringContaining('the person is in too many')]);
  });
});

describe('a kept sign-in with fewer scopes than are asked for now', () => {
  test('is made anew, once', async () => {
    await withoutGroups();
    await world.connect(['login'], { folder });
    await world.configure('interface.yaml', (content) => {
      content.identity.scopes.push('groups');
    });
    const nobody = await world.connect(['whoami'], { folder });
    expect([nobody.exit, nobody.stderr]).toEqual([4, expect.stringContaining('it was made without "groups"')]);
    const listed = await world.connect(['list'], { folder });
    expect([listed.exit, listed.visited.length, listed.stderr]).toEqual([
      0,
      1,
      expect.stringContaining('the kept sign-in is not used: it was made without "groups"'),
    ]);
    expect(await world.connectJson(['whoami'], { folder })).toMatchObject({ groups: ['support', 'editors'] });
    expect((await world.connect(['list'], { folder })).visited).toEqual([]);
  });

  test('or that does not say what it was made with, is made anew; with more, it is good', async () => {
    await world.connect(['login'], { folder });
    await withoutGroups();
    expect((await world.connect(['whoami'], { folder })).exit).toBe(0);
    const { scopes: _, ...older } = (await kept.read(folder)) ?? {};
    await kept.write(folder, older);
    expect((await world.connect(['whoami'], { folder })).exit).toBe(4);
    expect((await world.connect(['list'], { folder })).visited).toHaveLength(1);
  });
});

test.each(['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN'])('%s with something around it is exit 2', async (name) => {
  const { apiKey } = world.sandbox.platform;
  for (const value of [`"${apiKey}"`, `${apiKey}\n`, `${apiKey} `, `sk-ant-\u2026`, 'sk-ant-\u0000', `ключ`]) {
    const { exit, stderr } = await world.connect(['list'], {
      folder,
      environment: { ANTHROPIC_API_KEY: '', [name]: value },
    });
    expect([value, exit, stderr]).toEqual([value, 2, expect.stringContaining(`${name} holds a character that no key`)]);
  }
});

describe.each([serviceConnection, setupSession, skillSync])('$name', (executable) => {
  test.each([{ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, { NODE_OPTIONS: '--tls-keylog=/tmp/keys' }])(
    'does nothing with %j, and still prints its help',
    async (weak) => {
      const environment = { ...world.sandbox.environment, ...weak };
      const argv = executable === skillSync ? [] : ['whoami'];
      const refused = await runCommand(executable, argv, { environment, folder, person: 'ada' });
      expect([refused.exit, refused.stdout, refused.stderr]).toEqual([
        2,
        '',
        expect.stringContaining('[tls_weakened]'),
      ]);
      expect(world.asked()).toEqual([]);
      expect((await runCommand(executable, ['--help'], { environment, folder })).exit).toBe(0);
    },
  );
});

test('no service is called like a command of service-connection, each of them', async () => {
  const program = await serviceConnection.build(() => async () => {});
  const names = program.commands.map((command) => command.name());
  expect(names).toEqual(expect.arrayContaining(['list', 'offboard', 'ownership', 'vault', 'login', 'completion']));
  const notion = join(world.sandbox.configFolder, 'services', 'notion.yaml');
  const other = (await readFile(notion, 'utf8')).replace(/\/mcp\b/, '/mcp2');
  for (const name of names) await writeFile(join(world.sandbox.configFolder, 'services', `${name}.yaml`), other);
  const { exit, stderr } = await world.connect(['list'], { folder });
  expect(exit).toBe(2);
  for (const name of names) expect(stderr).toContain(`services/${name}.yaml: no service can have this name`);
  await copyFile(notion, join(world.sandbox.configFolder, 'services', 'free.yaml'));
  expect((await world.connect(['list'], { folder })).stderr).not.toContain('free.yaml: no service can have');
});

/** The folder that somebody stands in does not choose whom they trust. */
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { runCommand } from '../support/command.ts';
import { keepSignIns } from '../support/kept-sign-in.ts';
import { newOwnershipKey, trustKeys } from '../support/ownership-keys.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

/** A project that nobody named, with the configuration of the sandbox in it. */
let project: string;
let folder: string;

let outside: string;

beforeEach(async () => {
  // Not below the folder of the sandbox: that has a configuration as well, which would be found.
  outside = await mkdtemp(join(tmpdir(), 'found-'));
  project = join(outside, 'project');
  folder = await world.machine();
  await cp(world.sandbox.configFolder, join(project, 'config'), { recursive: true });
  await mkdir(join(project, 'src', 'deep'), { recursive: true });
  standIn(project);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(outside, { recursive: true, force: true });
});

function standIn(path: string): void {
  vi.spyOn(process, 'cwd').mockReturnValue(path);
}

const found = { MAI_CONFIG: '' };
/** `list` where nobody can be asked. */
const list = (argv: readonly string[] = []) => world.connect(['list', ...argv], { folder, environment: found });
/** The same with somebody at the terminal, who says this to the first question. */
async function listAt(answer: string, argv: readonly string[] = []) {
  const terminal = fakeTerminal();
  let answered = false;
  const outcome = await world.connect(['list', ...argv], {
    folder,
    environment: found,
    terminal,
    hear(said) {
      if (answered || !said.includes('Do you trust these?')) return;
      answered = true;
      void terminal.type(answer);
    },
  });
  return { ...outcome, asked: answered };
}

async function change(edit: (content: Content) => void): Promise<void> {
  const path = join(project, 'config', 'interface.yaml');
  const content: Content = parse(await readFile(path, 'utf8'));
  edit(content);
  await writeFile(path, stringify(content));
}

describe('a configuration that was found', () => {
  test('is shown once, remembered, and shown again with what changed', { timeout: 90_000 }, async () => {
    const { issuer } = world.sandbox.identityProvider;
    const first = await listAt('y\r');
    expect([first.exit, first.asked]).toEqual([0, true]);
    expect(first.stderr).toContain(`issuer: ${issuer}`);
    const second = await listAt('');
    expect([second.exit, second.asked]).toEqual([0, false]);
    expect((await list()).exit).toBe(0);

    // What nobody is believed for changes without a question.
    await change((content) => {
      content.people.groups = {};
    });
    expect((await list()).exit).toBe(0);

    await change((content) => {
      content.identity.client_id = 'somebody-else';
    });
    const alone = await list();
    expect([alone.exit, alone.stdout]).toEqual([2, '']);
    expect(alone.stderr).toContain('[config_unconfirmed]');
    const third = await listAt('n\r');
    expect([third.exit, third.asked, third.visited]).toEqual([2, true, []]);
    expect(third.stderr).toContain('+ client: somebody-else');
    expect(third.stderr).not.toContain('+ issuer');
    expect((await listAt('\r')).asked).toBe(true);
  });

  test('is not used where nobody is there to ask, and the hint leads out', async () => {
    const refused = await list();
    expect([refused.exit, refused.stdout, refused.visited]).toEqual([2, '', []]);
    const [, named = ''] = /hint: name it: --config ("[^"]+")/.exec(refused.stderr) ?? [];
    expect(JSON.parse(named)).toBe(join(project, 'config'));
    expect((await list(['--config', JSON.parse(named)])).exit).toBe(0);
    // That was for one run: it names, and confirms nothing.
    expect((await list()).exit).toBe(2);
  });

  test('by a relative MAI_CONFIG counts as found: wherever somebody stands it is another one', async () => {
    const run = (named: string) => world.connect(['list'], { folder, environment: { MAI_CONFIG: named } });
    const refused = await run('config');
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('[config_unconfirmed]')]);
    const [, whole = ''] = /--config ("[^"]+"), or that path in MAI_CONFIG/.exec(refused.stderr) ?? [];
    expect((await run(JSON.parse(whole))).exit).toBe(0);
  });

  test('starts no program of its own before it was confirmed; named, it does', async () => {
    const ran = join(outside, 'ran');
    const key = await newOwnershipKey('k');
    await trustKeys(world, key);
    await rm(join(project, 'config'), { recursive: true });
    await cp(world.sandbox.configFolder, join(project, 'config'), { recursive: true });
    await change((content) => {
      const [program, , script] = content.ownership.signer.command;
      content.ownership.signer.command = [
        program,
        '-e',
        `require('node:fs').writeFileSync(${JSON.stringify(ran)}, ''); ${script}`,
      ];
    });
    const isThere = async () => (await readdir(outside)).includes('ran');
    const refused = await world.connect(['notion'], { folder, environment: found });
    expect([refused.exit, await isThere()]).toEqual([2, false]);
    const named = await world.connect(['notion', '--config', join(project, 'config')], { folder, environment: found });
    expect([named.exit, await isThere()]).toEqual([0, true]);
  });

  test('has its signer beside it, wherever somebody stands', async () => {
    const key = await newOwnershipKey('k');
    await trustKeys(world, key);
    await rm(join(project, 'config'), { recursive: true });
    await cp(world.sandbox.configFolder, join(project, 'config'), { recursive: true });
    await change((content) => {
      const [program, , script] = content.ownership.signer.command;
      content.ownership.signer.command = ['./sign'];
      content.script = `#!${program}\n${script}`;
    });
    const path = join(project, 'config', 'interface.yaml');
    const { script, ...content }: Content = parse(await readFile(path, 'utf8'));
    await writeFile(path, stringify(content));
    await writeFile(join(project, 'sign'), script, { mode: 0o755 });
    await writeFile(join(project, 'src', 'sign'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    standIn(join(project, 'src'));
    const connect = () =>
      world.connect(['notion', '--config', join(project, 'config')], { folder, environment: found });
    // One that another account may write is started for nobody.
    await chmod(join(project, 'sign'), 0o777);
    const exposed = await connect();
    expect([exposed.exit, exposed.stderr]).toEqual([1, expect.stringContaining('others could have changed')]);
    await chmod(join(project, 'sign'), 0o755);
    const named = await connect();
    expect([named.exit, named.stderr]).toEqual([0, expect.not.stringContaining('error')]);
  });

  test('has the script of its signer beside it as well, and not where somebody stands', async () => {
    await trustKeys(world, await newOwnershipKey('k'));
    await rm(join(project, 'config'), { recursive: true });
    await cp(world.sandbox.configFolder, join(project, 'config'), { recursive: true });
    let script = '';
    await change((content) => {
      const [program = '', , text = ''] = content.ownership.signer.command as string[];
      script = text;
      content.ownership.signer.command = [program, 'sign.cjs'];
    });
    await writeFile(join(project, 'sign.cjs'), script);
    await chmod(join(project, 'sign.cjs'), 0o666);
    const connect = () =>
      world.connect(['notion', '--config', join(project, 'config')], { folder, environment: found });
    const exposed = await connect();
    expect([exposed.exit, exposed.stderr]).toEqual([1, expect.stringContaining('others could have changed')]);
    await chmod(join(project, 'sign.cjs'), 0o644);
    expect((await connect()).exit).toBe(0);
  });

  test('is asked about again when the program that signs is another one', { timeout: 60_000 }, async () => {
    await trustKeys(world, await newOwnershipKey('k'));
    await rm(join(project, 'config'), { recursive: true });
    await cp(world.sandbox.configFolder, join(project, 'config'), { recursive: true });
    await change((content) => {
      const [program] = content.ownership.signer.command;
      content.ownership.signer.command = [program, 'tools/sign.mjs'];
    });
    await mkdir(join(project, 'tools'));
    await writeFile(join(project, 'tools', 'sign.mjs'), '// reviewed\n');
    expect(await listAt('y\r')).toMatchObject({ asked: true });
    expect(await listAt('')).toMatchObject({ exit: 0, asked: false });
    await writeFile(join(project, 'tools', 'sign.mjs'), '// on a branch\n');
    const refused = await list();
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('[config_unconfirmed]')]);
    expect(refused.stderr).toMatch(
      /- file of the signer: tools\/sign\.mjs, SHA-256 .*\n.*\+ file of the signer: tools/,
    );
  });

  test('is found from below, said with --verbose and by whoami --explain', async () => {
    standIn(join(project, 'src', 'deep'));
    await listAt('yes\r');
    const listed = await list(['--verbose']);
    expect([listed.exit, listed.stderr]).toEqual([
      0,
      expect.stringContaining(`configuration ${JSON.stringify(join(project, 'config'))}: project config`),
    ]);
    const kept = await keepSignIns(world);
    const keep = { file: { key_file: kept.keyFile } };
    await change((content) => {
      content.identity.keep = keep;
    });
    expect((await world.connect(['login'], { folder, environment: found })).exit).toBe(0);
    const { settings } = await world.connectJson(['whoami', '--explain'], { folder, environment: found });
    expect(settings).toContainEqual({
      setting: 'configuration',
      value: join(project, 'config'),
      source: 'project config',
      key: 'found here or above, and confirmed',
    });
  });

  test('is not one where a folder is only called config', async () => {
    await rename(join(project, 'config', 'interface.yaml'), join(project, 'config', 'webpack.yaml'));
    const missing = await list();
    expect([missing.exit, missing.stderr]).toEqual([2, expect.stringContaining('[config_missing]')]);
    const synced = await runCommand(skillSync, ['scan'], {
      environment: { ...world.sandbox.environment, MAI_CONFIG: '' },
      folder,
    });
    expect(synced.stderr).not.toContain('config');
  });

  test('is used without a question by skill-sync, which believes nothing of it', async () => {
    await mkdir(join(project, 'skills', 'one'), { recursive: true });
    await writeFile(join(project, 'skills', 'one', 'SKILL.md'), '---\nname: one\ndescription: one\n---\n\nOne.\n');
    const { exit, stderr } = await runCommand(skillSync, [join(project, 'skills'), '--verbose'], {
      environment: { ...world.sandbox.environment, MAI_CONFIG: '' },
      folder,
    });
    expect([exit, stderr]).toEqual([0, expect.stringContaining(JSON.stringify(join(project, 'config')))]);
  });

  test('is confirmed before it says who may change skills [P2]', async () => {
    await change((content) => {
      delete content.platform.changes_by_key;
      content.people.operators = { principals: [world.sandbox.people.ada.subject] };
    });
    await mkdir(join(project, 'skills', 'one'), { recursive: true });
    await writeFile(join(project, 'skills', 'one', 'SKILL.md'), '---\nname: one\ndescription: one\n---\n\nOne.\n');
    const { exit, stderr, visited } = await runCommand(skillSync, [join(project, 'skills')], {
      environment: { ...world.sandbox.environment, MAI_CONFIG: '' },
      person: 'ada',
      folder,
    });
    expect([exit, stderr, visited]).toEqual([2, expect.stringContaining('[config_unconfirmed]'), []]);
    expect(world.asked()).toEqual([]);
  });
});

describe('in a wrong folder', () => {
  test('the hint names the configuration that was used, and never begins a second one', async () => {
    await listAt('y\r');
    const elsewhere = join(outside, 'elsewhere');
    await mkdir(elsewhere);
    standIn(elsewhere);
    const missing = await list();
    expect([missing.exit, missing.stderr]).toEqual([2, expect.not.stringContaining('init')]);
    expect(missing.stderr).toContain(`--config ${JSON.stringify(join(project, 'config'))}`);
  });

  test.each(['flag', 'variable'])('a name that leads nowhere is no circle: by the %s', async (by) => {
    const run = (named: string) =>
      by === 'flag'
        ? list(['--config', named])
        : world.connect(['list'], { folder, environment: { MAI_CONFIG: named } });
    const followed = /hint: (?:.*; )?(?:name the one that is there|to begin one there): (.*)\n/;
    const hinted = async (named: string) => {
      const { exit, stderr } = await run(named);
      expect([exit, stderr]).toEqual([2, expect.stringContaining('[config_missing]')]);
      return followed.exec(stderr)?.[1];
    };
    standIn(join(project, 'src'));
    const whole = join(project, 'config');
    // Of a project, of a file, or relative in a folder below: what there is comes before what could be begun.
    for (const named of [join(project, 'typo'), project, join(whole, 'interface.yaml'), 'config']) {
      expect(await hinted(named), named).toBe(`--config ${JSON.stringify(whole)}`);
    }
    // With nothing near, the hint begins one exactly there, and then it is there.
    const elsewhere = join(outside, 'elsewhere');
    await mkdir(elsewhere);
    standIn(elsewhere);
    const begin = (await hinted(join(elsewhere, 'typo'))) ?? '';
    expect(begin).toBe(`setup-session init ${JSON.stringify(join(elsewhere, 'typo'))}`);
    expect((await world.setup(['init', join(elsewhere, 'typo')], { folder, environment: found })).exit).toBe(0);
    expect((await run(join(elsewhere, 'typo'))).stderr).not.toContain('[config_missing]');
  });

  test('what was used and is gone is in no hint', async () => {
    await listAt('y\r');
    await rename(project, join(outside, 'moved'));
    standIn(outside);
    const missing = await list();
    expect([missing.exit, missing.stderr]).toEqual([2, expect.not.stringContaining(project)]);
  });

  test('init writes none below another', async () => {
    const below = join(project, 'src');
    standIn(below);
    const refused = await world.setup(['init'], { folder, environment: found });
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('[config_exists]')]);
    expect(await readdir(below)).toEqual(['deep']);
  });
});

describe('init --service', () => {
  const init = (...argv: string[]) =>
    world.setup(['init', '--service', 'asana', ...argv], { folder, environment: found });
  const asana = () => readdir(join(project, 'config', 'services')).then((names) => names.includes('asana.yaml'));

  test('writes into the configuration above, and says which that is', async () => {
    standIn(join(project, 'src'));
    const { exit, stdout } = await init();
    expect([exit, stdout]).toEqual([0, expect.stringContaining(`in the configuration ${join(project, 'config')}`)]);
    expect(await asana()).toBe(true);
  });

  test.each(['config', 'config/services'])('writes nothing where others may write: %s', async (which) => {
    await chmod(join(project, which), 0o777);
    for (const [stand, argv] of [
      [join(project, 'src'), []],
      [join(project, 'src'), ['--dry-run']],
      [project, []],
      [outside, [join(project, 'config')]],
    ] as const) {
      standIn(stand);
      const { exit, stdout, stderr } = await init(...argv);
      expect([exit, stdout, stderr]).toEqual([2, '', expect.stringContaining('[config_exposed]')]);
    }
    expect(await asana()).toBe(false);
  });
});

describe('a configuration that another account could change', () => {
  const refusedAs = async (why: string) => {
    const named = await list(['--config', join(project, 'config')]);
    expect([named.exit, named.stdout, named.visited]).toEqual([2, '', []]);
    expect(named.stderr).toContain('[config_exposed]');
    expect(named.stderr).toContain(why);
    expect(named.stderr).toContain('name the copy: --config');
  };

  test.each(['config', 'config/services', '.'])('is refused where others may write: %s', async (which) => {
    await chmod(join(project, which), 0o777);
    await refusedAs('others could have changed');
  });

  test.each(['config/interface.yaml', 'config/services/notion.yaml', 'config/agents/support.md'])(
    'is refused where others may write a file of it: %s',
    async (which) => {
      await chmod(join(project, which), 0o666);
      const named = await list(['--config', join(project, 'config')]);
      expect([named.exit, named.stderr]).toEqual([2, expect.stringContaining('others could have changed')]);
    },
  );

  describe.skipIf(process.getuid?.() !== 0)('as root, beside another account', () => {
    test.each(['config', 'config/agents', '.'])('is refused where it is theirs: %s', async (which) => {
      await chown(join(project, which), 65534, 65534);
      await refusedAs('belongs to uid 65534');
    });

    test('is refused where it is a link to theirs', async () => {
      await rename(join(project, 'config'), join(project, 'theirs'));
      await chown(join(project, 'theirs'), 65534, 65534);
      await symlink('theirs', join(project, 'config'));
      await refusedAs('belongs to uid 65534');
    });

    test('is refused where one file is theirs, also behind a link', async () => {
      const path = join(project, 'config', 'services', 'slack.yaml');
      await rename(path, join(project, 'slack.yaml'));
      await symlink(join(project, 'slack.yaml'), path);
      expect((await list(['--config', join(project, 'config')])).exit).toBe(0);
      await chown(join(project, 'slack.yaml'), 65534, 65534);
      const named = await list(['--config', join(project, 'config')]);
      expect([named.exit, named.stderr]).toEqual([2, expect.stringContaining('belongs to uid 65534')]);
    });

    test('is refused where a lock beside it is theirs', async () => {
      await writeFile(join(project, 'config', 'tools.lock.json'), '{"version":1,"services":{}}\n');
      await chown(join(project, 'config', 'tools.lock.json'), 65534, 65534);
      const named = await world.setup(['tools', 'diff', '--config', join(project, 'config')], { folder });
      expect([named.exit, named.stderr]).toEqual([1, expect.stringContaining('belongs to uid 65534')]);
    });

    test('of another account in /tmp is in nobody’s way', async () => {
      const shared = join(outside, 'tmp');
      await mkdir(join(shared, 'mine'), { recursive: true });
      await chmod(shared, 0o1777);
      await cp(join(project, 'config'), join(shared, 'config'), { recursive: true });
      await chown(join(shared, 'config'), 65534, 65534);
      standIn(join(shared, 'mine'));
      const missing = await list();
      expect([missing.exit, missing.stderr]).toEqual([2, expect.stringContaining('[config_missing]')]);
    });
  });
});

test('what was confirmed cannot be written by somebody else', async () => {
  await listAt('y\r');
  const [name = ''] = await readdir(join(folder, 'state', 'configurations'));
  const path = join(folder, 'state', 'configurations', name);
  await chmod(path, 0o666);
  const refused = await list();
  expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('others could have changed')]);
});

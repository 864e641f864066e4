/** `skill-sync pull` as a whole, run in-process against the sandbox platform over HTTP. */
import { lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { parseLock } from '../../internal/skills/lock.ts';
import type { CommandOutcome, CommandSetting } from '../support/command.ts';
import { type HandmadeEntry, handmadeZip } from '../support/handmade-zip.ts';
import { type SkillProject, skillProjectPerTest } from '../support/skill-project.ts';

const project = skillProjectPerTest();
const { run, put, client } = project;
let { platform, home, skills, lockFile } = {} as SkillProject;

const skillFile = '---\nname: notes\ndescription: Takes notes.\n---\n# Notes\n';
/** What was pushed before each test. */
const content: Readonly<Record<string, string | Uint8Array>> = {
  'SKILL.md': skillFile,
  'a/b/empty': '',
  'a/größe 漢字.md': 'Größe\r\n',
  'data.bin': Uint8Array.from({ length: 5_000 }, (_, index) => (index * 7) % 256),
  'run.sh': '#!/bin/sh\necho\n',
};

beforeEach(async () => {
  ({ platform, home, skills, lockFile } = project);
  for (const [path, bytes] of Object.entries(content)) await put(`notes/${path}`, bytes);
  await put('other/SKILL.md', '---\nname: other\ndescription: Something else.\n---\n');
  expect(await run([skills])).toMatchObject({ exit: 0 });
});
const pull = (argv: string[], changed: Partial<CommandSetting> = {}) =>
  run(['pull', '--folder', skills, ...argv], changed);

/** Everything below a folder: files with their bytes, links with where they lead, empty folders. */
async function tree(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (entry.isFile()) found[name] = (await readFile(path)).toString('base64');
    else if (entry.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`;
    else if ((await readdir(path)).length === 0) found[name] = '(empty folder)';
  }
  return found;
}

const pushed = Object.fromEntries(
  Object.entries(content).map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')]),
);

/** Runs something that must leave every file as it was, and nothing beside them. */
async function expectNothingWritten(act: () => Promise<CommandOutcome>): Promise<CommandOutcome> {
  const before = await tree(home);
  const outcome = await act();
  expect(await tree(home)).toEqual(before);
  expect(outcome.exit).not.toBe(0);
  return outcome;
}

async function locked(name = 'notes') {
  const found = parseLock(await readFile(lockFile, 'utf8')).skills.get(name);
  if (found === undefined) throw new Error(`${name} is not locked`);
  return found;
}

/** Uploads a version of `notes` past skill-sync. */
async function uploadByHand(files: Record<string, string>): Promise<string> {
  const parts = Object.entries(files).map(([path, text]) => new File([text], `notes/${path}`));
  return (await client().skills.versions.create((await locked()).skillId, { files: parts })).id;
}

const anyContent = 'GET /v1/skills/:id/versions/:version/content';

async function changesOfPush(): Promise<string[]> {
  const { stdout } = await run(['--json', skills]);
  const said = JSON.parse(stdout) as { skills: { name: string; change: string }[] };
  return said.skills.map(({ name, change }) => `${name} ${change}`);
}

describe('pulling the version of the lock', () => {
  test('restores byte for byte what was pushed, and the next push has nothing to do [P6]', async () => {
    const lock = await readFile(lockFile, 'utf8');
    await rm(join(skills, 'notes'), { recursive: true });
    const { exit, stdout } = await pull(['notes']);
    expect([exit, stdout]).toEqual([0, expect.stringMatching(/^skill +change +version\nnotes +pulled +skver_\w+\n$/)]);
    expect(await tree(join(skills, 'notes'))).toEqual(pushed);
    expect(await changesOfPush()).toEqual(['notes unchanged', 'other unchanged']);
    expect([await readFile(lockFile, 'utf8'), await readdir(skills)]).toEqual([
      lock,
      ['notes', 'other', 'skills.lock.json'],
    ]);
  });

  test('gives everybody what git would: 0644 and 0755, whatever the archive says', async () => {
    await rm(join(skills, 'notes'), { recursive: true });
    await pull(['notes']);
    const mode = async (path: string) => (await lstat(join(skills, path))).mode & 0o777;
    const masked = (bits: number) => bits & ~process.umask();
    expect([await mode('notes/run.sh'), await mode('notes'), await mode('notes/a/b')]).toEqual(
      [0o644, 0o755, 0o755].map(masked),
    );
  });

  test('leaves a folder alone that is the same, whatever else lies in it', async () => {
    await put('notes/node_modules/x/index.js', 'x');
    const before = await tree(home);
    const ran = await pull(['--json', 'notes', 'other', 'notes']);
    expect(await tree(home)).toEqual(before);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      skills: [
        { name: 'notes', change: 'unchanged', folder: skills, new_in_lock: false, sha256: (await locked()).sha256 },
        { name: 'other', change: 'unchanged' },
      ],
    });
  });

  test('is refused where the folder holds something else, with the files, and done with --overwrite', async () => {
    await put('notes/run.sh', 'changed');
    await put('notes/mine.md', 'mine');
    await rm(join(skills, 'notes/data.bin'));
    const { exit, stderr } = await expectNothingWritten(() => pull(['notes', 'other']));
    expect([exit, stderr]).toEqual([1, expect.stringContaining('what is here is not what is to be pulled [drift]')]);
    expect(stderr).toContain('data.bin is only on the platform, mine.md is only here, run.sh differs');
    expect(stderr).toContain('hint: nothing was written; --overwrite replaces it');
    expect((await pull(['notes', '--overwrite'])).exit).toBe(0);
    expect(await tree(join(skills, 'notes'))).toEqual(pushed);
  });

  test('--overwrite keeps what is not part of the skill, and mends a broken SKILL.md', async () => {
    const kept: Record<string, string> = {
      '.git/HEAD': 'ref: x',
      'node_modules/x/index.js': 'x',
      'a/b/.DS_Store': 'x',
      'gone/deep/.DS_Store': 'x',
      '.skillignore': '*.log\n',
      'a/today.log': 'x',
    };
    for (const [path, text] of Object.entries(kept)) await put(`notes/${path}`, text);
    await symlink('/nowhere', join(skills, 'notes/node_modules/link'));
    await put('notes/SKILL.md', 'broken');
    await put('notes/gone/mine.md', 'mine');
    expect(await pull(['notes', '--overwrite'])).toMatchObject({ exit: 0 });
    expect(await tree(join(skills, 'notes'))).toEqual({
      ...pushed,
      ...Object.fromEntries(Object.entries(kept).map(([path, text]) => [path, Buffer.from(text).toString('base64')])),
      'node_modules/link': '-> /nowhere',
    });
    expect(await changesOfPush()).toEqual(['notes unchanged', 'other unchanged']);
    expect(await readdir(skills)).toEqual(['notes', 'other', 'skills.lock.json']);
  });

  test('is refused where what would be kept has no place any more', async () => {
    await rm(join(skills, 'notes/run.sh'));
    await put('notes/run.sh/.DS_Store', 'x');
    const { exit, stderr } = await expectNothingWritten(() => pull(['notes', '--overwrite']));
    expect([exit, stderr]).toEqual([1, expect.stringContaining('"notes/run.sh/.DS_Store" is not part of the skill')]);
  });

  test('writes none of several where one cannot be had', async () => {
    for (const name of ['notes', 'other']) await rm(join(skills, name), { recursive: true });
    await client().skills.delete((await locked('other')).skillId);
    const { exit, stderr } = await expectNothingWritten(() => pull(['notes', 'other']));
    expect([exit, stderr]).toEqual([1, expect.stringContaining('other: the platform has no version')]);
  });
});

describe('another version', () => {
  test('is pulled by its id; the lock stays, so that the next push brings it back as the newest', async () => {
    const first = (await locked()).versionId;
    await put('notes/run.sh', 'second');
    await run([skills]);
    const second = await locked();
    expect((await pull(['notes', '--skill-version', first])).stderr).toContain('run.sh differs');
    expect((await pull(['notes', '--skill-version', first, '--overwrite'])).exit).toBe(0);
    expect(await tree(join(skills, 'notes'))).toEqual(pushed);
    expect(await locked()).toEqual(second);
    expect(await changesOfPush()).toEqual(['notes update', 'other unchanged']);
  });

  test('that the lock does pin has to be what the lock says all the same', async () => {
    platform.control.tamperFile(anyContent, () => handmadeZip([{ name: 'notes/SKILL.md', content: skillFile }]));
    const ran = await expectNothingWritten(async () =>
      pull(['notes', '--overwrite', '--skill-version', (await locked()).versionId]),
    );
    expect(ran.exit).toBe(3);
  });

  test('that does not exist, or is one of another skill, is refused', async () => {
    for (const id of ['skver_none', (await locked('other')).versionId]) {
      const { exit, stderr } = await expectNothingWritten(() => pull(['notes', '--skill-version', id]));
      expect([exit, stderr]).toEqual([1, expect.stringContaining(`the platform has no version "${id}"`)]);
    }
  });
});

describe('a skill that no lock knows', () => {
  beforeEach(async () => {
    await rm(join(skills, 'notes'), { recursive: true });
    const lock = JSON.parse(await readFile(lockFile, 'utf8'));
    delete lock.skills.notes;
    await writeFile(lockFile, JSON.stringify(lock));
  });

  test('is found by its name, and the lock learns of it: the next push is an update of it', async () => {
    const { exit, stdout } = await pull(['notes', '--json']);
    expect([exit, JSON.parse(stdout)]).toMatchObject([0, { skills: [{ change: 'pulled', new_in_lock: true }] }]);
    expect(await tree(join(skills, 'notes'))).toEqual(pushed);
    expect(await changesOfPush()).toEqual(['notes unchanged', 'other unchanged']);
    await put('notes/run.sh', 'changed');
    expect(await changesOfPush()).toEqual(['notes update', 'other unchanged']);
  });

  test('is pulled into a folder that is not there yet, and its lock', async () => {
    const fresh = join(home, 'fresh');
    expect((await run(['pull', '--folder', fresh, 'notes'])).exit).toBe(0);
    expect((await tree(fresh))['notes/run.sh']).toBe(pushed['run.sh']);
    expect((await run(['--check', fresh])).exit).toBe(0);
  });

  test('is refused where the platform has several of that name, or none', async () => {
    await client().skills.create({ files: [new File([skillFile], 'notes/SKILL.md')] });
    const several = await expectNothingWritten(() => pull(['notes']));
    expect([several.exit, several.stderr]).toEqual([1, expect.stringContaining('several skills of the name "notes"')]);
    const none = await expectNothingWritten(() => pull(['nothing']));
    expect([none.exit, none.stderr]).toEqual([2, expect.stringContaining('knows a skill "nothing" [usage]')]);
  });

  test.each<[string, HandmadeEntry[], string]>([
    ['has broken front matter', [{ name: 'notes/SKILL.md', content: 'none' }], 'notes/SKILL.md:1:1: there is no front'],
    [
      'has another name inside',
      [{ name: 'notes/SKILL.md', content: skillFile.replace('notes', 'others') }],
      'notes/SKILL.md:2:7: the name "others" is not the folder\'s',
    ],
    [
      'holds a name that Windows reserves',
      [{ name: 'notes/SKILL.md', content: skillFile }, { name: 'notes/aux.md' }],
      'notes/aux.md: ',
    ],
    [
      'holds what no push would send',
      [{ name: 'notes/SKILL.md', content: skillFile }, { name: 'notes/node_modules/x/index.js' }],
      'rules of every push, leave out here',
    ],
    [
      'holds hooks of git',
      [
        { name: 'notes/SKILL.md', content: skillFile },
        { name: 'notes/.git/hooks/post-checkout', content: 'x' },
      ],
      'rules of every push, leave out here',
    ],
  ])('is refused where it %s', async (_case, entries, why) => {
    platform.control.tamperFile(anyContent, () => handmadeZip(entries));
    const { exit, stderr } = await expectNothingWritten(() => pull(['notes']));
    expect([exit, stderr]).toEqual([2, expect.stringContaining('[skill_invalid]')]);
    expect(stderr).toContain(why);
    expect(stderr).not.toContain('.pull-');
  });

  test('is refused where an ignore file would leave some of it out', async () => {
    await put('.skillignore', '*.bin\n');
    const { exit, stderr } = await expectNothingWritten(() => pull(['notes']));
    expect([exit, stderr]).toEqual([2, expect.stringContaining('leave out here [skill_invalid]')]);
  });
});

describe('nothing is written, here or elsewhere, where', () => {
  test('the version is not what the lock says [P6]', async () => {
    platform.control.tamperFile(anyContent, () => handmadeZip([{ name: 'notes/SKILL.md', content: skillFile }]));
    const { exit, stderr } = await expectNothingWritten(() => pull(['notes', '--overwrite']));
    const { sha256 } = await locked();
    expect([exit, stderr]).toEqual([3, expect.stringMatching(`holds sha256 [0-9a-f]{64}, the lock says ${sha256}`)]);
    expect(stderr).toContain('[skill_altered]');
  });

  test('the version has another name by now [P6]', async () => {
    platform.control.tamper('GET /v1/skills/:id/versions/:version', (json) => ({ ...(json as object), name: 'other' }));
    const { exit, stderr } = await expectNothingWritten(() => pull(['notes', '--overwrite']));
    expect([exit, stderr]).toEqual([3, expect.stringContaining('has the name "other" on the platform')]);
  });

  const good = { name: 'notes/SKILL.md', content: skillFile };
  test.each<[string, HandmadeEntry[]]>([
    ['a path leads out', [good, { name: 'notes/../../../pwned', content: 'x' }]],
    ['a path is absolute', [good, { name: '/tmp/pwned', content: 'x' }]],
    ['a path is one of Windows', [good, { name: 'notes\\..\\..\\pwned', content: 'x' }]],
    ['an entry is a link', [good, { name: 'notes/x', content: '../..', attributes: 0o120777 << 16 }]],
    [
      'an entry goes through a link',
      [
        good,
        { name: 'notes/x', content: '../..', attributes: 0o120777 << 16 },
        { name: 'notes/x/pwned', content: 'x' },
      ],
    ],
    ['it is a bomb', [good, { name: 'notes/x', content: new Uint8Array(50_000_000), says: { size: 10 } }]],
  ])('%s', async (_case, entries) => {
    // Without an entry in the lock nothing but the archive itself speaks against it.
    await writeFile(lockFile, '{"lock_version":1,"skills":{}}');
    await rm(join(skills, 'notes'), { recursive: true });
    platform.control.tamperFile(anyContent, () => handmadeZip(entries));
    const { exit, stderr } = await expectNothingWritten(() => pull(['notes']));
    expect([exit, stderr]).toEqual([1, expect.stringContaining('cannot be read: ')]);
  });

  test.each(['', 'file', 'link inside'])('somebody planted a link in its place (%s) [P9]', async (how) => {
    const outside = join(home, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'SKILL.md'), 'untouched');
    await rm(join(skills, 'notes'), { recursive: true });
    if (how === '') await symlink(outside, join(skills, 'notes'));
    else if (how === 'file') await writeFile(join(skills, 'notes'), 'a file');
    else {
      await put('notes/SKILL.md', 'broken');
      await symlink(outside, join(skills, 'notes/a'));
    }
    const { exit, stderr } = await expectNothingWritten(() => pull(['notes', '--overwrite']));
    expect([exit, stderr]).toEqual([2, expect.stringContaining('[skill_invalid]')]);
  });

  test('it is interrupted', async () => {
    await rm(join(skills, 'notes'), { recursive: true });
    platform.control.latencyMs = 200;
    const interruption = new AbortController();
    setTimeout(() => interruption.abort(), 300);
    expect(await expectNothingWritten(() => pull(['notes'], { signal: interruption.signal }))).toMatchObject({
      exit: 130,
    });
  });

  test('nobody is there, or the words are wrong', async () => {
    const nobody = { environment: { ANTHROPIC_BASE_URL: 'http://127.0.0.1:1' } };
    expect(await expectNothingWritten(() => pull(['notes'], nobody))).toMatchObject({ exit: 1 });
    platform.control.log.reset();
    for (const argv of [
      [],
      ['../x'],
      ['notes/'],
      ['notes', '--prune'],
      ['notes', 'other', '--skill-version', 'skver_1'],
    ]) {
      expect(await expectNothingWritten(() => pull(argv))).toMatchObject({ exit: 2 });
    }
    expect(platform.control.log.count()).toBe(0);
  });
});

describe('a run that was killed', () => {
  const stage = '.pull-00000000-0000-4000-8000-000000000000~';

  test('before it changed anything leaves the old folder, and the next run tidies up', async () => {
    await put(`${stage}/new/notes/SKILL.md`, 'half');
    await put(`${stage}/new/.skillignore`, '');
    expect((await run(['--check', skills])).exit).toBe(0);
    expect((await pull(['notes'])).stdout).toContain('unchanged');
    expect(await tree(join(skills, 'notes'))).toEqual(pushed);
    expect(await readdir(skills)).toEqual(['notes', 'other', 'skills.lock.json']);
  });

  test('when the old folder had just gone aside gets it back', async () => {
    await put('notes/mine.md', 'mine');
    await put('notes/.git/HEAD', 'x');
    const before = await tree(join(skills, 'notes'));
    await put(`${stage}/new/notes/SKILL.md`, skillFile);
    await mkdir(join(skills, stage, 'old'));
    await rename(join(skills, 'notes'), join(skills, stage, 'old/notes'));
    expect((await pull(['notes'])).stderr).toContain('mine.md is only here');
    expect(await tree(join(skills, 'notes'))).toEqual(before);
    expect(await readdir(skills)).toEqual(['notes', 'other', 'skills.lock.json']);
  });

  test('in that moment gets it back from a push too, which would take the skill for one that nobody wants', async () => {
    await put('notes/mine.md', 'mine');
    await mkdir(join(skills, stage, 'old'), { recursive: true });
    await rename(join(skills, 'notes'), join(skills, stage, 'old/notes'));
    expect((await run(['--prune', '--check', '--json', skills])).stdout).toContain('"change":"prune"');
    const { exit, stdout } = await run(['--prune', '--json', skills]);
    expect([exit, stdout]).toEqual([0, expect.not.stringContaining('prune')]);
    expect(await readdir(skills)).toEqual(['notes', 'other', 'skills.lock.json']);
    expect(await readdir(join(skills, 'notes'))).toContain('mine.md');
  });

  test('when the new folder had just come leaves it, and what was to be kept moves over', async () => {
    await put('notes/.git/HEAD', 'x');
    await put(`${stage}/old/notes/mine.md`, 'mine');
    await put(`${stage}/old/notes/node_modules/x`, 'x');
    await put(`${stage}/old/notes/a/.DS_Store`, 'x');
    expect((await pull(['notes'])).stdout).toContain('unchanged');
    const x = Buffer.from('x').toString('base64');
    expect(await tree(join(skills, 'notes'))).toEqual({
      ...pushed,
      '.git/HEAD': x,
      'node_modules/x': x,
      'a/.DS_Store': x,
    });
    expect(await readdir(skills)).toEqual(['notes', 'other', 'skills.lock.json']);
  });

  test('loses nothing where both have something to keep of the same name', async () => {
    await put('notes/.git/HEAD', 'new');
    await put(`${stage}/old/notes/.git/HEAD`, 'old');
    const { exit, stderr } = await expectNothingWritten(() => pull(['notes']));
    expect([exit, stderr]).toEqual([1, expect.stringContaining('something is there [file_system]')]);
  });

  test('cannot be imitated to move what lies elsewhere [P9]', async () => {
    const outside = join(home, 'outside');
    await mkdir(join(outside, 'treasure'), { recursive: true });
    await writeFile(join(outside, 'treasure/key'), 'x');
    await mkdir(join(skills, stage));
    await symlink(outside, join(skills, stage, 'old'));
    await symlink(outside, join(skills, '.pull-11111111-1111-4111-8111-111111111111~'));
    expect((await pull(['notes'])).exit).toBe(0);
    expect(await tree(outside)).toEqual({ 'treasure/key': Buffer.from('x').toString('base64') });
    expect(await readdir(skills)).not.toContain('treasure');
  });
});

test('two runs at once come one after the other', async () => {
  await rm(join(skills, 'notes'), { recursive: true });
  platform.control.latencyMs = 50;
  const both = await Promise.all([pull(['notes']), pull(['notes'])]);
  expect(both.map(({ exit }) => exit)).toEqual([0, 0]);
  expect(both.map(({ stdout }) => /pulled|unchanged/.exec(stdout)?.[0]).sort()).toEqual(['pulled', 'unchanged']);
  expect(await tree(join(skills, 'notes'))).toEqual(pushed);
});

test('a version that somebody uploaded by hand is taken over by pulling it and pushing again', async () => {
  const theirs = await uploadByHand({ 'SKILL.md': `${skillFile}By hand.\n` });
  const { exit, stderr } = await run([skills]);
  const [, command = ''] = /skill-sync (pull .*) takes it over/.exec(stderr) ?? [];
  expect([exit, command]).toEqual([1, `pull notes --skill-version ${theirs} --overwrite`]);
  expect((await run([...command.split(' '), '--folder', skills])).exit).toBe(0);
  expect(await changesOfPush()).toEqual(['notes adopt', 'other unchanged']);
  expect((await locked()).versionId).toBe(theirs);
});

import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../errors/app-error.ts';
import { contentOf, readSkills } from './read.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skills-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(path: string, content: string | Uint8Array): Promise<string> {
  const whole = join(folder, path);
  await mkdir(dirname(whole), { recursive: true });
  await writeFile(whole, content);
  return whole;
}

function skillText(name: string): string {
  return `---\nname: ${name}\ndescription: Does ${name}.\n---\n`;
}

/** The lines of the error that reading ends in, without the folder. */
async function problems(...folders: string[]): Promise<string[]> {
  const error = await readSkills(folders.length === 0 ? [folder] : folders).catch((thrown: unknown) => thrown);
  if (!(error instanceof AppError)) return ['no error'];
  return error.message.replaceAll(`${folder}/`, '').split('\n').slice(1);
}

test('reads the shipped skills', async () => {
  const { skills } = await readSkills([fileURLToPath(new URL('../../../skills', import.meta.url))]);
  expect(skills.flat().map(({ name }) => name)).toEqual(['meeting-notes', 'support-triage']);
});

test('reads every folder with a SKILL.md, files sorted by their bytes, and names the folders it leaves out', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  await put('triage/a/b.txt', 'b');
  await put('triage/a.txt', 'a');
  await put('notes/SKILL.md', skillText('notes'));
  await put('drafts/todo.txt', 'later');
  await put('.git/SKILL.md', 'not a skill');
  await put('README.md', 'not a skill either');
  const { skills, skipped } = await readSkills([folder]);
  expect(skills.flat().map(({ name, description }) => [name, description])).toEqual([
    ['notes', 'Does notes.'],
    ['triage', 'Does triage.'],
  ]);
  expect(skills.flat()[1]?.files.map(({ path, size }) => [path, size])).toEqual([
    ['SKILL.md', skillText('triage').length],
    ['a.txt', 1],
    ['a/b.txt', 1],
  ]);
  expect(skipped).toEqual([join(folder, 'drafts')]);
});

test('keeps the skills of several folders apart, and refuses one name in two of them', async () => {
  await put('one/triage/SKILL.md', skillText('triage'));
  await put('two/notes/SKILL.md', skillText('notes'));
  const folders = [join(folder, 'one'), join(folder, 'two')];
  const { skills } = await readSkills(folders);
  expect(skills.map((part) => part.map(({ name }) => name))).toEqual([['triage'], ['notes']]);

  await put('two/triage/SKILL.md', skillText('triage'));
  expect(await problems(...folders)).toEqual([
    `two/triage: ${join(folder, 'one/triage')} has the same name; rename one of them`.replace(`${folder}/`, ''),
  ]);
});

test('names all problems of all skills at once', async () => {
  await put('triage/SKILL.md', skillText('other'));
  await put('notes/SKILL.md', '# no front matter\n');
  await put('lower/skill.md', skillText('lower'));
  await put('Bad Name/SKILL.md', skillText('Bad Name'));
  expect(await problems()).toEqual([
    'Bad Name/SKILL.md:2:7: the name may hold only a-z, 0-9 and -; use something like `support-triage`',
    'lower/skill.md: its name is not SKILL.md; rename it to SKILL.md',
    'notes/SKILL.md:1:1: there is no front matter; begin with a line `---`, then name, description and `---`',
    'triage/SKILL.md:2:7: the name "other" is not the folder\'s, "triage"; rename one of them',
  ]);
});

test('refuses a link to what is not in the folder of skills, or never a part of a skill [P6]', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  await put('.git/config', 'url');
  await put('node_modules/x/y.js', 'x');
  await symlink('/etc/hostname', join(folder, 'triage/outside'));
  await symlink(`../../${basename(folder)}-beside`, join(folder, 'triage/beside'));
  await symlink('../.git/config', join(folder, 'triage/config'));
  await symlink('../node_modules/x/y.js', join(folder, 'triage/y.js'));
  await symlink('nowhere', join(folder, 'triage/nowhere'));
  await symlink('/etc/hostname', join(folder, 'alias'));
  await writeFile(`${folder}-beside`, 'beside');
  const what = 'it is neither a file nor a folder (a symbolic link?); put the file itself there';
  const links = ['beside', 'config', 'nowhere', 'outside', 'y.js'].map((name) => `triage/${name}: ${what}`);
  expect(await problems()).toEqual([`alias: ${what}`, ...links]);
  await rm(`${folder}-beside`);
});

test('a link to a file of the same folder of skills is that file, with its bytes', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  await put('triage/a.txt', 'shared');
  await put('LICENSE', 'MIT');
  await put('notes/SKILL.md', skillText('notes'));
  await symlink('../triage/a.txt', join(folder, 'notes/a.txt'));
  await symlink('../LICENSE', join(folder, 'notes/LICENSE'));
  const { skills } = await readSkills([folder]);
  const [notes] = skills.flat();
  if (notes === undefined) throw new Error('no skill');
  expect(notes.files.map(({ path, size }) => [path, size])).toEqual([
    ['LICENSE', 3],
    ['SKILL.md', skillText('notes').length],
    ['a.txt', 6],
  ]);
  const [license] = notes.files;
  expect(license && Buffer.from(await contentOf(notes, license)).toString()).toBe('MIT');
});

test('a linked folder is left out with a note, in a skill and as one', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  await symlink('..', join(folder, 'triage/loop'));
  await symlink('/etc', join(folder, 'triage/etc'));
  await symlink('triage', join(folder, 'alias'));
  const { skills, leftOut, warnings } = await readSkills([folder]);
  expect(skills.flat().map(({ name, files }) => [name, files.length])).toEqual([['triage', 1]]);
  expect(leftOut).toEqual([]);
  const what = 'it is a link to a folder, and left out';
  expect(warnings).toMatchObject([{ file: join(folder, 'alias'), what }]);
  expect(skills.flat()[0]?.warnings).toMatchObject([{ what }, { what }]);
});

test('refuses a second SKILL.md below a skill, unless an ignore file leaves it out', async () => {
  await put('outer/SKILL.md', skillText('outer'));
  await put('outer/inner/SKILL.md', skillText('inner'));
  expect(await problems()).toEqual([
    expect.stringMatching(/^outer\/inner\/SKILL\.md: a skill has one SKILL\.md, at its top; make its folder a skill /),
  ]);
  await put('outer/.skillignore', 'inner\n');
  expect(await problems()).toEqual(['no error']);
});

test('refuses what Git LFS leaves in place of a file, and takes a text about it', async () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(63)}7\nsize 123456\n`;
  await put('triage/SKILL.md', skillText('triage'));
  await put('triage/model.png', pointer);
  await put('triage/about.md', `A pointer looks like this:\n${pointer}`);
  expect(await problems()).toEqual([
    'triage/model.png: it is a pointer of Git LFS, and not the file itself; run git lfs pull, or leave it out in the .skillignore',
  ]);
});

test('warns of names beyond ASCII, and takes them', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  await put('triage/r\u00e9sum\u00e9.md', 'x');
  const { skills } = await readSkills([folder]);
  expect(skills.flat()[0]?.warnings).toMatchObject([
    { file: join(folder, 'triage', 'r\u00e9sum\u00e9.md'), what: expect.stringContaining('beyond ASCII') },
  ]);
});

test('refuses a SKILL.md that is a link or a folder', async () => {
  await mkdir(join(folder, 'one/SKILL.md'), { recursive: true });
  await mkdir(join(folder, 'two'));
  await symlink('/etc/hostname', join(folder, 'two/SKILL.md'));
  expect(await problems()).toEqual([
    'one/SKILL.md: it is not a file; write the instructions there',
    'two/SKILL.md: it is neither a file nor a folder (a symbolic link?); put the file itself there',
  ]);
});

test('refuses text that is not UTF-8 and names that could be read in two ways', async () => {
  await put('triage/SKILL.md', new Uint8Array([0x2d, 0x2d, 0x2d, 0x0a, 0xff]));
  await put('notes/SKILL.md', skillText('notes'));
  await put('notes/a\nb', '');
  await put('notes/a"b', '');
  const what = 'its name holds a quote, a backslash, an invisible character or bytes that are not UTF-8; rename it';
  expect(await problems()).toEqual([
    `notes/a\\u{a}b: ${what}`,
    `notes/a"b: ${what}`,
    'triage/SKILL.md:2:1: it is not UTF-8; save it as UTF-8',
  ]);
});

test('refuses paths that are one on many systems, of files, of folders and composed in two ways [P6]', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  for (const path of ['A.md', 'a.md', 'Docs/one.md', 'docs/two.md', '\u00e9.md', 'e\u0301.md', 'x/Y', 'x/y/z']) {
    await put(`triage/${path}`, '');
  }
  const what = (path: string) => `many systems take its name for that of triage/${path}; rename one of them`;
  expect(await problems()).toEqual([
    `triage/a.md: ${what('A.md')}`,
    `triage/docs: ${what('Docs')}`,
    `triage/x/y: ${what('x/Y')}`,
    `triage/\u00e9.md: ${what('e\u0301.md')}`,
  ]);
});

test('refuses two folders of skills whose skills differ only in case, and one name twice, also of a broken skill', async () => {
  await put('one/triage/SKILL.md', skillText('triage'));
  await put('two/Triage/SKILL.md', skillText('Triage'));
  await put('two/notes/SKILL.md', skillText('notes'));
  await put('three/notes/SKILL.md', '');
  expect(await problems(...['one', 'two', 'three'].map((name) => join(folder, name)))).toEqual([
    'two/Triage/SKILL.md:2:7: the name may hold only a-z, 0-9 and -; use something like `support-triage`',
    'three/notes/SKILL.md:1:1: there is no front matter; begin with a line `---`, then name, description and `---`',
    'two/Triage: one/triage has the same name; rename one of them',
    'three/notes: two/notes has the same name; rename one of them',
  ]);
});

test('never takes version control along, whatever the ignore files say [P6]', async () => {
  await put('.skillignore', '!.git\n!.*\n');
  await put('triage/.skillignore', '!.git\n!/.git/\n!.hg\n!.svn\n!*\n');
  await put('triage/SKILL.md', skillText('triage'));
  for (const path of ['.git/config', '.hg/store', 'deep/.svn/entries', 'deep/.git'])
    await put(`triage/${path}`, 'secret');
  const { skills } = await readSkills([folder]);
  expect(skills.flat()[0]?.files.map(({ path }) => path)).toEqual(['SKILL.md']);
});

test('takes an ignore file of 100,000 bytes and refuses a larger one', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  await put('triage/.skillignore', `a\n${'#'.repeat(99_998)}`);
  expect(await problems()).toEqual(['no error']);
  await put('.skillignore', `a\n${'#'.repeat(99_999)}`);
  expect(await problems()).toEqual([
    '.skillignore: it has 100,001 bytes, 100,000 are allowed; leave out whole folders instead of many files',
  ]);
});

test('refuses a pipe without waiting for somebody to write to it', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  spawnSync('mkfifo', [join(folder, 'triage/pipe')]);
  expect(await problems()).toEqual([
    'triage/pipe: it is neither a file nor a folder (a symbolic link?); put the file itself there',
  ]);
});

test('refuses names that Windows does not have, and paths of more than 256 bytes as they are uploaded', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  await put('triage/aux.md', '');
  await put('triage/ends./a.md', '');
  const deep = Array.from({ length: 4 }, () => 'd'.repeat(60)).join('/');
  const rest = 256 - Buffer.byteLength(`triage/${deep}/`);
  await put(`triage/${deep}/${'x'.repeat(rest)}`, '');
  await put(`triage/${deep}/${'y'.repeat(rest + 1)}`, '');
  await put(`triage/${deep}/${'ä'.repeat(Math.floor(rest / 2) + 1)}`, '');
  const long = 'shorten names or nest less deeply';
  expect((await problems()).map((line) => line.replace(/d+\/.*: /, '…: '))).toEqual([
    'triage/aux.md: Windows reserves its name; rename it',
    `triage/…: its path in the upload has 257 bytes, 256 are allowed; ${long}`,
    `triage/…: its path in the upload has 257 bytes, 256 are allowed; ${long}`,
    'triage/ends.: its name ends in a dot or a space, which Windows does not allow; rename it',
  ]);
});

test('takes 500 files and refuses 5,000 without reading them', async () => {
  await put('triage/SKILL.md', 'no front matter');
  for (let index = 1; index < 500; index += 1) await put(`triage/${index % 10}/${index}`, 'x');
  await put('triage/.skillignore', '# not one of the files\n');
  const frontMatter = expect.stringContaining('triage/SKILL.md:1:1: there is no front matter');
  expect(await problems()).toEqual([frontMatter]);
  for (let index = 500; index < 5000; index += 1) await writeFile(join(folder, `triage/${index % 10}/${index}`), 'x');
  await chmod(folder, 0o755);
  // Nobody could read this one.
  await chmod(join(folder, 'triage/1/4321'), 0);
  const started = performance.now();
  expect(await asNobody(problems)).toEqual([
    'triage: it has 5,000 files, a skill can have 500; leave out what it does not need in its .skillignore',
    frontMatter,
  ]);
  expect(performance.now() - started).toBeLessThan(2000);
  await put('triage/.skillignore', '/[1-9]/\n');
  expect(await problems()).toEqual([frontMatter]);
});

test('refuses a file that changes while it is read [P6]', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  const large = await put('triage/large', new Uint8Array(20_000_000));
  let running = true;
  let written = 0;
  const write = () => {
    if (!running) return;
    // The size stays, so only the time of the change tells.
    const file = openSync(large, 'r+');
    written += 1;
    writeSync(file, `${written}`, 0);
    closeSync(file);
    setTimeout(write, 1);
  };
  const reading = problems();
  write();
  const lines = await reading;
  running = false;
  expect(written).toBeGreaterThan(0);
  expect(lines).toEqual(['triage/large: it changed while skill-sync ran; run again when nothing writes there']);
});

test('takes one byte less than 30 MB and refuses 30 MB without reading it [P6]', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  const large = await put('triage/large', '');
  const rest = 30_000_000 - skillText('triage').length;
  await truncate(large, rest - 1);
  expect(await problems()).toEqual(['no error']);
  await truncate(large, rest);
  expect(await problems()).toEqual([
    'triage: it has 30,000,000 bytes, the platform takes less than 30,000,000; move large files out of it, or leave them out in its .skillignore',
  ]);
});

test('says which folder is missing or is itself a skill', async () => {
  await put('triage/SKILL.md', skillText('triage'));
  await expect(readSkills([join(folder, 'nowhere')])).rejects.toMatchObject({ code: 'config_missing' });
  await expect(readSkills([join(folder, 'triage')])).rejects.toMatchObject({
    code: 'usage',
    hint: `name the folder above it: ${JSON.stringify(folder)}`,
  });
});

/** Does something as a user who may not read everything. */
async function asNobody<Result>(act: () => Promise<Result>): Promise<Result> {
  if (process.getuid?.() !== 0) return await act();
  const nobody = 65_534;
  process.seteuid?.(nobody);
  try {
    return await act();
  } finally {
    process.seteuid?.(0);
  }
}

test('names every file and folder that it may not read, beside all other problems', async () => {
  await chmod(folder, 0o755);
  await chmod(await put('triage/SKILL.md', skillText('triage')), 0);
  await chmod(await put('triage/b.txt', 'b'), 0);
  await put('notes/SKILL.md', skillText('notes'));
  await put('notes/closed/a.txt', 'a');
  await chmod(join(folder, 'notes/closed'), 0);
  await put('other/SKILL.md', skillText('another'));
  await put('sealed/SKILL.md', skillText('sealed'));
  await chmod(join(folder, 'sealed'), 0);
  const what = 'it cannot be read: EACCES; let the user who runs skill-sync read it';
  const lines = await asNobody(problems);
  // So that it can be removed again.
  for (const closed of ['notes/closed', 'sealed']) await chmod(join(folder, closed), 0o755);
  expect(lines).toEqual([
    `notes/closed: ${what}`,
    'other/SKILL.md:2:7: the name "another" is not the folder\'s, "other"; rename one of them',
    `sealed: ${what}`,
    `triage/SKILL.md: ${what}`,
    `triage/b.txt: ${what}`,
  ]);
});

test('refuses to hand over a file that changed after it was hashed [P6]', async () => {
  const file = await put('triage/SKILL.md', skillText('triage'));
  const [skill] = (await readSkills([folder])).skills.flat();
  const [first] = skill?.files ?? [];
  if (skill === undefined || first === undefined) throw new Error('the skill was not read');
  expect(first.bytes).toBeUndefined();
  expect(Buffer.from(await contentOf(skill, first)).toString()).toBe(skillText('triage'));
  for (const changed of [`${skillText('triage')}more`, skillText('triaged').replace('Does triaged', 'Does triag')]) {
    await writeFile(file, changed);
    await expect(contentOf(skill, first)).rejects.toMatchObject({
      code: 'skill_invalid',
      message: `one problem in the skills\n${file}: it changed while skill-sync ran; run again when nothing writes there`,
    });
  }
  await rm(file);
  await expect(contentOf(skill, first)).rejects.toMatchObject({ code: 'skill_invalid' });
});

describe('what was read is kept', () => {
  test('for a skill with another hash than expected, and not read again', async () => {
    const triage = await put('triage/SKILL.md', skillText('triage'));
    await put('notes/SKILL.md', skillText('notes'));
    await put('fresh/SKILL.md', skillText('fresh'));
    const before = (await readSkills([folder])).skills.flat();
    const { skills } = await readSkills([folder], {
      expected: (_folder, name) =>
        name === 'fresh'
          ? undefined
          : name === 'triage'
            ? 'f'.repeat(64)
            : before.find((skill) => skill.name === name)?.sha256,
    });
    const kept = skills.flat().filter((skill) => skill.files.every(({ bytes }) => bytes !== undefined));
    expect(kept.map(({ name }) => name)).toEqual(['fresh', 'triage']);
    expect(skills.flat().find(({ name }) => name === 'notes')?.files[0]).not.toHaveProperty('bytes');
    await rm(triage);
    const [, skill] = kept;
    const [file] = skill?.files ?? [];
    if (skill === undefined || file === undefined) throw new Error('the skill was not read');
    expect(Buffer.from(await contentOf(skill, file)).toString()).toBe(skillText('triage'));
  });

  test('up to 32 MiB over the whole run, and no file over 4 MiB', async () => {
    for (let index = 0; index < 10; index += 1) {
      await put(`s-${index}/SKILL.md`, skillText(`s-${index}`));
      await put(`s-${index}/large`, new Uint8Array(4 * 2 ** 20));
    }
    await put('s-0/larger', new Uint8Array(4 * 2 ** 20 + 1));
    const { skills } = await readSkills([folder], { expected: () => undefined });
    const kept = skills.flat().flatMap(({ files }) => files.filter(({ bytes }) => bytes !== undefined));
    const bytes = kept.reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThanOrEqual(32 * 2 ** 20);
    expect(bytes).toBeGreaterThan(28 * 2 ** 20);
    expect(kept.map(({ path }) => path)).not.toContain('larger');
  });
});

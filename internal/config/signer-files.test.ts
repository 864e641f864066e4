import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { signerBeliefs, signerPaths } from './signer-files.ts';

let project: string;
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'signer-'));
  await mkdir(join(project, 'tools'));
  await writeFile(join(project, 'tools', 'sign.mjs'), 'one');
  await writeFile(join(project, 'sign'), 'two');
});
afterEach(() => rm(project, { recursive: true }));

const digests: Record<string, string> = {
  one: '7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed',
  two: '3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3',
};

test.each<[string, string[], string[]]>([
  ['a program of the project', ['./sign', '--fast'], [`sign, SHA-256 ${digests['two']}`]],
  ['a script that is a word', ['node', 'tools/sign.mjs'], [`${join('tools', 'sign.mjs')}, SHA-256 ${digests['one']}`]],
  ['both, once', ['./sign', './sign'], [`sign, SHA-256 ${digests['two']}`]],
  ['a bare name, which is looked for on the PATH', ['sign'], []],
  ['a folder, an option and what is not there', ['node', 'tools', '--sign', 'gone.mjs', '.'], []],
  ['what is elsewhere', ['/bin/sh', '../sign'], []],
  ['a word that is too long for a name', ['node', '-e', 'x'.repeat(5000)], []],
])('%s', async (_what, command, expected) => {
  expect((await signerBeliefs(project, command)).map(([, value]) => value)).toEqual(expected);
});

test('a link is what it leads to, and a whole path into the project is one as well', async () => {
  await symlink(join(project, 'sign'), join(project, 'link'));
  for (const command of [['./link'], [join(project, 'link')]]) {
    expect(await signerBeliefs(project, command)).toEqual([['file of the signer', `link, SHA-256 ${digests['two']}`]]);
  }
  expect(signerPaths(project, ['node', 'a', 'a'])).toEqual([join(project, 'a')]);
});

/** The scan of the built executable: whole without any package beside it, and without a key or a network. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram, searchPath } from '../demo/executables.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';

let built: BuiltCopy;
let home: string;

beforeAll(async () => {
  built = await copyOfBuild();
  home = await mkdtemp(join(tmpdir(), 'skill-scan-'));
  await mkdir(join(home, 'skills/triage'), { recursive: true });
}, 60_000);
afterAll(async () => {
  await built.remove();
  await rm(home, { recursive: true });
});

async function scan(text: string) {
  await writeFile(join(home, 'skills/triage/SKILL.md'), `---\nname: triage\ndescription: Sorts.\n---\n${text}\n`);
  const [program, ...before] = built.locate('skill-sync');
  return await runProgram(program, [...before, 'scan'], { cwd: home, environment: { PATH: searchPath, HOME: home } });
}

test('finds what it is for', async () => {
  expect(await scan('Sort them.')).toEqual({
    exit: 0,
    stdout: 'no findings in 1 skill\n',
    stderr: 'skill-sync: looking through the skills\n',
  });
  // In parts, so that nobody's own scan finds a key in this file. The one is found by the library, the other by us.
  const tokens = [`ghp_${'aB3dE6gH9jK2'}mN5pQ8rS1tU4vW7xY0zA3cD6`, `glpat-${'aB3dE6gH9jK2'}mN5pQ8rS`];
  const { exit, stdout, stderr } = await scan(tokens.join('\n'));
  expect({ exit, stdout }).toEqual({ exit: 3, stdout: '' });
  expect(stderr).toContain('SKILL.md:5:1: error: holds what looks like a GitHub token [secret]');
  expect(stderr).toContain('SKILL.md:6:1: error: holds what looks like a GitLab token [secret]');
  for (const token of tokens) expect(stderr).not.toContain(token.slice(6, 14));
});

test('comes without the cryptography of a rule that it does not use', async () => {
  const executable = built.locate('skill-sync').at(-1) ?? '';
  const chunks = join(dirname(executable), 'chunks');
  const texts = await Promise.all((await readdir(chunks)).map((name) => readFile(join(chunks, name), 'utf8')));
  expect(texts.filter((text) => text.includes('secretlint-rule-github'))).not.toEqual([]);
  expect(texts.filter((text) => text.includes('RSAES-PKCS1-V1_5'))).toEqual([]);
});

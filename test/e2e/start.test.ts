/** What a built executable loads, and the code cache that its runs leave beside it. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram, searchPath } from '../demo/executables.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { type BuiltCopy, copyOfBuild, root } from './build.ts';

let built: BuiltCopy;
let platform: PlatformSandbox;
let home: string;
beforeAll(async () => {
  [built, platform, home] = await Promise.all([copyOfBuild(), startPlatform(), mkdtemp(join(tmpdir(), 'start-'))]);
  // Says what was loaded when the process ends.
  const report = `process.on('exit',()=>require('fs').writeFileSync(process.env.LOADED,process.moduleLoadList.join('\\n')))`;
  await writeFile(join(home, 'report.cjs'), report);
}, 120_000);
afterAll(async () => {
  await platform.close();
  await built.remove();
  await rm(home, { recursive: true });
});

/** Runs skill-sync on skills of this repository, and returns what it said and what Node loaded for it. */
async function sync(...words: string[]) {
  const [program, script = ''] = built.locate('skill-sync');
  const environment = {
    PATH: searchPath,
    HOME: home,
    ANTHROPIC_API_KEY: platform.apiKey,
    ANTHROPIC_BASE_URL: platform.baseUrl,
    LOADED: join(home, 'loaded.txt'),
  };
  const skills = join(root, 'skills');
  const lock = ['--lock', join(home, 'skills.lock.json')];
  const argv = ['--require', join(home, 'report.cjs'), script, ...words, ...lock, skills];
  const outcome = await runProgram(program, argv, { cwd: home, environment });
  return { ...outcome, loaded: await readFile(environment.LOADED, 'utf8') };
}

async function caches(): Promise<string[]> {
  const [, script = ''] = built.locate('skill-sync');
  const folder = join(script, '..', 'chunks');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.cache'));
  return names.map((name) => join(folder, name));
}

test('uploads and reads without undici, and leaves a cache without a secret that is worth nothing when it is damaged', async () => {
  const pushed = await sync();
  expect(pushed).toMatchObject({ exit: 0, stdout: expect.stringContaining('created') });
  expect(pushed.loaded).toContain('NativeModule http');
  expect(pushed.loaded).not.toContain('undici');

  const made = await caches();
  const learned = await Promise.all(made.map((cache) => readFile(cache)));
  expect(Buffer.concat(learned).includes('skill-sync')).toBe(true);
  expect(Buffer.concat(learned).includes(platform.apiKey)).toBe(false);

  const checked = await sync('--check');
  expect(checked).toMatchObject({ exit: 0, stdout: expect.stringContaining('unchanged') });
  for (const damage of [
    () => Buffer.from('garbage'),
    (good: Buffer) => Buffer.from(good).fill(0, Math.floor(good.length / 2)),
  ]) {
    for (const [index, cache] of made.entries()) await writeFile(cache, damage(learned[index] ?? Buffer.of()));
    const { exit, stdout, stderr } = await sync('--check');
    expect({ exit, stdout, stderr }).toEqual({ exit: checked.exit, stdout: checked.stdout, stderr: checked.stderr });
    // What this run did not need stays as it is.
    const replaced = await Promise.all(
      made.map(async (cache, index) => !(await readFile(cache)).equals(damage(learned[index] ?? Buffer.of()))),
    );
    expect(replaced).toContain(true);
  }
}, 120_000);

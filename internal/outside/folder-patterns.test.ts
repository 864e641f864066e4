import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { foldersMatching } from './folder-patterns.ts';

let home: string;
const { signal } = new AbortController();
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'patterns-'));
  for (const folder of ['a/skills', 'b/skills', 'c/other', 'node_modules/d/skills']) {
    await mkdir(join(home, 'plugins', folder), { recursive: true });
  }
  await symlink(join(home, 'plugins', 'a'), join(home, 'plugins', 'linked'));
});
afterAll(() => rm(home, { recursive: true }));

test.each(['plugins/*/skills', './plugins/{a,b}/skills', 'plugins/[ab]/s*', 'plug*/{a/skills,b/skills}'])(
  '%s names folders from where it starts',
  async (pattern) => {
    const expected = ['a', 'b'].map((name) => join(home, 'plugins', name, 'skills'));
    expect(await foldersMatching(pattern, { from: home, signal })).toEqual(expected);
  },
);

test('a pattern that names its own start is looked for there, and nowhere above', async () => {
  const began = performance.now();
  const pattern = join(home, 'plugins', '*', 'skills');
  expect(await foldersMatching(pattern, { from: '', signal })).toEqual([
    join(home, 'plugins', 'a', 'skills'),
    join(home, 'plugins', 'b', 'skills'),
  ]);
  expect(await foldersMatching('../*/skills', { from: join(home, 'plugins', 'c'), signal })).toHaveLength(2);
  // From the root, the temporary folder and all that lies beside it, it takes seconds.
  expect(performance.now() - began).toBeLessThan(1000);
});

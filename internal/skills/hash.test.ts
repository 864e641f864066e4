import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hashOf, sha256 } from './hash.ts';
import { ignoredNames } from './ignored.ts';
import { readSkills } from './read.ts';

const skillText = '---\nname: a\ndescription: b\n---\n';
const documented = '34b14effdd60c6e54f576115349eef536be27b02f289ff0ca09fcee5d0040b09';

const document = await readFile(new URL('../../docs/skills-hash.md', import.meta.url), 'utf8');
/** The code blocks of the document, in order: ignored names, recipe, lines, hash. */
const blocks = [...document.matchAll(/```(?:sh)?\n(.*?)```/gs)].map(([, block = '']) => block);

test('the test vector of the document', () => {
  const files = [
    { path: 'reference/a.txt', sha256: sha256('') },
    { path: 'SKILL.md', sha256: sha256(skillText) },
  ];
  expect(hashOf(files)).toBe(documented);
  expect(blocks[3]?.trim()).toBe(documented);
  expect(sha256(blocks[2] ?? '')).toBe(documented);
});

test('the document names what is ignored', () => {
  expect(blocks[0]?.trim().split('\n')).toEqual(ignoredNames);
});

test('sorts by bytes, not by UTF-16 code units', () => {
  const hashes = ['\u{ff5e}.md', '\u{1f600}.md'].map((path) => ({ path, sha256: sha256('') }));
  const lines = ['\u{ff5e}.md', '\u{1f600}.md'].map((path) => `${sha256('')}  ${path}\n`).join('');
  expect(hashOf(hashes.toReversed())).toBe(sha256(lines));
});

const tools = ['find', 'sed', 'sort', 'tr', 'xargs', 'sha256sum', 'cut'];
const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined);

test.skipIf(missing.length > 0)(`the recipe of the document finds our hash (missing: ${missing.join()})`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hash-'));
  try {
    const skill = join(folder, 'a');
    for (const inside of ['scripts/deep', '.git', 'node_modules/x', '__pycache__', '.idea']) {
      await mkdir(join(skill, inside), { recursive: true });
    }
    const kept = ['SKILL.md', 'a.b', 'a/b', 'scripts/run me.sh', 'scripts/deep/ü.txt', 'Z', 'z', '.hidden', 'empty'];
    const dropped = [
      '.git/HEAD',
      'node_modules/x/y.js',
      '__pycache__/a.pyc',
      'a.pyc',
      '.DS_Store',
      'x~',
      '.a.swp',
      '._x',
    ];
    await mkdir(join(skill, 'a'));
    for (const path of [...kept, ...dropped]) {
      await writeFile(join(skill, path), path === 'SKILL.md' ? skillText : path === 'empty' ? '' : `${path}\n`);
    }
    const [read] = await readSkills([folder]).then(({ skills }) => skills.flat());
    expect(read?.files.map(({ path }) => path).sort()).toEqual(kept.sort());
    const recipe = spawnSync('bash', ['-c', blocks[1] ?? ''], { cwd: skill, encoding: 'utf8' });
    expect(recipe.stdout.trim()).toBe(read?.sha256);
  } finally {
    await rm(folder, { recursive: true });
  }
});

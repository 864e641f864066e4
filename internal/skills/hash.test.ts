import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { skipped } from '../../test/support/skip.ts';
import { sha256 } from '../text/canonical.ts';
import { ignoredByDefault, neverUploaded } from './folder/ignored.ts';
import { readSkills } from './folder/read.ts';
import { hashOf } from './hash.ts';

const document = await readFile(new URL('../../docs/skills-hash.md', import.meta.url), 'utf8');
/** The code blocks of the document. */
const [never, byDefault, recipe, lines, documented] = [...document.matchAll(/```(?:sh)?\n(.*?)```/gs)].map(
  ([, block = '']) => block,
);

interface Vector {
  about: string;
  skill: string;
  files: Record<string, string>;
  uploaded: string[];
  sha256: string;
}
const vectors: Vector[] = JSON.parse(
  await readFile(new URL('../../test/data/skills-hash.json', import.meta.url), 'utf8'),
);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hash-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write({ files }: Vector): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

/** What the document's recipe prints in a skill's folder. */
function recomputed(skillFolder: string): string {
  const ran = spawnSync('bash', ['-c', recipe ?? ''], { cwd: skillFolder, encoding: 'utf8' });
  expect(ran.stderr).toBe('');
  return ran.stdout.trim();
}

test('the document names what is never uploaded and what is left out by default, the recipe as well', () => {
  expect(never?.trim().split('\n')).toEqual(neverUploaded);
  expect(byDefault?.trim().split('\n')).toEqual(ignoredByDefault);
  for (const pattern of ignoredByDefault) expect(recipe).toContain(pattern);
  expect(recipe?.trim().split('\n').length).toBeLessThanOrEqual(10);
});

test('the document shows the second vector', () => {
  expect(sha256(lines ?? '')).toBe(documented?.trim());
  expect(vectors[1]?.sha256).toBe(documented?.trim());
});

test('sorts by bytes, not by UTF-16 code units', () => {
  const hashes = ['\u{ff5e}.md', '\u{1f600}.md'].map((path) => ({ path, sha256: sha256('') }));
  const sorted = ['\u{ff5e}.md', '\u{1f600}.md'].map((path) => `${sha256('')}  ${path}\n`).join('');
  expect(hashOf(hashes.toReversed())).toBe(sha256(sorted));
});

test.each(vectors)('vector: $about', async (vector) => {
  await write(vector);
  const [read] = (await readSkills([folder])).skills.flat();
  expect(read?.files.map(({ path }) => path)).toEqual(vector.uploaded);
  expect(read?.sha256).toBe(vector.sha256);
});

const tools = ['bash', 'git', 'sort', 'xargs', 'sha256sum', 'cut', 'mktemp'];
const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
const lacking = missing.length > 0 && { reason: `the recipe needs ${missing.join(', ')}`, installable: false };

describe.skipIf(skipped(lacking))('the recipe of the document finds', () => {
  test.each(vectors)('the vector: $about', async (vector) => {
    await write(vector);
    expect(recomputed(join(folder, vector.skill))).toBe(vector.sha256);
  });

  test('what we find, for every skill of the corpus and for the shipped ones [P6]', async () => {
    for (const from of ['../../skills', '../../test/data/skills/valid']) {
      await cp(fileURLToPath(new URL(from, import.meta.url)), join(folder, from.replaceAll(/\W/g, '')), {
        recursive: true,
        verbatimSymlinks: true,
      });
    }
    const folders = ['skills', 'testdataskillsvalid'].map((name) => join(folder, name));
    const skills = (await readSkills(folders)).skills.flat();
    expect(skills.length).toBeGreaterThan(12);
    expect(skills.map((skill) => [skill.name, recomputed(skill.folder)])).toEqual(
      skills.map((skill) => [skill.name, skill.sha256]),
    );
  });
});

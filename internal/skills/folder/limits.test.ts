import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { limits } from './limits.ts';

const document = await readFile(new URL('../../../docs/skills.md', import.meta.url), 'utf8');

test('docs/skills.md has the limits of the code, in their order', () => {
  const [, table = ''] = document.split('| what | limit | whose |\n| --- | --- | --- |\n');
  const rows = table.slice(0, table.indexOf('\n\n')).split('\n');
  expect(rows.map((row) => row.split('|')[2]?.replace(/[^0-9]/g, ''))).toEqual(Object.values(limits).map(String));
});

test('docs/skills.md shows problems as the corpus has them', async () => {
  const lines = (await readFile(new URL('../../../test/data/skills/invalid.txt', import.meta.url), 'utf8')).split('\n');
  const shown = document.split('```\n').find((block) => block.startsWith('colon/SKILL.md')) ?? '';
  expect(
    shown
      .trim()
      .split('\n')
      .filter((line) => !lines.includes(line)),
  ).toEqual([]);
});

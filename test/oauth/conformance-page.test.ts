/** docs/oauth-conformance.md says what the tests say, and every row has one. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { pagePath, readTaggedTests, renderPage, resultOf, resultsIn, type TaggedTest } from './conformance-page.ts';
import { rows } from './rows.ts';

describe('docs/oauth-conformance.md', async () => {
  const tests = await readTaggedTests();
  const page = await readFile(pagePath, 'utf8');

  test.each([...rows.values()].map(({ id, rule }) => [id, rule]))('%s has a test: %s', (id) => {
    expect(tests.filter((tagged) => tagged.rows.includes(id))).not.toEqual([]);
  });

  test('has the rows and the tests of the code: else run npm run docs:oauth', () => {
    const results = resultsIn(page);
    expect(page).toBe(renderPage(tests, (id) => results.get(id) ?? 'missing'));
  });

  test('states no result but a good one', () => {
    const bad = [...resultsIn(page)].filter(([, result]) => !/^(passed|skipped: .*)$/.test(result));
    expect(bad).toEqual([]);
  });
});

describe('the result of a row', () => {
  const file = 'test/x.test.ts';
  const tagged: TaggedTest[] = [
    { file, title: 'refuses %s (%j) [c1]', rows: ['c1'] },
    { file, title: 'a group [c1, c2]', rows: ['c1', 'c2'] },
  ];
  const ran = (status: string, ...titles: string[]) => ({ file, titles, status });

  test.each([
    ['c1', [ran('passed', 'refuses x (7) [c1]')], 'passed'],
    ['c1', [ran('passed', 'refuses x (7) [c1]'), ran('failed', 'refuses y (8) [c1]')], 'failed'],
    ['c1', [ran('passed', 'refuses x [c1]')], 'not run'],
    ['c2', [ran('failed', 'a group [c1, c2]', 'a test')], 'failed'],
    ['c2', [ran('skipped', 'a group [c1, c2]', 'a test')], 'skipped: the run says why'],
    ['c2', [ran('skipped', 'a group [c1, c2]', 'a'), ran('passed', 'a group [c1, c2]', 'b')], 'passed'],
    ['c2', [{ ...ran('passed', 'a group [c1, c2]'), file: 'test/y.test.ts' }], 'not run'],
    ['c3', [], 'no test'],
  ])('%s of %j is: %s', (id, runs, expected) => expect(resultOf(id, tagged, runs)).toBe(expected));
});

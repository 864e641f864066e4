import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { confusions, errorRules, labelledLines, measuredTable, precisionAndRecall } from './measure.ts';

const lines = await labelledLines();

test('there are 300 lines, half of them harmless, and half of each held out', () => {
  expect(lines).toHaveLength(300);
  expect(lines.filter(({ isTrue }) => isTrue)).toHaveLength(150);
  const heldOut = lines.filter(({ isHeldOut }) => isHeldOut);
  expect(heldOut.length).toBeGreaterThanOrEqual(144);
  expect(new Set(lines.map(({ text }) => text)).size).toBe(300);
});

test.each([false, true])('errors are true and nearly all are found (held out: %s)', async (isHeldOut) => {
  const byRule = await confusions(lines.filter((line) => line.isHeldOut === isHeldOut));
  const errors = [...byRule].filter(([rule]) => errorRules.includes(rule)).map(([, each]) => each);
  const { precision, recall } = precisionAndRecall(errors);
  expect(precision).toBeGreaterThanOrEqual(0.95);
  expect(recall).toBeGreaterThanOrEqual(0.95);
});

test('docs/skill-scan.md has the figures', async () => {
  const documented = await readFile(new URL('../../docs/skill-scan.md', import.meta.url), 'utf8');
  expect(documented).toContain(await measuredTable());
});

test('no line holds a secret: those are made when the test runs', async () => {
  const text = await readFile(new URL('../data/labelled-lines.txt', import.meta.url), 'utf8');
  expect(text).not.toMatch(/gh[pousr]_\w{20}|sk-ant-\w|AKIA[A-Z2-7]{16}|xox[bp]-\d|[A-Za-z0-9]{50}/);
  expect(lines.some(({ text: line }) => /gh[p]_[A-Za-z0-9]{36}/.test(line))).toBe(true);
  expect(lines.filter(({ text: line }) => /\{(?:mix|low|hex|key) /.test(line))).toEqual([]);
});

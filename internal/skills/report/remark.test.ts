import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { Problem } from '../folder/problem.ts';
import type { Finding } from '../scan/finding.ts';
import { pathBelow, remarksOf } from './remark.ts';

const finding = (changed: Partial<Finding> = {}): Finding => ({
  rule: 'shell-pipe',
  level: 'warning',
  skill: 'notes',
  file: 'skills/notes/run.sh',
  line: 3,
  column: 5,
  what: 'it pipes a download into a shell',
  fix: 'download it, look at it, run it',
  ...changed,
});

const remarks = (findings: Finding[], problems: Problem[] = []) =>
  remarksOf({ problems, findings, skills: [], exit: 0 }, resolve('.'));

test('the gravest first, then by place; a problem is an error', () => {
  const found = remarks(
    [
      finding({ level: 'note' }),
      finding({ line: 9 }),
      finding({ line: 2 }),
      finding({ file: 'skills/a/x' }),
      finding({ level: 'error' }),
    ],
    [{ file: 'skills/z/SKILL.md', what: 'a', fix: 'b' }],
  );
  expect(found.map(({ level, path, line, rule }) => [level, path, line, rule])).toEqual([
    ['error', 'skills/notes/run.sh', 3, 'shell-pipe'],
    ['error', 'skills/z/SKILL.md', undefined, 'skill-invalid'],
    ['warning', 'skills/a/x', 3, 'shell-pipe'],
    ['warning', 'skills/notes/run.sh', 2, 'shell-pipe'],
    ['warning', 'skills/notes/run.sh', 9, 'shell-pipe'],
    ['note', 'skills/notes/run.sh', 3, 'shell-pipe'],
  ]);
});

test('a fingerprint stays when lines move, and no two are equal', () => {
  const prints = (findings: Finding[]) => remarks(findings).map(({ fingerprint }) => fingerprint);
  const twice = prints([finding(), finding({ line: 8 })]);
  expect(prints([finding({ line: 40, column: 1 }), finding({ line: 51 })])).toEqual(twice);
  expect(prints([finding()])).toEqual([twice[0]]);
  const others = [finding({ rule: 'a' }), finding({ file: 'skills/b' }), finding({ what: 'b' }), finding({ fix: 'b' })];
  expect(new Set([...twice, ...prints(others)]).size).toBe(6);
});

test('the words are harmless, one line, and not endless', () => {
  const [remark] = remarks([finding({ what: '\u001b[2J\n::error::\u202e ##[error]', fix: 'x'.repeat(5_000) })]);
  expect(remark?.text).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]|##\[/u);
  expect(remark?.text).toHaveLength(1001);
});

test.each([
  ['/repo', '/repo/skills/a/SKILL.md', 'skills/a/SKILL.md'],
  ['/repo', '/repo/..a/b', '..a/b'],
  ['/repo', '/repo', undefined],
  ['/repo', '/other/x', undefined],
  ['/repo/a', '/repo/ab', undefined],
])('below %s, %s is %s', (root, file, path) => expect(pathBelow(root, file)).toBe(path));

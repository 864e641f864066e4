import { expect, test } from 'vitest';
import { nameProblem } from './name.ts';

test.each(['a', 'support-triage', '3d-models', 'x'.repeat(64)])('takes the name %s', (name) => {
  expect(nameProblem(name)).toBeUndefined();
});

test.each([
  ['', 'the name is empty'],
  ['x'.repeat(65), 'the name has 65 characters, at most 64 are allowed'],
  ['Support', 'the name may hold only a-z, 0-9 and -'],
  ['süß', 'the name may hold only a-z, 0-9 and -'],
  ['a b', 'the name may hold only a-z, 0-9 and -'],
  ['<b>', 'the name may hold only a-z, 0-9 and -'],
  ['-a', 'hyphens may only stand between letters or digits'],
  ['a--b', 'hyphens may only stand between letters or digits'],
  ['claude-x', 'the platform reserves the word claude'],
  ['my-anthropic', 'the platform reserves the word anthropic'],
])('refuses the name %j', (name, problem) => {
  expect(nameProblem(name)).toBe(problem);
});

import { expect, test } from 'vitest';
import { nearestHint } from './nearest.ts';

test.each([
  ['notoin', ['notion', 'slack'], 'did you mean "notion"?'],
  ['NOTION', ['notion', 'slack'], 'did you mean "notion"?'],
  ['git', ['github', 'gitlab', 'notion'], 'known are: "github", "gitlab", "notion"'],
  ['sack', ['slack', 'back', 'notion'], 'did you mean "slack" or "back"?'],
  ['zzzzzz', ['notion', 'slack'], 'known are: "notion", "slack"'],
  ['x', [], 'none are configured'],
])('%s of %j', (word, known, hint) => expect(nearestHint(word, known)).toBe(hint));

test('what can stand there too is named where it is near, and nowhere else', () => {
  expect(nearestHint('lst', ['notion'], ['list', 'check'])).toBe('did you mean "list"?');
  expect(nearestHint('zzzzzz', ['notion'], ['list'])).toBe('known are: "notion"');
});

test('names three at most, the nearest first', () => {
  expect(nearestHint('aaaa', ['aaab', 'aabb', 'aaaa', 'aaac', 'aaad'])).toBe(
    'did you mean "aaaa" or "aaab" or "aaac"?',
  );
});

import { expect, test } from 'vitest';
import { nearestCommands, nearestHint } from './nearest.ts';

test.each([
  ['notoin', ['notion', 'slack'], 'did you mean "notion"?'],
  ['NOTION', ['notion', 'slack'], 'did you mean "notion"?'],
  ['git', ['github', 'gitlab', 'notion'], 'known are: "github", "gitlab", "notion"'],
  ['sack', ['slack', 'back', 'notion'], 'did you mean "slack" or "back"?'],
  ['zzzzzz', ['notion', 'slack'], 'known are: "notion", "slack"'],
  ['x', [], 'none are configured'],
])('%s of %j', (word, known, hint) => expect(nearestHint(word, known)).toBe(hint));

test.each([
  ['sned', ['send', 'agents', 'agents send'], ['send']],
  ['aply', ['list', 'agents', 'agents apply', 'plans apply'], ['agents apply', 'plans apply']],
  ['zzzzzz', ['list', 'agents apply'], []],
])('the command that %s may have been is one here, or else one behind another: %j', (word, commands, near) =>
  expect(nearestCommands(word, commands)).toEqual(near),
);

test('names three at most, the nearest first', () => {
  expect(nearestHint('aaaa', ['aaab', 'aabb', 'aaaa', 'aaac', 'aaad'])).toBe(
    'did you mean "aaaa" or "aaab" or "aaac"?',
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineDiff } from './line-diff.ts';

const diff = (before: string, after: string) =>
  lineDiff([...before], [...after])
    .map(({ sign, text }) => sign + text)
    .join('');

test.each([
  ['', '', ''],
  ['ab', 'ab', ' a b'],
  ['', 'a', '+a'],
  ['a', '', '-a'],
  ['axc', 'ayc', ' a-x+y c'],
  ['abcd', 'bd', '-a b-c d'],
])('from %j to %j', (before, after, expected) => expect(diff(before, after)).toBe(expected));

test('both texts can be read out of it, and no more than has to changed', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = lineDiff(before, after);
      expect(lines.flatMap(({ sign, text: line }) => (sign === '+' ? [] : [line]))).toEqual(before);
      expect(lines.flatMap(({ sign, text: line }) => (sign === '-' ? [] : [line]))).toEqual(after);
    }),
  );
});

test('long texts that have nothing in common take no time', () => {
  const lines = (letter: string) => Array.from({ length: 20_000 }, (_, index) => `${letter}${index}`);
  expect(lineDiff(lines('a'), lines('b'))).toHaveLength(40_000);
});

import { expect, test } from 'vitest';
import { entryNameFault, SpellingsSeen } from './paths.ts';

test.each([
  'a.md',
  '.hidden',
  '..two',
  'a b',
  ' leading',
  'été.md',
  '用語集',
  '😀',
  'console',
  'com',
  'com10.txt',
  'x.con',
])('takes the name %j', (name) => {
  expect(entryNameFault(name)).toBeUndefined();
});

test.each([
  ['a"b', 'quote'],
  ['a\\b', 'backslash'],
  ['a\nb', 'invisible'],
  ['a\u202eb', 'invisible'],
  ['a\u200bb', 'invisible'],
  ['a\ufffdb', 'not UTF-8'],
  ['a:b', 'Windows'],
  ['a*', 'Windows'],
  ['a|b', 'Windows'],
  ['a<b', 'Windows'],
  ['what?', 'Windows'],
  ['a.', 'ends in a dot'],
  ['a ', 'ends in a dot or a space'],
  ['...', 'ends in a dot'],
  ['CON', 'Windows reserves'],
  ['nul.txt', 'Windows reserves'],
  ['Lpt1.a.b', 'Windows reserves'],
])('refuses the name %j', (name, what) => {
  expect(entryNameFault(name)?.[0]).toContain(what);
});

test.each([
  ['A.md', 'a.md'],
  ['\u00e9.md', 'e\u0301.md'],
  ['\u00c9.md', 'e\u0301.md'],
  ['ΟΔΟΣ', 'οδος'],
  ['Docs', 'docs'],
])('tells that %s and %s are one name to many systems', (first, second) => {
  const seen = new SpellingsSeen();
  expect([seen.faultOf(first), seen.faultOf(first)]).toEqual([undefined, undefined]);
  expect(seen.faultOf(second)?.[0]).toContain('many systems take its name for that of');
  expect(seen.faultOf(`${first}/x`)).toBeUndefined();
});

test('takes names that differ in more than case', () => {
  const seen = new SpellingsSeen();
  for (const name of ['a', 'b', 'e', 'é', 'a/a', 'a/b', 'ab']) expect(seen.faultOf(name)).toBeUndefined();
});

import { expect, test } from 'vitest';
import { table } from './table.ts';

test('columns are as wide as their widest cell, and no line ends in spaces', () => {
  expect(
    table(
      ['a', 'name', 'c'],
      [
        ['1', 'x', ''],
        ['22', 'longer', 'z'],
      ],
    ),
  ).toBe(['a   name    c', '1   x', '22  longer  z'].join('\n'));
});

test('without rows there is the heading', () => expect(table(['a', 'b'], [])).toBe('a  b'));

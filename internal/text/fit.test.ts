import { expect, test } from 'vitest';
import { columnsOf, cut } from './fit.ts';

test('what is cut fits, and says how many characters are left out', () => {
  expect(cut('whole', 5)).toBe('whole');
  expect(cut('abcdefghijklmnop', 10)).toBe('abcdef…+10');
  expect(cut('two words that go on', 10)).toBe('two wo…+14');
  expect(cut('a word and more of it', 8)).toBe('a wo…+17');
  for (const text of ['x'.repeat(500), '界'.repeat(90), '👩‍💻 and words '.repeat(40)]) {
    for (const columns of [8, 20, 79]) {
      const [, shown = '', left] = /^(.*)…\+(\d+)$/s.exec(cut(text, columns)) ?? [];
      expect(columnsOf(cut(text, columns))).toBeLessThanOrEqual(columns);
      expect([...shown].length + Number(left)).toBe([...text].length);
    }
  }
});

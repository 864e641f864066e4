import { expect, test } from 'vitest';
import { isUrl } from './url.ts';

test.each([
  ['https://bücher.example/mcp', undefined, true],
  ['/path', 'https://a.example', true],
  ['/path', undefined, false],
  ['https://', undefined, false],
])('%s beside %s: %j', (text, base, is) => {
  expect(isUrl(text, base)).toBe(is);
});

test('says the same however often it is asked', () => {
  const refused = Array.from({ length: 100_000 }, () => isUrl('https://bücher.example/mcp')).indexOf(false);
  expect(refused).toBe(-1);
});

import { expect, test } from 'vitest';
import { TooOften } from '../limits.ts';
import { openStreams } from './streams.ts';

test('of one person and of all there are so many streams and no more, and whoever leaves makes room once', () => {
  const enter = openStreams({ all: 3, ofOne: 2 });
  const [first] = [enter('ada'), enter('ada')];
  expect(() => enter('ada')).toThrow(TooOften);
  enter('grace');
  expect(() => enter('linus')).toThrow(TooOften);
  first?.();
  first?.();
  enter('ada');
  expect(() => enter('linus')).toThrow(TooOften);
});

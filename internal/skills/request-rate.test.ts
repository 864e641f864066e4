import { expect, test } from 'vitest';
import { rateLimit } from './request-rate.ts';

test('as many as the window takes at once, the next when the window has moved on', () => {
  const wait = rateLimit(3, 1000);
  expect([0, 0, 10, 10, 10, 400].map(wait)).toEqual([0, 0, 0, 990, 990, 610]);
  expect(wait(5000)).toBe(0);
});

test('in no window more than the limit, whenever one asks', () => {
  const wait = rateLimit(3, 1000);
  const times = Array.from({ length: 50 }, (_, index) => index * 70 + wait(index * 70));
  for (const time of times) {
    expect(times.filter((other) => other >= time && other < time + 1000).length).toBeLessThanOrEqual(3);
  }
});

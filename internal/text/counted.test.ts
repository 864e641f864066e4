import { expect, test } from 'vitest';
import { counted } from './counted.ts';

test('none, one and several are said as people say them', () => {
  expect([0, 1, 2].map((count) => counted(count, 'call'))).toEqual(['no calls', '1 call', '2 calls']);
});

import { expect, test } from 'vitest';
import { howFar, howLong } from './how-far.ts';

test.each([
  [0, 200, '[....................] 0/200'],
  [99, 200, '[#########...........] 99/200'],
  [200, 200, '[####################] 200/200'],
  // A second round may do more than the first one counted.
  [201, 200, '[####################] 201/200'],
  [0, 0, '[####################] 0/0'],
  [1200, undefined, '1200 so far:'],
])('%i of %s', (done, all, text) => expect(howFar(done, all)).toBe(text));

test.each([
  [0, '0 s'],
  [59_400, '59 s'],
  [59_600, '1 min 0 s'],
  [125_000, '2 min 5 s'],
  [3_725_000, '1 h 2 min'],
])('%i ms', (milliseconds, text) => expect(howLong(milliseconds)).toBe(text));

import { expect, test } from 'vitest';
import { bar } from './bar.ts';

test.each([
  [0, 200, '[....................] 0/200'],
  [99, 200, '[#########...........] 99/200'],
  [200, 200, '[####################] 200/200'],
  [0, 0, '[####################] 0/0'],
])('%i of %i', (ended, all, text) => expect(bar(ended, all)).toBe(text));

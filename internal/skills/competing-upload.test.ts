import { expect, test } from 'vitest';
import { earliest, standing } from './competing-upload.ts';

const at = (id: string, ms: number) => ({ id, created_at: new Date(ms).toISOString() });

test.each([
  ['nobody else', [], 'keep'],
  ['a later one', [at('a', 20)], 'keep'],
  ['an earlier one', [at('z', 5)], 'yield'],
  ['one of the same moment with a larger id', [at('n', 10)], 'wait'],
  ['one of the same moment with a smaller id', [at('a', 10)], 'yield'],
  ['a later and an earlier one', [at('a', 20), at('z', 5)], 'yield'],
])('beside %s', (_case, rivals, stand) => {
  expect(standing(at('m', 10), rivals)).toBe(stand);
});

test('of any uploads all sides name the same one that stays [P8]', () => {
  const uploads = [at('c', 10), at('b', 10), at('a', 11), at('d', 9), at('e', 9)];
  const first = earliest(uploads);
  for (const mine of uploads) {
    const rivals = uploads.filter((other) => other !== mine);
    expect(standing(mine, rivals) === 'yield').toBe(mine !== first);
    expect(earliest([...rivals].reverse().concat(mine))).toBe(first);
  }
});

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { byteLimit } from './byte-limit.ts';

/** Works on all sizes at once and says the most bytes that were in use together, and the order of beginning. */
async function work(most: number, sizes: readonly number[], failing: readonly number[] = []) {
  const limited = byteLimit(most);
  let used = 0;
  let peak = 0;
  const begun: number[] = [];
  const ended = await Promise.allSettled(
    sizes.map((size) =>
      limited(size, async () => {
        begun.push(size);
        used += size;
        peak = Math.max(peak, used);
        await sleep(2);
        used -= size;
        if (failing.includes(size)) throw new Error('no');
        return size;
      }),
    ),
  );
  return { peak, begun, ended: ended.map(({ status }) => status) };
}

test('never more bytes than the limit, in order, and all in the end', async () => {
  const sizes = [40, 30, 50, 10, 90, 5, 5];
  const { peak, begun, ended } = await work(100, sizes);
  expect([begun, new Set(ended)]).toEqual([sizes, new Set(['fulfilled'])]);
  expect(peak).toBeLessThanOrEqual(100);
});

test('what is larger than the limit goes alone', async () => {
  const { peak, begun } = await work(100, [60, 300, 60]);
  expect([peak, begun]).toEqual([300, [60, 300, 60]]);
});

test('a failure makes room as well', async () => {
  expect((await work(10, [10, 9, 8], [10, 9])).ended).toEqual(['rejected', 'rejected', 'fulfilled']);
});

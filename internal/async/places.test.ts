import { expect, test } from 'vitest';
import { deferred } from './deferred.ts';
import { Places } from './places.ts';

test('no more than there are places, in the order in which they came, and a failure leaves its place', async () => {
  const places = new Places(2);
  const gates = Array.from({ length: 5 }, () => deferred());
  const begun: number[] = [];
  const all = gates.map(({ promise }, index) =>
    places.within(async () => {
      begun.push(index);
      await promise;
    }),
  );
  const settled = Promise.allSettled(all);
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  gates[1]?.reject(new Error('no'));
  await expect(all[1]).rejects.toThrow('no');
  expect(begun).toEqual([0, 1, 2]);
  const later = places.within(async () => begun.push(5));
  for (const { resolve } of gates) resolve();
  await Promise.all([settled, later]);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  expect(await places.within(async () => 'free again')).toBe('free again');
});

import { expect, test } from 'vitest';
import { deferred } from './deferred.ts';

test('is settled once: what comes later is not heard', async () => {
  const kept = deferred<number>();
  kept.resolve(1);
  kept.reject(new Error('too late'));
  kept.resolve(2);
  expect(await kept.promise).toBe(1);
  const refused = deferred();
  refused.reject(new Error('no'));
  refused.resolve();
  await expect(refused.promise).rejects.toThrow('no');
});

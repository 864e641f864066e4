import { expect, test } from 'vitest';
import { skipped } from '../support/skip.ts';
import { cannotBeSomebodyElse } from './somebody-else.ts';
import { stolenSignIn } from './stolen-sign-in.ts';

skipped(cannotBeSomebodyElse);

test('no sign-in is stolen', async () => {
  for (const attempt of await stolenSignIn(12)) expect(attempt).toMatchObject({ held: true });
}, 120_000);

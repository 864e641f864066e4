/** The races of `npm run attack` for a sign-in, the page and the step at a service, with fewer of each. */
import { expect, test } from 'vitest';
import { skipped } from '../support/skip.ts';
import { cannotBeSomebodyElse } from './somebody-else.ts';
import { stolenPage } from './stolen-page.ts';
import { stolenServiceStep } from './stolen-service-step.ts';
import { stolenSignIn } from './stolen-sign-in.ts';

skipped(cannotBeSomebodyElse);

test.each([
  ['sign-in', stolenSignIn],
  ['page', stolenPage],
  ['step at a service', stolenServiceStep],
])(
  'no %s is stolen',
  async (_what, races) => {
    for (const attack of await races(6)) expect(attack).toMatchObject({ held: true });
  },
  120_000,
);

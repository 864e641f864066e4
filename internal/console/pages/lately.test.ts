import { describe, expect, test } from 'vitest';
import { inTimeOf, machineClock } from '../../clock/clock.ts';
import type { Configuration } from '../../config/definitions.ts';
import { latest } from './lately.ts';

const [one, other] = [{}, {}] as [Configuration, Configuration];
const at = (seconds: number) => new Date(Date.UTC(2026, 10, 30, 8, 0, seconds));

/** What was found out lately, in a time that a test sets. */
async function remembering(act: (of: ReturnType<typeof latest<string>>, set: (seconds: number) => void) => void) {
  let now = at(0);
  await inTimeOf({ ...machineClock, now: () => now }, async () => {
    act(latest<string>(60_000, 2), (seconds) => {
      now = at(seconds);
    });
  });
}

describe('what was found out lately', () => {
  test('is shown with its time, and for a while', async () => {
    await remembering((values, set) => {
      values.set('a', one, 'x', at(0));
      set(59);
      expect(values.get('a', one)).toMatchObject({ value: 'x', at: at(0) });
      expect(values.get('b', one)).toBeUndefined();
      set(60);
      expect(values.get('a', one)).toBeUndefined();
    });
  });

  test('by other rules than those that count now is not shown [P4]', async () => {
    await remembering((values) => {
      values.set('a', one, 'x', at(0));
      expect(values.get('a', other)).toBeUndefined();
    });
  });

  test('and was changed meanwhile is not shown, and not remembered by whoever began to look before', async () => {
    await remembering((values, set) => {
      values.set('a', one, 'x', at(0));
      set(10);
      values.forget();
      expect(values.get('a', one)).toBeUndefined();
      values.set('a', one, 'looked for since before', at(9));
      expect(values.get('a', one)).toBeUndefined();
      values.set('a', one, 'y', at(11));
      expect(values.get('a', one)).toMatchObject({ value: 'y' });
    });
  });
});

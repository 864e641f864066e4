/** How long the end of a session is waited for, where the time of day is set while it is. */
import { expect, test } from 'vitest';
import { inTimeOf, machineClock } from '../clock/clock.ts';
import type { Platform } from '../platform/client.ts';
import { endSession } from './end.ts';

const hourMs = 3_600_000;

/** A platform at which a session goes on for so many looks after its interruption; each look sets the time of day. */
function goingOn(looks: number, set: () => void): Platform {
  let left = looks;
  const sessions = {
    interrupt: async () => {},
    async retrieve() {
      set();
      left -= 1;
      return { status: left > 0 ? 'running' : 'idle', archived_at: null };
    },
    archive: async () => ({ archived_at: '2026-11-30T10:00:00Z' }),
  };
  return { sessions } as unknown as Platform;
}

test.each([
  ['forward', hourMs],
  ['back', -hourMs],
])('a clock that is set %s ends no wait, and makes none longer', async (_way, byMs) => {
  let [ahead, waited] = [0, 0];
  const clock = {
    ...machineClock,
    now: () => new Date(Date.now() + ahead),
    monotonic: () => waited,
    pause: async (milliseconds: number) => {
      waited += milliseconds;
    },
  };
  const set = () => {
    ahead += byMs;
  };
  const session = { id: 'sesn_1', status: 'running' as const };
  const ended = await inTimeOf(clock, () => endSession(goingOn(3, set), session));
  expect(ended).toEqual({ interrupted: true, archivedAt: '2026-11-30T10:00:00Z' });
  const endless = inTimeOf(clock, () => endSession(goingOn(10_000, set), session));
  await expect(endless).rejects.toMatchObject({ code: 'timed_out' });
  expect(waited).toBeLessThan(hourMs);
});

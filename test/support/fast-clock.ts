import { type Clock, machineClock } from '../../internal/clock/clock.ts';

const tickMs = 5;

/**
 * Time in which pauses are so many times as short. It goes no faster than this process: it moves in ticks, so that whoever
 * waits long on a busy machine is not told that time has passed in which nothing could happen. The time of day and the limits
 * on what is outside stay those of this machine: a server has no less time to answer.
 */
export function fastClock(times: number): Clock {
  const sleepers = new Set<{ at: number; wake: () => void }>();
  let now = 0;
  setInterval(() => {
    now += tickMs * times;
    for (const { at, wake } of sleepers) if (at <= now) wake();
  }, tickMs).unref();
  return {
    ...machineClock,
    monotonic: () => now,
    pause: (milliseconds, signal) =>
      new Promise((resolve) => {
        const wake = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleeper = { at: now + milliseconds, wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', wake, { once: true });
        if (signal?.aborted) wake();
      }),
  };
}

import { type Clock, machineClock } from '../../internal/clock/clock.ts';

/** Time that stands still until a test lets some pass: what is to happen meanwhile happens in its order, however busy the machine is. */
export interface HandClock extends Clock {
  /** Lets so many milliseconds pass. Whatever is done at its moment runs in the time of whoever calls this. */
  pass(milliseconds: number): void;
}

/** At its beginning. The time of day stays that of this machine. */
export function handClock(): HandClock {
  let now = 0;
  const awaited = new Set<{ at: number; act: () => void }>();
  return {
    ...machineClock,
    monotonic: () => now,
    after(milliseconds, act) {
      const one = { at: now + milliseconds, act };
      awaited.add(one);
      return () => void awaited.delete(one);
    },
    pass(milliseconds) {
      const until = now + milliseconds;
      for (;;) {
        const [next] = [...awaited].filter(({ at }) => at <= until).sort((one, other) => one.at - other.at);
        if (next === undefined) break;
        awaited.delete(next);
        now = next.at;
        next.act();
      }
      now = until;
    },
  };
}

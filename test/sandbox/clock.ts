/** An instant as the callers of a {@link Clock} have it at hand. */
export type Instant = Date | number | string;

/** The time of the sandbox, which tests can move. Numbers are milliseconds since the epoch. */
export interface Clock {
  now(): number;
  /** The current instant in RFC 3339, as API objects carry it. */
  timestamp(): string;
  advance(milliseconds: number): void;
  set(instant: Instant): void;
}

/** Creates a clock that follows the time of day, shifted by whatever it was moved. */
export function runningClock(): Clock {
  let shift = 0;
  return clockOf(
    () => Date.now() + shift,
    (target) => {
      shift = target - Date.now();
    },
  );
}

/** Creates a clock that stands still at `instant` until it is moved, for output that must not vary. */
export function standingClock(instant: Instant): Clock {
  let current = millisecondsOf(instant);
  return clockOf(
    () => current,
    (target) => {
      current = target;
    },
  );
}

function clockOf(now: () => number, move: (target: number) => void): Clock {
  return {
    now,
    timestamp: () => new Date(now()).toISOString(),
    advance: (milliseconds) => move(now() + milliseconds),
    set: (instant) => move(millisecondsOf(instant)),
  };
}

function millisecondsOf(instant: Instant): number {
  const milliseconds = new Date(instant).getTime();
  if (Number.isNaN(milliseconds)) throw new RangeError(`not an instant: ${JSON.stringify(instant)}`);
  return milliseconds;
}

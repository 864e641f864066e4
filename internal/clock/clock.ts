/**
 * The one place that reads the time and waits. A run has its clock as it has its secrets: whoever starts it may give one,
 * and everything that is done inside it follows that one; without, the time of this machine is meant.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** The time that a run follows. */
export interface Clock {
  /** The time of day. */
  now(): Date;
  /** Milliseconds from any beginning, which nobody sets back. */
  monotonic(): number;
  /** Waits, shorter when the signal is aborted; never fails. */
  pause(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Aborted with a `TimeoutError` when the time is over. Alone it keeps no process alive. */
  deadline(milliseconds: number): AbortSignal;
  /** Does something later, unless what it returns is called before. Alone it keeps no process alive. */
  after(milliseconds: number, act: () => void): () => void;
}

/** The time of this machine. */
export const machineClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  pause: (milliseconds, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const over = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', over);
        resolve();
      };
      const timer = setTimeout(over, milliseconds);
      signal?.addEventListener('abort', over, { once: true });
    }),
  deadline: (milliseconds) => AbortSignal.timeout(milliseconds),
  after(milliseconds, act) {
    const timer = setTimeout(act, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};

const ofRun = new AsyncLocalStorage<Clock>();

/** Does work in the time of another clock than this machine's. */
export function inTimeOf<Result>(clock: Clock, work: () => Result): Result {
  return ofRun.run(clock, work);
}

/** The clock of the run that is under way here. */
export const clock: Clock = {
  now: () => theirs().now(),
  monotonic: () => theirs().monotonic(),
  pause: (milliseconds, signal) => theirs().pause(milliseconds, signal),
  deadline: (milliseconds) => theirs().deadline(milliseconds),
  after: (milliseconds, act) => theirs().after(milliseconds, act),
};

/** Lets everything else have a turn: whoever only computes can be interrupted between two turns. */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function theirs(): Clock {
  return ofRun.getStore() ?? machineClock;
}

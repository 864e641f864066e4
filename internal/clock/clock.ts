import { pause } from './pause.ts';

/** The time that waits follow. */
export interface Clock {
  /** Milliseconds from any beginning. */
  now(): number;
  /** Waits, shorter when the signal is aborted; never fails. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** The time of this machine. */
export const machineClock: Clock = { now: () => performance.now(), pause };

/** What was shown a short while ago, so that what counts once does not count twice. */
import { clock } from '../clock/clock.ts';
import { longestWay } from './logout-token.ts';

/** How long something is remembered, and how much of it. */
export interface Remembering {
  forMs: number;
  most: number;
}

/** Values by an id. */
export interface Remembered<Value> {
  get(id: string): Value | undefined;
  /** False where there is no place for another one. */
  set(id: string, value: Value): boolean;
  delete(id: string): void;
}

/** Nothing yet. The longest ago is forgotten when its time is over, and never before. */
export function rememberedFor<Value>({ forMs, most }: Remembering): Remembered<Value> {
  const values = new Map<string, { value: Value; until: number }>();
  const forget = (time: number) => {
    for (const [id, { until }] of values) {
      if (until > time) break;
      values.delete(id);
    }
  };
  return {
    get(id) {
      forget(clock.now().getTime());
      return values.get(id)?.value;
    },
    set(id, value) {
      const time = clock.now().getTime();
      forget(time);
      // In the order of their ends.
      if (!values.delete(id) && values.size >= most) return false;
      values.set(id, { value, until: time + forMs });
      return true;
    },
    delete: (id) => void values.delete(id),
  };
}

/** What others tell counts once, whichever replica hears it. */
export interface HeardOnce {
  /** Whether it was not heard before; from now on it was. */
  isNew(id: string): Promise<boolean>;
  /** It could not be taken: the next time is a first one. */
  forget(id: string): Promise<void>;
}

/** Longer than anything that is told may be on its way, either way of our clock. */
export const heardMs: number = 2 * longestWay * 1000;
const mostHeard = 400_000;

/** What one replica has heard. Where there is no place for more, nothing is new. */
export function heardHere(): HeardOnce {
  const heard = rememberedFor<true>({ forMs: heardMs, most: mostHeard });
  return {
    isNew: async (id) => heard.get(id) === undefined && heard.set(id, true),
    forget: async (id) => heard.delete(id),
  };
}

/** What was shown a short while ago, so that what counts once does not count twice. */
import { clock } from '../clock/clock.ts';

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

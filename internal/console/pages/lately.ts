/**
 * What was found out of late that takes long to find out: a page shows it at once, with its time, and what is so now comes in a
 * second request. One process remembers it, for a while; whose page shows what is asked anew each time.
 */
import { clock } from '../../clock/clock.ts';
import type { Configuration } from '../../config/definitions.ts';
import { rememberedFor } from '../remembered.ts';

/** Something with the time at which it was so. */
export interface Lately<Value> {
  value: Value;
  at: Date;
}

/** Values of one kind. */
export interface Latest<Value> {
  /** What was found out by the rules that count now; undefined for what was found out before those. */
  get(id: string, configuration: Configuration): Lately<Value> | undefined;
  /** `at`: when it began to be found out. What was forgotten since is not remembered. */
  set(id: string, configuration: Configuration, value: Value, at: Date): void;
  /** They are others now. */
  forget(): void;
}

/** None yet. */
export function latest<Value>(forMs: number, most: number): Latest<Value> {
  const open = () => rememberedFor<Lately<Value> & { configuration: Configuration }>({ forMs, most });
  let values = open();
  let forgottenAt = 0;
  return {
    get(id, configuration) {
      const found = values.get(id);
      return found?.configuration === configuration ? found : undefined;
    },
    set(id, configuration, value, at) {
      if (at.getTime() > forgottenAt) values.set(id, { value, at, configuration });
    },
    forget() {
      values = open();
      forgottenAt = clock.now().getTime();
    },
  };
}

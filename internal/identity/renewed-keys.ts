/** The keys of an issuer for as long as a process serves: asked for again from time to time. */
import { errors } from 'jose';
import { clock } from '../clock/clock.ts';
import type { IssuerKeys } from './issuer-keys.ts';

/** How long keys count without being asked for again: so late one that was withdrawn still does. */
const goodForMs = 10 * 60_000;
/** How often a token can have us ask again. */
const soonestMs = 30_000;

interface Known {
  /** From when these keys are, and when others were looked for last. */
  at: number;
  askedAt: number;
  keys: Promise<IssuerKeys>;
}

/** The keys that `look` finds, as they are now; newer ones where a token names one that nobody knows yet. Using them throws what looking throws. */
export function renewedKeys(look: () => Promise<IssuerKeys>): IssuerKeys {
  let last: Known | undefined;
  const find = async (): Promise<IssuerKeys> => {
    const keys = await look();
    // Metadata without keys is nothing to remember: the next one asks again.
    await keys.current();
    return keys;
  };
  const now = (): Known => {
    const time = clock.monotonic();
    if (last !== undefined && time - last.at < goodForMs) return last;
    const asked = { at: time, askedAt: time, keys: find() };
    asked.keys.catch(() => {
      if (last === asked) last = undefined;
    });
    last = asked;
    return asked;
  };
  /** Newer ones than those. Where there are none to be had those go on: a token with a made-up key takes them from nobody. */
  const newerThan = async (used: Known): Promise<IssuerKeys> => {
    const current = now();
    if (current !== used) return await current.keys;
    const time = clock.monotonic();
    const found = find();
    const renewed = { at: used.at, askedAt: time, keys: found.catch(() => used.keys) };
    last = renewed;
    const keys = await found;
    renewed.at = time;
    return keys;
  };
  return {
    current: async () => await (await now().keys).current(),
    async verify(token, options) {
      const used = now();
      try {
        return await (await used.keys).verify(token, options);
      } catch (error) {
        const isNew = error instanceof errors.JWKSNoMatchingKey;
        if (!isNew || clock.monotonic() - used.askedAt < soonestMs) throw error;
        return await (await newerThan(used)).verify(token, options);
      }
    },
  };
}

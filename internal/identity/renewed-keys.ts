/** The keys of an issuer for as long as a process serves: asked for again from time to time. */
import { errors } from 'jose';
import { clock } from '../clock/clock.ts';
import type { IssuerKeys } from './issuer-keys.ts';

/** How long keys count without being asked for again: so late one that was withdrawn still does. */
const goodForMs = 10 * 60_000;
/** From then on they are asked for beside what goes on, so that nobody waits for an issuer that is slow. */
const renewAfterMs = 9 * 60_000;
/** How often a token can have us ask again. */
const soonestMs = 30_000;

interface Known {
  /** From when these keys are, and when others were looked for last. */
  at: number;
  askedAt: number;
  keys: Promise<IssuerKeys>;
  /** The look for others that goes on. Whoever shows a key that is known does not wait for it. */
  looking?: Promise<IssuerKeys> | undefined;
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
    if (last !== undefined && time - last.at < goodForMs) {
      if (time - last.at >= renewAfterMs) newerThan(last)?.catch(() => {});
      return last;
    }
    const asked = { at: time, askedAt: time, keys: find() };
    asked.keys.catch(() => {
      if (last === asked) last = undefined;
    });
    last = asked;
    return asked;
  };
  /**
   * Newer ones than those, by the look that goes on or by one that begins; undefined where there was one lately. Where there are
   * none to be had those go on: a token with a made-up key takes them from nobody.
   */
  const newerThan = (used: Known): Promise<IssuerKeys> | undefined => {
    if (last !== undefined && last !== used) return last.looking ?? last.keys;
    const time = clock.monotonic();
    if (used.looking !== undefined || time - used.askedAt < soonestMs) return used.looking;
    const found = find();
    used.askedAt = time;
    used.looking = found;
    found.then(
      () => {
        if (last === used) last = { at: time, askedAt: time, keys: found };
      },
      () => {
        used.looking = undefined;
      },
    );
    return found;
  };
  return {
    current: async () => await (await now().keys).current(),
    async verify(token, options) {
      const used = now();
      try {
        return await (await used.keys).verify(token, options);
      } catch (error) {
        const newer = error instanceof errors.JWKSNoMatchingKey ? newerThan(used) : undefined;
        if (newer === undefined) throw error;
        return await (await newer).verify(token, options);
      }
    },
  };
}

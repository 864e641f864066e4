/** The keys of the issuers that the configuration names, asked for again from time to time. */
import { errors } from 'jose';
import { clock } from '../clock/clock.ts';
import type { IssuerKeys } from '../identity/issuer-keys.ts';
import { findProvider, type SsoIdentity } from '../identity/sso-provider.ts';
import { findWorkloadIssuer } from '../identity/workload-issuer.ts';
import type { Fetch } from '../outside/http.ts';
import type { Stores } from '../stores/kept-text.ts';

/** The keys of an issuer as they are now; newer ones where a token names one that nobody knows yet. */
export type KeysOf = (issuer: KnownIssuer) => IssuerKeys;

/** An issuer of people, or one of jobs. */
export type KnownIssuer = SsoIdentity | string;

/** What a console asks issuers with. */
export interface IssuerDoor {
  /** The transport for what the configuration names now. */
  fetch(): Promise<Fetch>;
  stores: Pick<Stores, 'issuerKeys'>;
}

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

/** The keys of one console. Using them throws what asking throws: without keys nobody is anybody. */
export function issuers({ fetch, stores }: IssuerDoor): KeysOf {
  const known = new Map<string, Known>();
  return (issuer) => {
    const name = typeof issuer === 'string' ? `job ${issuer}` : `person ${issuer.issuer}`;
    const find = async (): Promise<IssuerKeys> => {
      const keys =
        typeof issuer === 'string'
          ? await findWorkloadIssuer(issuer, await fetch())
          : (await findProvider(issuer, await fetch(), stores.issuerKeys)).keys;
      // Metadata without keys is nothing to remember: the next one asks again.
      await keys.current();
      return keys;
    };
    const now = (): Known => {
      const last = known.get(name);
      const time = clock.monotonic();
      if (last !== undefined && time - last.at < goodForMs) return last;
      const asked = { at: time, askedAt: time, keys: find() };
      asked.keys.catch(() => known.get(name) === asked && known.delete(name));
      known.set(name, asked);
      return asked;
    };
    /** Newer ones than those. Where there are none to be had those go on: a token with a made-up key takes them from nobody. */
    const newerThan = async (used: Known): Promise<IssuerKeys> => {
      const last = now();
      if (last !== used) return await last.keys;
      const time = clock.monotonic();
      const found = find();
      const renewed = { at: used.at, askedAt: time, keys: found.catch(() => used.keys) };
      known.set(name, renewed);
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
  };
}

/** The keys of the issuers that the configuration names, asked for again from time to time. */
import { clock } from '../clock/clock.ts';
import { IdTokenRefused } from '../identity/id-token.ts';
import type { IssuerKeys } from '../identity/issuer-keys.ts';
import { findProvider, type SsoIdentity } from '../identity/sso-provider.ts';
import { findWorkloadIssuer } from '../identity/workload-issuer.ts';
import type { Fetch } from '../outside/http.ts';
import type { Stores } from '../stores/kept-text.ts';

/** Judges with the keys of an issuer; with newer ones where it names one that nobody knows yet. */
export type WithKeys = <Result>(issuer: KnownIssuer, judge: (keys: IssuerKeys) => Promise<Result>) => Promise<Result>;

/** An issuer of people, or one of jobs. */
export type KnownIssuer = SsoIdentity | string;

/** What a console asks issuers with. */
export interface IssuerDoor {
  fetch: Fetch;
  stores: Pick<Stores, 'issuerKeys'>;
}

/** How long keys count without being asked for again: so late one that was withdrawn still does. */
const goodForMs = 10 * 60_000;
/** How often a token can have us ask again. */
const soonestMs = 30_000;

interface Known {
  at: number;
  keys: Promise<IssuerKeys>;
}

/** The keys of one console. Throws what asking throws: without keys nobody is anybody. */
export function issuers({ fetch, stores }: IssuerDoor): WithKeys {
  const known = new Map<string, Known>();
  const ask = (issuer: KnownIssuer): Known => {
    const name = typeof issuer === 'string' ? `job ${issuer}` : `person ${issuer.issuer}`;
    const keys =
      typeof issuer === 'string'
        ? findWorkloadIssuer(issuer, fetch)
        : findProvider(issuer, fetch, stores.issuerKeys).then((provider) => provider.keys);
    const asked = { at: clock.monotonic(), keys };
    // What failed is asked for again by the next one.
    keys.catch(() => known.get(name) === asked && known.delete(name));
    known.set(name, asked);
    return asked;
  };
  return async (issuer, judge) => {
    const name = typeof issuer === 'string' ? `job ${issuer}` : `person ${issuer.issuer}`;
    const before = known.get(name);
    const used = before !== undefined && clock.monotonic() - before.at < goodForMs ? before : ask(issuer);
    try {
      return await judge(await used.keys);
    } catch (error) {
      const isNew = error instanceof IdTokenRefused && error.flaw === 'unknown_key';
      if (!isNew || clock.monotonic() - used.at < soonestMs) throw error;
      return await judge(await ask(issuer).keys);
    }
  };
}

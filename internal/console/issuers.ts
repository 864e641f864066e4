/** The keys of the issuers that the configuration names, asked for again from time to time. */
import type { IssuerKeys } from '../identity/issuer-keys.ts';
import { renewedKeys } from '../identity/renewed-keys.ts';
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

/** The keys of one console. Using them throws what asking throws: without keys nobody is anybody. */
export function issuers({ fetch, stores }: IssuerDoor): KeysOf {
  const known = new Map<string, IssuerKeys>();
  return (issuer) => {
    const name = typeof issuer === 'string' ? `job ${issuer}` : `person ${issuer.issuer}`;
    const keys =
      known.get(name) ??
      renewedKeys(async () =>
        typeof issuer === 'string'
          ? await findWorkloadIssuer(issuer, await fetch())
          : (await findProvider(issuer, await fetch(), stores.issuerKeys)).keys,
      );
    known.set(name, keys);
    return keys;
  };
}

/** The public keys of an issuer, as it publishes them now. They are fetched by every run that verifies something. */
import { createLocalJWKSet, errors, type FlattenedJWSInput, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';
import { AppError } from '../errors/app-error.ts';
import { readJson } from '../oauth/json.ts';
import type { Fetch } from '../outside/http.ts';
import { quote } from '../text/quote.ts';

type Key = Awaited<ReturnType<ReturnType<typeof createLocalJWKSet>>>;

/** The keys of one issuer in one run. */
export interface IssuerKeys {
  /** The key that a token names. One that is not there is looked for once more at the issuer: it may be new. */
  find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<Key>;
  /** The keys that were looked at last. */
  current(): Promise<JSONWebKeySet>;
}

/**
 * The keys at an address that the judged metadata of the issuer names, and nothing else: whoever could choose it, or put
 * keys beside it, could say who somebody is (P2).
 *
 * @param early what was asked of that very address before, while the metadata was on its way
 */
export function issuerKeys(jwksUri: string, fetch: Fetch, early?: Promise<JSONWebKeySet>): IssuerKeys {
  let keys = early?.catch(() => fetchKeys(jwksUri, fetch)) ?? fetchKeys(jwksUri, fetch);
  keys.catch(() => {});
  let asked = false;
  return {
    current: () => keys,
    async find(header, token) {
      const found = async () => await createLocalJWKSet(await keys)(header, token);
      try {
        return await found();
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey) || asked) throw error;
        asked = true;
        keys = fetchKeys(jwksUri, fetch);
        return await found();
      }
    },
  };
}

/** More than any issuer publishes. */
const mostKeys = 100;

/** The key set at an address. Throws `service_metadata`, or what the transport throws. */
export async function fetchKeys(jwksUri: string, fetch: Fetch): Promise<JSONWebKeySet> {
  const accept = 'application/json, application/jwk-set+json';
  const keys = (await readJson(await fetch(jwksUri, { headers: { accept } })))?.['keys'];
  const good = Array.isArray(keys) && keys.length <= mostKeys && keys.every(isKey);
  if (!good)
    throw new AppError('service_metadata', `${quote(jwksUri)} publishes no keys that tokens can be verified with`);
  return { keys };
}

function isKey(value: unknown): value is JSONWebKeySet['keys'][number] {
  return typeof value === 'object' && value !== null && 'kty' in value && typeof value.kty === 'string';
}

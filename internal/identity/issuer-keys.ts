/** The public keys of an issuer, as it publishes them now. They are fetched by every run that verifies something. */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { AppError } from '../errors/app-error.ts';
import { askFollowing, movedElsewhere, readJson } from '../oauth/json.ts';
import type { Fetch } from '../outside/http.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';

type Key = JSONWebKeySet['keys'][number];

/** The keys of one issuer in one run. */
export interface IssuerKeys {
  /**
   * The claims of a token that one of the keys has signed and that is as the options say. A key that is not there is looked
   * for once more at the issuer: it may be new. Throws as jose does, and what fetching the keys throws.
   */
  verify(token: string, options: JWTVerifyOptions): Promise<JWTPayload>;
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
  const verify = async (token: string, options: JWTVerifyOptions): Promise<JWTPayload> => {
    let failure: unknown;
    // One at a time: of several under one name, or under none, any may be meant, and a bad one is not in the way of another.
    for (const key of (await keys).keys) {
      try {
        return (await jwtVerify(token, createLocalJWKSet({ keys: [key] }), options)).payload;
      } catch (error) {
        if (error instanceof errors.JWKSNoMatchingKey) continue;
        // What the token says is wrong with every key; what a key is, or has not signed, with this one alone.
        if (isOfTheToken(error)) throw error;
        failure = error;
      }
    }
    throw failure ?? new errors.JWKSNoMatchingKey();
  };
  return {
    current: () => keys,
    async verify(token, options) {
      try {
        return await verify(token, options);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey) || asked) throw error;
        asked = true;
        // Those that are there go on where newer ones cannot be had.
        const newer = await fetchKeys(jwksUri, fetch);
        keys = Promise.resolve(newer);
        return await verify(token, options);
      }
    },
  };
}

function isOfTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWTClaimValidationFailed ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid
  );
}

/** Some publish certificates beside each key. */
const largestSetBytes = 8 * 1024 * 1024;

/**
 * The key set at an address: of each entry what a public key is made of, and no entry that is none. Throws
 * `service_metadata` where there are only such, or no set, or what the transport throws.
 */
export async function fetchKeys(jwksUri: string, fetch: Fetch): Promise<JSONWebKeySet> {
  const accept = 'application/json, application/jwk-set+json';
  const followed = await askFollowing(fetch, jwksUri, { headers: { accept }, largestBytes: largestSetBytes });
  const { response, elsewhere } = followed;
  const { status } = response;
  const entries = (await readJson(response))?.['keys'];
  if (elsewhere !== undefined) {
    const hint = 'have the metadata of the issuer name that address itself (jwks_uri), or keep the keys where it says';
    throw movedElsewhere('the key set', followed, hint);
  }
  if (status !== 200) {
    throw new AppError('service_metadata', `${quote(jwksUri)} answered ${status}, and no keys to verify tokens with`, {
      hint: 'try again later; nothing that is kept was lost',
    });
  }
  const keys = Array.isArray(entries) ? distinct(entries.flatMap(publicKeyOf)) : [];
  if (keys.length > 0 || (Array.isArray(entries) && entries.length === 0)) return { keys };
  throw new AppError('service_metadata', `${quote(jwksUri)} publishes no keys that tokens can be verified with`, {
    hint: `${Array.isArray(entries) ? `of ${entries.length} entries in "keys" none is a public key with a "kty"` : 'there is no list "keys"'}; tell whoever runs the identity provider`,
  });
}

/** What a public key for signatures may say (RFC 7517 section 4, RFC 7518 section 6). */
const textMembers = ['kty', 'kid', 'use', 'alg', 'n', 'e', 'crv', 'x', 'y'] as const;

/** The parts of a key that only its owner has: whoever publishes them lets anybody sign. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

function publicKeyOf(entry: unknown): Key[] {
  if (!isRecord(entry) || typeof entry['kty'] !== 'string') return [];
  if (privateMembers.some((name) => Object.hasOwn(entry, name))) return [];
  const said = textMembers.filter((name) => entry[name] !== undefined && entry[name] !== null);
  if (!said.every((name) => typeof entry[name] === 'string')) return [];
  const { key_ops: uses } = entry;
  if (Array.isArray(uses) && !uses.includes('verify')) return [];
  return [Object.fromEntries(said.map((name) => [name, entry[name]])) as Key];
}

function distinct(keys: readonly Key[]): Key[] {
  return [...new Map(keys.map((key) => [JSON.stringify(key), key])).values()];
}

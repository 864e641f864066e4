/**
 * The public keys of an issuer. A set is asked for again when it is old or does not have a key, at most once in a while; when
 * that fails the last good one counts for a bounded time. A library's own cache drops every key at one failed refresh, which
 * would make each outage of a static host one of all servers.
 */
import type { webcrypto } from 'node:crypto';
import { calculateJwkThumbprint, importJWK, type JWK } from 'jose';
import type { Algorithm } from './claims.ts';
import { type Asking, readRemoteText, Unavailable } from './remote-text.ts';

/** A key that verifies. */
export type VerifyingKey = webcrypto.CryptoKey;

/** Where keys come from. */
export interface KeySource {
  /** The key of a name, undefined where the set has none. Throws {@link Unavailable} where no set can be had. */
  find(kid: string): Promise<VerifyingKey | undefined> | VerifyingKey | undefined;
}

/** Which keys of a set count. */
export interface KeyRules {
  algorithm: Algorithm;
  /** Whether a name has to be the thumbprint of its key (RFC 7638). */
  named: 'by thumbprint' | 'freely';
}

/** Which times a remote set goes by, in seconds. */
export interface KeyTimes {
  /** A set is asked for again after this. */
  fresh: number;
  /** Two requests are at least so far apart, whatever tokens say. */
  cooldown: number;
  /** How long a set counts that could not be asked for again. */
  lastGood: number;
}

const mostKeys = 64;
const mostBytes = 64 * 1024;

/** The keys of a set that count, by name. A name that two keys have is nobody's. */
async function readKeySet(value: unknown, rules: KeyRules): Promise<Map<string, VerifyingKey>> {
  const list: unknown = typeof value === 'object' && value !== null ? (value as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(list) || list.length > mostKeys) throw new Unavailable('that is no set of keys');
  const found = new Map<string, VerifyingKey>();
  const twice = new Set<string>();
  for (const each of list as readonly unknown[]) {
    const key = await readKey(each, rules);
    if (key === undefined) continue;
    if (found.has(key.kid)) twice.add(key.kid);
    found.set(key.kid, key.key);
  }
  for (const kid of twice) found.delete(kid);
  if (found.size === 0) throw new Unavailable('there is no key that counts in the set');
  return found;
}

/** One key with its name; undefined for one that does not count. */
async function readKey(
  value: unknown,
  { algorithm, named }: KeyRules,
): Promise<{ kid: string; key: VerifyingKey } | undefined> {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kty, crv, x, y, kid, alg, use, d, key_ops: operations } = value as Record<string, unknown>;
  // A private part that was published belongs to everybody.
  if (d !== undefined || typeof kid !== 'string' || kid === '' || typeof x !== 'string') return undefined;
  if (alg !== algorithm || (use !== undefined && use !== 'sig')) return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined;
  const wanted = algorithm === 'EdDSA' ? ['OKP', 'Ed25519'] : ['EC', 'P-256'];
  if (kty !== wanted[0] || crv !== wanted[1] || (algorithm === 'ES256') !== (typeof y === 'string')) return undefined;
  const jwk = { kty, crv, x, ...(algorithm === 'ES256' ? { y } : {}) } as JWK;
  try {
    if (named === 'by thumbprint' && (await calculateJwkThumbprint(jwk)) !== kid) return undefined;
    const key = await importJWK(jwk, algorithm);
    return key instanceof Uint8Array ? undefined : { kid, key };
  } catch {
    // A point that is not on its curve, or no base64url.
    return undefined;
  }
}

/** Keys that were given, and do not change. */
export function givenKeys(value: unknown, rules: KeyRules): KeySource {
  const reading = readKeySet(value, rules);
  reading.catch(() => {});
  let keys: Map<string, VerifyingKey> | undefined;
  return {
    find(kid) {
      if (keys !== undefined) return keys.get(kid);
      return reading.then((read) => {
        keys = read;
        return read.get(kid);
      });
    },
  };
}

/** Keys that are asked for. */
export function remoteKeys(address: string, rules: KeyRules, times: KeyTimes, asking: Asking): KeySource {
  let keys: Map<string, VerifyingKey> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;
  const seconds = () => asking.now() / 1000;
  const since = (at: number) => {
    const passed = seconds() - at;
    // A clock that was set back says nothing of how old something is.
    return passed < 0 ? Number.POSITIVE_INFINITY : passed;
  };
  const ask = async () => {
    const text = await readRemoteText(address, asking, 'application/jwk-set+json, application/json', mostBytes);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new Unavailable(`${address} is no JSON`);
    }
    keys = await readKeySet(value, rules);
    readAt = seconds();
  };
  const refresh = async () => {
    if (underWay === undefined) {
      if (since(askedAt) < times.cooldown) return;
      underWay = ask().finally(() => {
        // From the end on: a host that lets everybody wait would be asked without a pause.
        askedAt = seconds();
        underWay = undefined;
      });
    }
    // What fails is judged by how old the last good set is.
    await underWay.catch(() => {});
  };
  const look = async (kid: string) => {
    if (keys?.has(kid) !== true || since(readAt) >= times.fresh) await refresh();
    if (keys === undefined || since(readAt) >= times.fresh + times.lastGood) {
      throw new Unavailable(`the keys at ${address} cannot be had`);
    }
    return keys.get(kid);
  };
  return {
    find(kid) {
      const key = since(readAt) < times.fresh ? keys?.get(kid) : undefined;
      return key ?? look(kid);
    },
  };
}

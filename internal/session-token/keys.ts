/**
 * The keys that session tokens are signed with: which one signs now, which are published, and which may go. A key is named by
 * its thumbprint (RFC 7638), is published long before it signs, and stays for as long as anything that it has signed can count:
 * what was issued is taken back by the status list and never by taking a key away.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { AppError } from '../errors/app-error.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import type { Algorithm } from '../verify/claims.ts';

/** A public key with when it begins to sign. */
export interface TokenKey {
  kid: string;
  alg: Algorithm;
  /** Without name and algorithm. */
  jwk: { kty: 'OKP'; crv: 'Ed25519'; x: string } | { kty: 'EC'; crv: 'P-256'; x: string; y: string };
  /** RFC 3339. */
  signsFrom: string;
}

/** A key and its private half as a JWK in JSON. */
export interface NewTokenKey {
  key: TokenKey;
  privateKey: Secret;
}

/**
 * So long before its first use a new key is published at least, in seconds: libraries keep a set for ten minutes, and what
 * delivers files for as long as it likes.
 */
export const shortestNoticeSeconds = 3600;
/** The longest that what a key has signed can count after another key signs: a status list. */
export const statusListSeconds = 3600;
/** How far clocks may be apart, as verifiers take it at most, and some more. */
const skewSeconds = 300;

/** Makes a key that signs from some time on. */
export async function newTokenKey(alg: Algorithm, signsFrom: Date): Promise<NewTokenKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, {
    extractable: true,
    ...(alg === 'EdDSA' && { crv: 'Ed25519' }),
  });
  const key = await tokenKey(await exportJWK(publicKey), alg, signsFrom);
  const { d } = await exportJWK(privateKey);
  return { key, privateKey: new Secret(JSON.stringify({ ...key.jwk, kid: key.kid, alg, d })) };
}

/** The public half of a key that another program holds. Throws `token_key` for what is none, or holds a private part. */
export async function givenTokenKey(text: string, alg: Algorithm, signsFrom: Date): Promise<TokenKey> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!isRecord(value)) throw unusable('that is no public key (JWK)');
  if (value['d'] !== undefined) throw unusable('that is a private key; the public half alone is published');
  return await tokenKey(value as JWK, alg, signsFrom);
}

/** Imports and exports it again: two spellings of one key would be two names. */
async function tokenKey(given: JWK, alg: Algorithm, signsFrom: Date): Promise<TokenKey> {
  try {
    const { kty, crv, x, y } = given;
    const imported = await importJWK({ kty, crv, x, y, ext: true } as JWK, alg);
    if (imported instanceof Uint8Array) throw unusable('that is a secret, and no key pair');
    const jwk = await exportJWK(imported);
    const plain = plainKey(jwk, alg);
    if (plain === undefined) throw unusable(`that is no key for ${alg}`);
    return { kid: await calculateJwkThumbprint(plain), alg, jwk: plain, signsFrom: signsFrom.toISOString() };
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw unusable(`that is no key for ${alg}`);
  }
}

function plainKey({ kty, crv, x, y }: Record<string, unknown>, alg: Algorithm): TokenKey['jwk'] | undefined {
  if (typeof x !== 'string') return undefined;
  if (alg === 'EdDSA') return kty === 'OKP' && crv === 'Ed25519' ? { kty, crv, x } : undefined;
  return kty === 'EC' && crv === 'P-256' && typeof y === 'string' ? { kty, crv, x, y } : undefined;
}

/** The key that signs at a time: the one that began last. Undefined before any has. */
export function signingKey(keys: readonly TokenKey[], alg: Algorithm, now: Date): TokenKey | undefined {
  const begun = keys.filter((key) => key.alg === alg && Date.parse(key.signsFrom) <= now.getTime());
  return begun.toSorted((one, other) => Date.parse(other.signsFrom) - Date.parse(one.signsFrom))[0];
}

/**
 * When a key may go, in milliseconds since 1970; undefined while no key of the algorithm that is used now comes after it. One of
 * another algorithm signs no more since the configuration changed, which was before the key after it was made.
 */
export function mayGoAt(
  keys: readonly TokenKey[],
  { kid, signsFrom }: TokenKey,
  algorithm: Algorithm,
): number | undefined {
  const after = keys.filter(
    (key) => key.kid !== kid && key.alg === algorithm && Date.parse(key.signsFrom) > Date.parse(signsFrom),
  );
  if (after.length === 0) return undefined;
  const replacedAt = Math.min(...after.map((key) => Date.parse(key.signsFrom)));
  return replacedAt + (statusListSeconds + skewSeconds) * 1000;
}

/** The set as it is published (RFC 7517). */
export function keySetText(keys: readonly TokenKey[]): string {
  const published = keys.map(({ jwk, kid, alg }) => ({ ...jwk, kid, alg, use: 'sig' }));
  return `${JSON.stringify({ keys: published }, null, 2)}\n`;
}

/** The reviewed file: the set as it is published, and when each of its keys begins to sign. */
export function formatKeys(keys: readonly TokenKey[]): string {
  const kept = keys.map(({ jwk, kid, alg, signsFrom }) => ({
    ...jwk,
    kid,
    alg,
    use: 'sig',
    mai_signs_from: signsFrom,
  }));
  return `${JSON.stringify({ keys: kept }, null, 2)}\n`;
}

/** Reads such a file. Throws `config_invalid`, also for a key whose name is not its thumbprint. */
export async function parseKeys(text: string, path: string): Promise<TokenKey[]> {
  const invalid = (why: string) =>
    new AppError('config_invalid', `${quote(path)}: ${why}`, { hint: 'restore it from version control' });
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch {
    throw invalid(/^(<{7}|={7}|>{7})/m.test(text) ? 'it holds merge conflict markers' : 'it is not JSON');
  }
  const list = isRecord(whole) ? whole['keys'] : undefined;
  if (!Array.isArray(list)) throw invalid('it is no set of keys');
  const keys: TokenKey[] = [];
  for (const each of list as readonly unknown[]) {
    const { kid, alg, d, mai_signs_from: from, ...jwk } = isRecord(each) ? each : {};
    if (d !== undefined) throw invalid('a private key is in it, which belongs to everybody now');
    const known = alg === 'EdDSA' || alg === 'ES256' ? alg : undefined;
    const plain = known && plainKey(jwk, known);
    if (known === undefined || plain === undefined || typeof from !== 'string' || Number.isNaN(Date.parse(from))) {
      throw invalid(`the key ${quote(kid ?? '')} is none for session tokens`);
    }
    if (kid !== (await calculateJwkThumbprint(plain)))
      throw invalid(`${quote(kid ?? '')} is not the thumbprint of its key`);
    if (keys.some((key) => key.kid === kid)) throw invalid(`the key ${quote(kid)} is in it twice`);
    keys.push({ kid, alg: known, jwk: plain, signsFrom: from });
  }
  return keys;
}

function unusable(why: string): AppError {
  return new AppError('token_key', why);
}

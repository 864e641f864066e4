/**
 * A sign-in between two runs, as text: what the identity provider issued and what it takes to verify that again. Whoever
 * can write it gains nothing by that: no run believes it before it was verified like any other (P2).
 */
import { Secret } from '../secret/secret.ts';
import { longestIdToken } from './id-token.ts';

/** What is kept of a sign-in. */
export interface KeptSignIn {
  idToken: Secret;
  /** The nonce of the attempt that it came of; undefined for the device flow, which has none. */
  nonce: string | undefined;
  /** Whether a refresh brought the ID token, which may then leave the nonce out. */
  refreshed: boolean;
  refreshToken: Secret | undefined;
  /** What was asked for then; undefined for one that was kept before that was written down. */
  scopes: readonly string[] | undefined;
}

/** Said where a sign-in ends with its run. */
export const keptNowhere = 'nothing is kept between runs here: each command signs in by itself';

/** Refresh tokens are opaque; some are as long as an ID token. */
const longestRefreshToken = 8 * 1024;
const longestNonce = 256;
const version = 1;

/** The text of a sign-in. */
export function printKept({ idToken, nonce, refreshed, refreshToken, scopes }: KeptSignIn): Secret {
  return new Secret(
    JSON.stringify({
      version,
      id_token: idToken.reveal(),
      ...(nonce !== undefined && { nonce }),
      refreshed,
      ...(refreshToken !== undefined && { refresh_token: refreshToken.reveal() }),
      ...(scopes !== undefined && { scopes }),
    }),
  );
}

/** Reads what was kept; undefined for anything that was not written by us or is not whole. */
export function parseKept(text: Secret): KeptSignIn | undefined {
  let kept: Partial<Record<string, unknown>>;
  try {
    kept = (JSON.parse(text.reveal()) ?? {}) as typeof kept;
  } catch {
    return undefined;
  }
  const { id_token: idToken, nonce, refreshed, refresh_token: refreshToken, scopes } = kept;
  if (kept['version'] !== version || !isText(idToken, 2 * longestIdToken)) return undefined;
  if (typeof refreshed !== 'boolean') return undefined;
  if (nonce !== undefined && !isText(nonce, longestNonce)) return undefined;
  if (refreshToken !== undefined && !isText(refreshToken, longestRefreshToken)) return undefined;
  if (scopes !== undefined && !isScopes(scopes)) return undefined;
  return {
    idToken: new Secret(idToken),
    nonce,
    refreshed,
    scopes,
    refreshToken: refreshToken === undefined ? undefined : new Secret(refreshToken),
  };
}

/** Whether a refresh token can be kept. */
export function isKeepable(refreshToken: string | undefined): refreshToken is string {
  return isText(refreshToken, longestRefreshToken);
}

/** The scopes that are asked for now and were not then. */
export function scopesSince({ scopes = [] }: KeptSignIn, now: readonly string[]): string[] {
  return now.filter((scope) => !scopes.includes(scope));
}

function isScopes(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= 100 && value.every((scope) => isText(scope, 1024));
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= longest;
}

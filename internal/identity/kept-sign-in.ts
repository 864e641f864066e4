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
  /** The provider gave no other refresh token for this one: it may be shown as often as one likes. */
  steady?: boolean | undefined;
  /** When the person signed in, in seconds since 1970, as the first ID token said it: a renewed one can only be older. */
  authTime?: number | undefined;
  /** An ID token of before, signed like any other, that names groups where a renewed one leaves them out. */
  groupsToken?: Secret | undefined;
  /** What the groups are asked with, where they are not in the ID token. */
  accessToken?: Secret | undefined;
}

/** Said where a sign-in ends with its run. */
export const keptNowhere = 'nothing is kept between runs here: each command signs in by itself';

/** Refresh and access tokens are opaque; some are as long as an ID token. */
const longestOpaqueToken = 16 * 1024;
const longestNonce = 256;
const version = 1;

/** The text of a sign-in. */
export function printKept(kept: KeptSignIn): Secret {
  const { idToken, nonce, refreshed, refreshToken, scopes, steady, authTime, groupsToken, accessToken } = kept;
  return new Secret(
    JSON.stringify({
      version,
      id_token: idToken.reveal(),
      ...(nonce !== undefined && { nonce }),
      refreshed,
      ...(refreshToken !== undefined && { refresh_token: refreshToken.reveal() }),
      ...(scopes !== undefined && { scopes }),
      ...(steady === true && { steady }),
      ...(authTime !== undefined && { auth_time: authTime }),
      ...(groupsToken !== undefined && { groups_token: groupsToken.reveal() }),
      ...(accessToken !== undefined && { access_token: accessToken.reveal() }),
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
  if (refreshToken !== undefined && !isText(refreshToken, longestOpaqueToken)) return undefined;
  if (scopes !== undefined && !isScopes(scopes)) return undefined;
  const { steady, auth_time: authTime, groups_token: groupsToken, access_token: accessToken } = kept;
  if (authTime !== undefined && (typeof authTime !== 'number' || !Number.isFinite(authTime))) return undefined;
  if (groupsToken !== undefined && !isText(groupsToken, 2 * longestIdToken)) return undefined;
  if (accessToken !== undefined && !isText(accessToken, longestOpaqueToken)) return undefined;
  return {
    idToken: new Secret(idToken),
    nonce,
    refreshed,
    scopes,
    refreshToken: secretOf(refreshToken),
    steady: steady === true || undefined,
    authTime,
    groupsToken: secretOf(groupsToken),
    accessToken: secretOf(accessToken),
  };
}

/** Whether a refresh or access token can be kept. */
export function isKeepable(token: string | undefined): token is string {
  return isText(token, longestOpaqueToken);
}

/** The scopes that are asked for now and were not then. */
export function scopesSince({ scopes = [] }: KeptSignIn, now: readonly string[]): string[] {
  return now.filter((scope) => !scopes.includes(scope));
}

function secretOf(text: string | undefined): Secret | undefined {
  return text === undefined ? undefined : new Secret(text);
}

function isScopes(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= 100 && value.every((scope) => isText(scope, 1024));
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= longest;
}

/** The refresh of a single sign-on (OpenID Connect Core section 12). No service's tokens are ever refreshed here (P3). */
import * as openid from 'openid-client';
import type { AppError } from '../errors/app-error.ts';
import type { Secret } from '../secret/secret.ts';
import type { Announced } from '../stores/announced.ts';
import { type LibrarySetting, libraryConfiguration, type Tokens, tokenError } from './library.ts';

/** What became of a refresh token that was shown. */
export type Refreshed =
  | { kind: 'tokens'; tokens: Tokens }
  /** The server does not take it any more. */
  | { kind: 'refused'; error: AppError }
  /** It may have been spent: whatever came back, if anything did, is of no use. It must not be shown again. */
  | { kind: 'lost'; error: AppError };

/**
 * Shows a refresh token once. Never tried again: where tokens rotate, showing a spent one ends everything that came of
 * the sign-in (RFC 9700 section 4.14). Throws `interrupted`, `client_refused`, and what judging the ID token throws.
 */
export async function refreshSignIn(
  setting: LibrarySetting,
  refreshToken: Secret,
  _announced: Announced,
): Promise<Refreshed> {
  try {
    const tokens = await openid.refreshTokenGrant(libraryConfiguration(setting), refreshToken.reveal());
    return { kind: 'tokens', tokens };
  } catch (cause) {
    const error = tokenError(cause, setting.server.issuer, 'to renew the sign-in');
    if (error.code === 'token_refused') return { kind: 'refused', error };
    const lost: readonly AppError['code'][] = ['service_unreachable', 'token_unusable', 'service_metadata'];
    if (lost.includes(error.code)) return { kind: 'lost', error };
    throw error;
  }
}

/**
 * A refresh token that is ours to show: of a single sign-on (OpenID Connect Core section 12), or of access that a local agent has.
 * One that is in a vault belongs to the platform, and is never shown here (P3).
 */
import * as openid from 'openid-client';
import type { AppError } from '../errors/app-error.ts';
import { Response } from '../outside/fetch-types.ts';
import { conceal, Secret } from '../secret/secret.ts';
import type { Announced } from '../stores/announced.ts';
import { parseObject } from './json.ts';
import { type LibrarySetting, libraryConfiguration, type Tokens, tokenError } from './library.ts';
import { OAuthRefusal } from './refusal.ts';
import { isSuccess } from './token-response.ts';

/** What became of a refresh token that was to be shown. */
export type Refreshed =
  | { kind: 'tokens'; tokens: Tokens }
  /** The server says that it is none, or none any more (`invalid_grant`, RFC 6749 section 5.2). */
  | { kind: 'ended'; error: AppError }
  /** It is as good as before: it never got there, or what came back says that nothing was made of it. */
  | { kind: 'unused'; error: AppError; again: Again | undefined }
  /** Tokens came back that cannot be used now; `next` is the refresh token among them, where there is one. */
  | { kind: 'unusable'; error: AppError; next: Secret | undefined }
  /** It was sent, and what came of it is not known. Where tokens rotate, it must not be shown again. */
  | { kind: 'lost'; error: AppError };

/** That the same could be well after a moment. */
export interface Again {
  /** How long the server asks for, in seconds (RFC 9110 section 10.2.3); undefined where it does not say. */
  afterSeconds: number | undefined;
}

/** What is shown. */
export interface Refreshing {
  refreshToken: Secret;
  /** The resource indicator that it was granted with (RFC 8707); undefined for none. */
  resource?: string | undefined;
  /** What is asked for, in words. */
  what: string;
}

/**
 * Shows a refresh token once.
 *
 * @param beforeSending done before the first byte leaves: whoever dies afterwards may have spent the token
 */
export async function refreshTokens(
  setting: LibrarySetting,
  { refreshToken, resource, what }: Refreshing,
  beforeSending: () => Promise<void>,
  _announced: Announced,
): Promise<Refreshed> {
  const seen: Seen = { sent: false, answer: undefined };
  const configuration = libraryConfiguration({
    ...setting,
    async fetch(url, init) {
      const response = await setting.fetch(url, {
        ...init,
        async beforeSending() {
          await beforeSending();
          seen.sent = true;
        },
      });
      const { status, headers } = response;
      seen.answer = { status, retryAfter: headers.get('retry-after'), body: undefined };
      const text = await response.text();
      const body = parseObject(text);
      seen.answer.body = body ?? {};
      conceal(String(body?.['refresh_token'] ?? ''));
      return new Response(text, { status, headers });
    },
  });
  try {
    const parameters = resource === undefined ? undefined : { resource };
    const tokens = await openid.refreshTokenGrant(configuration, refreshToken.reveal(), parameters);
    return { kind: 'tokens', tokens };
  } catch (cause) {
    return whatBecame(seen, () => tokenError(cause, setting.server.issuer, what));
  }
}

interface Seen {
  sent: boolean;
  /** Its body is undefined where it broke off, and empty where it is no JSON object. */
  answer: { status: number; retryAfter: string | null; body: Record<string, unknown> | undefined } | undefined;
}

/** What a gateway answers that has sent a request on and heard nothing (RFC 9110 section 15.6.5). */
const gatewayTimeout = 504;

function whatBecame({ sent, answer }: Seen, errorOf: () => AppError): Refreshed {
  const error = errorOf();
  if (!sent) return { kind: 'unused', error, again: isUnreachable(error) ? { afterSeconds: undefined } : undefined };
  if (answer === undefined) return { kind: 'lost', error };
  const { status, retryAfter, body } = answer;
  if (status < 500 && error instanceof OAuthRefusal && error.error === 'invalid_grant') return { kind: 'ended', error };
  if (status === gatewayTimeout) return { kind: 'lost', error };
  if (status === 429 || status >= 500) return { kind: 'unused', error, again: { afterSeconds: secondsOf(retryAfter) } };
  if (!isSuccess(status)) return { kind: 'unused', error, again: undefined };
  if (body === undefined) return { kind: 'lost', error };
  if (typeof body['access_token'] !== 'string' && typeof body['refresh_token'] !== 'string') {
    // A page of somebody in between, or a word of the provider's: whatever it is, nothing was made of the token.
    return { kind: 'unused', error, again: undefined };
  }
  const next = body['refresh_token'];
  return { kind: 'unusable', error, next: typeof next === 'string' && next !== '' ? new Secret(next) : undefined };
}

function isUnreachable({ code }: AppError): boolean {
  return code === 'service_unreachable';
}

function secondsOf(retryAfter: string | null): number | undefined {
  return retryAfter !== null && /^\d{1,6}$/.test(retryAfter.trim()) ? Number(retryAfter) : undefined;
}

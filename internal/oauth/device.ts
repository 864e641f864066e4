/**
 * The device flow (RFC 8628): the person enters a code at the service, in any browser on any machine. Nothing ties the
 * code to who began, so it is weaker than the flow with a callback and never chosen by itself.
 */

import * as openid from 'openid-client';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { checkedUrl } from '../outside/http.ts';
import { conceal } from '../secret/secret.ts';
import type { Announced } from '../stores/announced.ts';
import { quote } from '../text/quote.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { type LibrarySetting, libraryConfiguration, type Tokens, tokenError } from './library.ts';
import { deviceGrant } from './registration.ts';

/** One sign-in with a code. */
export interface DeviceAttempt extends LibrarySetting {
  scopes: readonly string[] | undefined;
  /** The RFC 8707 resource indicator, verbatim; undefined for single sign-on. */
  resource: string | undefined;
  /** Further parameters of the device authorization request. */
  parameters?: Readonly<Record<string, string>>;
  signal: AbortSignal;
  timeoutMs: number;
  /** Shows where to enter which code; `done` ends what says that something is awaited. */
  showCode(address: URL, code: string): { done(): void };
  announced: Announced;
}

const defaultIntervalSeconds = 5;
const slowDownSeconds = 5;

/** Ends with `usage` where an authorization server has no device flow, before a client is registered for it. */
export function requireDeviceFlow(server: AuthorizationServer, service: string): void {
  if (typeof server.device_authorization_endpoint === 'string') return;
  throw new AppError('usage', `${quote(service)} has no sign-in with a code`, {
    hint: 'run it without --device; where the browser is on another machine, its address can be pasted: --paste',
  });
}

/** Carries out one attempt. Throws `access_denied`, `token_refused`, `token_unusable`, `timed_out` or `interrupted`. */
export async function authorizeDevice(attempt: DeviceAttempt): Promise<Tokens> {
  // What a provider answers that could not look: the code is as good as before.
  const answered = { status: 0 };
  const configuration = libraryConfiguration({
    ...attempt,
    async fetch(url, init) {
      answered.status = 0;
      const response = await attempt.fetch(url, init);
      answered.status = response.status;
      return response;
    },
  });
  const { scopes, server } = attempt;
  const resource = attempt.resource === undefined ? {} : { resource: attempt.resource };
  const begun = await openid
    .initiateDeviceAuthorization(configuration, {
      ...attempt.parameters,
      ...resource,
      ...(scopes === undefined || scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    })
    .catch((error: unknown) => {
      throw tokenError(error, server.issuer, 'a sign-in with a code');
    });
  conceal(begun.device_code);
  // The address that has the code in it is left alone: the person is to read the code and compare it.
  const shown = attempt.showCode(
    checkedUrl(begun.verification_uri, attempt.allowLoopbackHttp),
    readableCode(begun.user_code, server.issuer),
  );
  try {
    return await poll(attempt, begun, answered, () =>
      openid.genericGrantRequest(configuration, deviceGrant, { ...resource, device_code: begun.device_code }),
    );
  } finally {
    shown.done();
  }
}

/** A code that a person can read and type: short, on one line, printable. */
function readableCode(code: string, issuer: string): string {
  if (/^[\x21-\x7e][\x20-\x7e]{0,63}$/.test(code)) return code;
  throw new AppError('service_metadata', `${quote(issuer)} gave a code that nobody could type`);
}

/**
 * Asks until there is an answer, no more often than told (RFC 8628 section 3.5). The library's own loop would hold an
 * interruption up for as long as its pause lasts.
 */
async function poll(
  { server, signal, timeoutMs }: DeviceAttempt,
  { interval = defaultIntervalSeconds, expires_in: lifetime }: { interval?: number; expires_in: number },
  answered: { readonly status: number },
  request: () => Promise<Tokens>,
): Promise<Tokens> {
  const end = clock.monotonic() + Math.min(timeoutMs, lifetime * 1000);
  for (let seconds = interval; ; ) {
    const left = end - clock.monotonic();
    // A timer may be a little early: whether there is time for another request is known before it, not after.
    await clock.pause(Math.min(seconds * 1000, left), signal);
    if (signal.aborted) throw new AppError('interrupted', 'interrupted while waiting for the code to be entered');
    if (left <= seconds * 1000) throw codeExpired();
    try {
      return await request();
    } catch (error) {
      const refusal = error instanceof openid.ResponseBodyError ? error.error : undefined;
      if (refusal === 'access_denied') {
        throw new AppError('access_denied', `access was denied at ${quote(server.issuer)}`);
      }
      if (refusal === 'expired_token') throw codeExpired();
      if (refusal === 'authorization_pending') continue;
      if (refusal === 'slow_down') {
        seconds += slowDownSeconds;
        continue;
      }
      const failure = tokenError(error, server.issuer);
      const passes = failure.code === 'service_unreachable' || answered.status === 429 || answered.status >= 500;
      if (!passes) throw failure;
      seconds = Math.max(seconds, 1) * 2;
    }
  }
}

function codeExpired(): AppError {
  return new AppError('timed_out', 'nobody entered the code in time');
}

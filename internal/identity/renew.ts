/** A kept sign-in whose ID token has expired: another ID token for the same person, without the person. */
import type { JWTPayload } from 'jose';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { Secret } from '../secret/secret.ts';
import type { Announced } from '../stores/announced.ts';
import type { KeptTexts } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { IdTokenRefused, judgeIdToken, requireSamePerson } from './id-token.ts';
import { type KeptPlace, signInKey } from './kept-place.ts';
import { isKeepable, type KeptSignIn, printKept } from './kept-sign-in.ts';
import { settingOf } from './sso.ts';
import type { SsoIdentity, SsoProvider } from './sso-provider.ts';

/** What renewing needs. */
export interface RenewRequest {
  identity: SsoIdentity;
  provider: SsoProvider;
  visit: BrowserVisit;
  place: KeptPlace;
  signIns: KeptTexts;
  /** The sign-in that was read before the lock was taken. */
  kept: KeptSignIn;
  /** Judges what another run has kept meanwhile; undefined where that proves nothing either. */
  judge(kept: KeptSignIn): Promise<JWTPayload | undefined>;
}

/** How it went: verified claims, or why the person has to sign in again. */
export type Renewal = { claims: JWTPayload; token: Secret; by: 'us' | 'another run' } | { why: string };

/** How long a run that is renewing the same sign-in is waited for: longer than its one request may take. */
const lockWaitMs = 30_000;

/**
 * Renews a kept sign-in. One run at a time on this machine, and each looks again at what is kept once it is its turn:
 * a refresh token that rotates is shown once, and the one that came back is kept before anybody else may show it. Throws
 * `already_running` or `interrupted`.
 */
export async function renew(request: RenewRequest): Promise<Renewal> {
  const { place } = request;
  return await withSignInLock(request, async () => {
    const now = await place.read();
    if (now === undefined) return { why: 'another run has signed out meanwhile' };
    if (now.idToken.reveal() !== request.kept.idToken.reveal()) {
      const claims = await request.judge(now);
      if (claims !== undefined) return { claims, token: now.idToken, by: 'another run' };
    }
    const { refreshToken } = now;
    if (refreshToken === undefined) return { why: 'it has expired and cannot be renewed' };
    const { identity, visit } = request;
    const target = { kind: 'sign_in', id: undefined, label: identity.client_id } as const;
    return await visit.recorder.act(
      { act: 'sign_in.renew', target, server: identity.issuer },
      (announced) => refresh(request, now, refreshToken, announced),
      (renewal) => ('why' in renewal ? { outcome: 'failure', error: 'sign_in_needed' } : {}),
    );
  });
}

async function refresh(
  request: RenewRequest,
  kept: KeptSignIn,
  refreshToken: Secret,
  announced: Announced,
): Promise<Renewal> {
  const { identity, provider, visit, place } = request;
  const { refreshSignIn } = await import('../oauth/refresh.ts');
  const forget = () => place.write(printKept({ ...kept, refreshToken: undefined }));
  const judged: { claims?: JWTPayload } = {};
  try {
    const refreshed = await refreshSignIn(
      {
        ...settingOf(request),
        async judgeIdToken(token) {
          const { issuer } = provider.server;
          const claims = await judgeIdToken(token, {
            issuer,
            clientId: identity.client_id,
            keys: provider.keys,
            nonce: kept.nonce,
            nonceOptional: true,
            authTimeRequired: false,
            now: clock.now(),
          });
          requireSamePerson(issuer, kept.idToken.reveal(), claims);
          judged.claims = claims;
          return await provider.keys.current();
        },
      },
      refreshToken,
      announced,
    );
    if (refreshed.kind !== 'tokens') {
      await forget();
      if (refreshed.kind === 'refused') return { why: `it has ended: ${refreshed.error.message}` };
      visit.warn(
        `the answer of ${quote(identity.issuer)} to a renewal of the sign-in was lost, and with it perhaps the next one`,
      );
      return { why: `it could not be renewed: ${refreshed.error.message}` };
    }
    const { id_token: idToken, refresh_token: next } = refreshed.tokens;
    if (judged.claims === undefined || idToken === undefined) {
      await forget();
      return {
        why: `${quote(identity.issuer)} renews it without an ID token, and nothing else proves whose it is`,
      };
    }
    // Where they do not rotate, the one that was shown stays good (RFC 6749 section 6).
    const renewed = isKeepable(next) ? new Secret(next) : refreshToken;
    const token = new Secret(idToken);
    const written = await place.write(printKept({ ...kept, idToken: token, refreshed: true, refreshToken: renewed }));
    if (!written) visit.warn('the renewed sign-in could not be kept: the next run has to sign in again');
    return { claims: judged.claims, token, by: 'us' };
  } catch (error) {
    if (!(error instanceof IdTokenRefused)) throw error;
    await forget();
    return { why: error.message };
  }
}

/** Whoever changes what is kept does it under this lock. Throws `already_running` where another run does not end. */
export async function withSignInLock<Result>(
  { identity, signIns, visit }: Pick<RenewRequest, 'identity' | 'signIns' | 'visit'>,
  act: () => Promise<Result>,
): Promise<Result> {
  const lock = await signIns.at(signInKey(identity)).hold({ signal: visit.signal, waitMs: lockWaitMs });
  if (!('release' in lock)) {
    if (visit.signal.aborted) throw new AppError('interrupted', 'interrupted while another run renews the sign-in');
    throw new AppError(
      'already_running',
      `another run on this machine is renewing the sign-in: ${lock.called}, since ${lock.since}`,
    );
  }
  try {
    return await act();
  } finally {
    await lock.release();
  }
}

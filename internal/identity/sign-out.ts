/** The end of a kept sign-in: at the provider where it takes refresh tokens back (RFC 7009), and on this machine. */
import { AppError } from '../errors/app-error.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { revokeGrant } from '../oauth/revoke.ts';
import { checkedUrl } from '../outside/http.ts';
import type { KeptSecret } from '../stores/kept-secret.ts';
import type { Stores } from '../stores/kept-text.ts';
import { keptPlace } from './kept-place.ts';
import { withSignInMutex } from './renew.ts';
import { settingOf } from './sso.ts';
import { findProvider, type SsoIdentity, type SsoProvider } from './sso-provider.ts';

/** What signing out needs. */
export interface SignOutRequest {
  identity: SsoIdentity;
  visit: BrowserVisit;
  place: KeptSecret;
  stores: Pick<Stores, 'signIns' | 'issuerKeys'>;
}

/** What became of it. */
export interface SignedOut {
  /** Whether the place holds nothing any more; false where it could not be used. */
  removed: boolean;
  unusable: string | undefined;
  /** Whether a refresh token was there, and what the provider said about its end. */
  refreshToken: 'none' | 'revoked' | 'not revoked' | 'no endpoint';
  /** Where a browser ends its own session at the provider, which lasts; undefined where nothing was kept, or it has no such place. */
  browserEndsAt: string | undefined;
}

/** What signing out would do. */
export interface SignOutPlan {
  /** Whether a sign-in is kept. */
  kept: boolean;
  unusable: string | undefined;
  /** Whether a refresh token is there, and whether the provider would be asked to end it. */
  refreshToken: 'none' | 'would be revoked' | 'no endpoint' | 'provider not reached';
}

/** Looks what {@link signOut} would do, and does nothing of it. */
export async function planSignOut(request: SignOutRequest): Promise<SignOutPlan> {
  const { identity, visit, stores } = request;
  const place = keptPlace(request.place, () => {});
  const kept = await place.read();
  const plan = { kept: kept !== undefined, unusable: place.unusable() };
  if (kept?.refreshToken === undefined) return { ...plan, refreshToken: 'none' };
  const provider = await findProvider(identity, visit.fetch, stores.issuerKeys).catch(() => undefined);
  if (provider === undefined) return { ...plan, refreshToken: 'provider not reached' };
  const takesBack = typeof provider.server.revocation_endpoint === 'string';
  return { ...plan, refreshToken: takesBack ? 'would be revoked' : 'no endpoint' };
}

/**
 * Signs out. The refresh token goes first: killed in between, the next run finds it again and a second revocation harms
 * nobody (RFC 7009 section 2.2). Whatever the provider answers, nothing stays here. Throws `already_running` or
 * `interrupted`.
 */
export async function signOut(request: SignOutRequest): Promise<SignedOut> {
  const { identity, visit, stores } = request;
  // What cannot be read is removed all the same, and that needs no word.
  const place = keptPlace(request.place, () => {});
  return await withSignInMutex({ identity, signIns: stores.signIns, visit }, async () => {
    const kept = await place.read();
    const target = { kind: 'sign_in', id: undefined, label: identity.client_id } as const;
    return await visit.recorder.act(
      { act: 'sign_in.end', target, server: identity.issuer },
      async () => {
        const provider =
          kept === undefined
            ? undefined
            : await findProvider(identity, visit.fetch, stores.issuerKeys).catch(() => undefined);
        const refreshToken =
          kept?.refreshToken === undefined ? 'none' : await revoke(request, provider, kept.refreshToken);
        const removed = await place.remove();
        return { removed, unusable: place.unusable(), refreshToken, browserEndsAt: endOfSession(request, provider) };
      },
      ({ removed }) => (removed ? {} : { outcome: 'failure', error: 'keychain_unavailable' }),
    );
  });
}

/**
 * The address of OpenID Connect RP-Initiated Logout 1.0, section 2. Without an ID token, which is no part of an address that
 * is shown: the provider asks instead. One that nobody may be sent to is none.
 */
function endOfSession({ identity, visit }: SignOutRequest, provider: SsoProvider | undefined): string | undefined {
  const { end_session_endpoint: address } = provider?.server ?? {};
  if (typeof address !== 'string') return undefined;
  try {
    const url = new URL(checkedUrl(address, visit.allowLoopbackHttp));
    url.searchParams.set('client_id', identity.client_id);
    return url.href;
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

async function revoke(
  { identity, visit }: SignOutRequest,
  provider: SsoProvider | undefined,
  token: Parameters<typeof revokeGrant>[2],
): Promise<SignedOut['refreshToken']> {
  if (provider === undefined) return 'not revoked';
  if (typeof provider.server.revocation_endpoint !== 'string') return 'no endpoint';
  const { server, client } = settingOf({ identity, provider, visit });
  return (await revokeGrant(server, client, token, visit)) ? 'revoked' : 'not revoked';
}

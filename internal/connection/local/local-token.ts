/**
 * Access for agents on the person's own machine: a grant of its own, with a refresh token that never was in a vault, or what the
 * identity provider gives for the sign-in. It is kept in the keychain alone, and one run at a time renews it: whoever comes
 * meanwhile finds it renewed.
 */
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Secret } from '../../secret/secret.ts';
import { type KeptAccess, tokenNow } from './kept-access.ts';
import { type AllowRequest, inTurn, type LocalAccessRequest, neededAgain, readAccess } from './local-access.ts';

/**
 * The token for the next request, renewed where its end is near. Nobody is asked for anything. Throws `connection_needed` where
 * the person has allowed nothing that could be used, `keychain_unavailable`, `already_running`, and what renewing throws.
 */
export async function localToken(request: LocalAccessRequest): Promise<Secret> {
  const before = await readOrElse(request);
  const token = before && tokenNow(before, clock.now());
  if (token !== undefined) return token;
  return await inTurn(request, async () => {
    const kept = await readOrElse(request);
    const renewed = kept && tokenNow(kept, clock.now());
    if (renewed !== undefined) return renewed;
    // Most calls end without it.
    const { obtainedByIdp, refreshed } = await import('./obtain-access.ts');
    for (const source of request.sources) {
      if (source === 'idp') return handedOut(await obtainedByIdp(request));
      if (kept?.source === 'grant' && kept.refreshToken !== undefined) {
        return await refreshed(request, kept, kept.refreshToken);
      }
    }
    throw neededAgain(request, kept === undefined ? undefined : 'what was allowed has ended, and cannot be renewed');
  });
}

/** Where access can be had again at once, a keychain that does not answer costs time and nothing else. */
async function readOrElse(request: LocalAccessRequest): Promise<KeptAccess | undefined> {
  if (request.sources[0] !== 'idp') return await readAccess(request);
  return await readAccess(request).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'keychain_unavailable') throw error;
    request.detail(error.message);
    return undefined;
  });
}

/** Has the person allow it: through the identity provider where that comes first, else in the browser. Says what is kept. */
export async function allowLocalAccess(request: AllowRequest): Promise<KeptAccess> {
  const [source] = request.sources;
  const { granted, obtainedByIdp } = await import('./obtain-access.ts');
  return await inTurn(request, async () => (source === 'idp' ? await obtainedByIdp(request) : await granted(request)));
}

function handedOut({ accessToken }: KeptAccess): Secret {
  if (accessToken === undefined) throw new AppError('bug', 'what was obtained has no token');
  return accessToken;
}

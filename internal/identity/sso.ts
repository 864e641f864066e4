/** Single sign-on: the OpenID Connect code flow with PKCE, its ID token verified in full, once per run. */
import type { Identity } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Outcome } from '../markup/callback-page.ts';
import { discoverAuthorizationServer } from '../oauth/authorization-server.ts';
import { authorize } from '../oauth/authorize.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { listenOnLoopback } from '../outside/loopback.ts';
import { quote } from '../text/quote.ts';
import type { Principal } from './principal.ts';

/** The `identity` of interface.yaml in its sso form. */
export type SsoIdentity = Extract<Identity, { mode: 'sso' }>;

/** Signs the person in through the browser. Throws what {@link authorize} throws, or `identity_refused`. */
export async function signIn(identity: SsoIdentity, visit: BrowserVisit): Promise<Principal> {
  const listener = await listenOnLoopback(identity.redirect, visit.returnTo);
  let ended: Outcome = { ok: false, title: 'You are not signed in' };
  try {
    const server = await discoverAuthorizationServer({ issuer: identity.issuer, requirePkce: false }, visit.fetch);
    const tokens = await authorize({
      server,
      client: { clientId: identity.client_id, authMethod: 'none' },
      listener,
      path: identity.redirect.path,
      scopes: identity.scopes,
      resource: undefined,
      parameters: {},
      tokenResponse: 'standard',
      openid: true,
      allowLoopbackHttp: visit.allowLoopbackHttp,
      fetch: visit.fetch,
      signal: visit.signal,
      timeoutMs: visit.timeoutMs,
      visit: (url) => visit.show(url, `sign in at ${quote(identity.issuer)}`, listener.redirectUri),
      warn: visit.warn,
    });
    const principal = principalOf(identity, tokens.claims());
    ended = {
      ok: true,
      title: 'Signed in',
      facts: [['As', principal.label]],
      next: 'The terminal goes on. You can close this tab.',
    };
    return principal;
  } finally {
    await listener.finish(ended);
  }
}

/**
 * The principal of verified claims. The issuer is the configured string, which the library has compared with the
 * token's; the subject is taken byte for byte. E-mail address and name only label (P2).
 */
export function principalOf(identity: SsoIdentity, claims: Readonly<Record<string, unknown>> | undefined): Principal {
  const subject = claims?.['sub'];
  if (claims === undefined || typeof subject !== 'string' || subject === '') {
    throw new AppError('identity_refused', `${quote(identity.issuer)} did not say who signed in`);
  }
  const groups = identity.groups_claim === undefined ? [] : claims[identity.groups_claim];
  const label = [claims['email'], claims['name'], subject].find((text) => typeof text === 'string' && text !== '');
  return {
    kind: 'sso',
    issuer: identity.issuer,
    subject,
    groups: Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [],
    label: String(label),
    ...verifiedEmailOf(claims),
  };
}

/** Only `true` verifies (OpenID Connect Core section 5.1): with some providers anybody may enter any address. */
function verifiedEmailOf({ email, email_verified: verified }: Readonly<Record<string, unknown>>) {
  return verified === true && typeof email === 'string' && email !== '' ? { verifiedEmail: email } : {};
}

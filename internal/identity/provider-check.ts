/** Whether a sign-in at the identity provider can work, as far as that shows without a person. Nobody is sent anywhere. */
import type { Fetch } from '../outside/http.ts';
import type { KeptTexts } from '../stores/kept-text.ts';
import { sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import { findProvider, type SsoIdentity } from './sso-provider.ts';

/** What the provider says of itself and of our client there. Each is undefined where it is as it should be. */
export interface ProviderFindings {
  /** What it answers to our client; `unknown` where it says nothing before somebody signs in. */
  client: { state: 'refused' | 'unknown'; said: string } | undefined;
  /** Scopes that we ask for and it does not list. */
  unlistedScopes: readonly string[];
  /** Whether it lists claims, and not the one that groups are read from. */
  groupsUnlisted: boolean;
}

/** Looks at the provider. Throws what finding it or reading its keys throws. */
export async function examineProvider(
  identity: SsoIdentity,
  fetch: Fetch,
  issuerKeysAt: KeptTexts,
): Promise<ProviderFindings> {
  const { server, keys } = await findProvider(identity, fetch, issuerKeysAt);
  await keys.current();
  const scopes = textsIn(server['scopes_supported']);
  const claims = textsIn(server['claims_supported']);
  return {
    client: await askAboutClient(identity, server['authorization_endpoint'], fetch),
    unlistedScopes: scopes.length === 0 ? [] : identity.scopes.filter((scope) => !scopes.includes(scope)),
    groupsUnlisted: identity.groups_claim !== undefined && claims.length > 0 && !claims.includes(identity.groups_claim),
  };
}

/**
 * Begins a sign-in with `prompt=none`, which shows nobody a page (OpenID Connect Core, section 3.1.2.1), and reads where the
 * provider would send a browser: back to us for a client that it knows, and nowhere for one whose id or redirect address it
 * does not.
 */
async function askAboutClient(
  identity: SsoIdentity,
  endpoint: unknown,
  fetch: Fetch,
): Promise<ProviderFindings['client']> {
  if (typeof endpoint !== 'string') return { state: 'refused', said: 'it names no authorization_endpoint' };
  const { host, port = anyPort, path } = identity.redirect;
  const redirectUri = `http://${host}:${port}${path}`;
  const url = new URL(endpoint);
  const verifier = crypto.randomUUID() + crypto.randomUUID();
  const parameters = {
    ...identity.authorize_parameters,
    client_id: identity.client_id,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: identity.scopes.filter((scope) => scope !== 'offline_access').join(' '),
    state: crypto.randomUUID(),
    nonce: crypto.randomUUID(),
    code_challenge: Buffer.from(sha256(verifier), 'hex').toString('base64url'),
    code_challenge_method: 'S256',
    prompt: 'none',
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const response = await fetch(url.href);
  await response.body?.cancel();
  const location = response.headers.get('location') ?? '';
  if (response.status >= 400) {
    return {
      state: 'refused',
      said: `it answers ${response.status} to ${quote(identity.client_id)} with ${quote(redirectUri)}`,
    };
  }
  if (!location.startsWith(`${redirectUri}?`)) {
    return { state: 'unknown', said: 'it says nothing of our client before somebody signs in' };
  }
  const error = new URL(location).searchParams.get('error');
  if (error === null || nobodySignedIn.includes(error)) return undefined;
  return { state: 'refused', said: `it answers ${quote(error)}` };
}

/** Where no port is registered any will do (RFC 8252 section 7.3); nobody listens there. */
const anyPort = 49152;

/** What is said to somebody who would have to see a page first (OpenID Connect Core, section 3.1.2.6). */
const nobodySignedIn = ['login_required', 'interaction_required', 'consent_required', 'account_selection_required'];

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

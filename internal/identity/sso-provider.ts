/** The identity provider of one run: what it says of itself and its keys, asked for while other things are loaded. */

import type { Identity } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { type AuthorizationServer, discoverAuthorizationServer } from '../oauth/authorization-server.ts';
import { idTokenAlgorithms } from '../oauth/id-token-algorithms.ts';
import type { Fetch } from '../outside/http.ts';
import type { KeptText, KeptTexts } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { isUrl } from '../text/url.ts';
import { fetchKeys, type IssuerKeys, issuerKeys } from './issuer-keys.ts';

/** The `identity` of interface.yaml in its sso form. */
export type SsoIdentity = Extract<Identity, { mode: 'sso' }>;

/** The provider, as it was found by this run. */
export interface SsoProvider {
  server: AuthorizationServer;
  keys: IssuerKeys;
}

/**
 * Asks the provider for its metadata and, where an earlier run has left word of their address, for its keys at the same
 * time. The address only saves time: its answer counts where the metadata names exactly that one, and is thrown away
 * otherwise. Throws what discovery throws, or `service_metadata`.
 */
export async function findProvider(identity: SsoIdentity, fetch: Fetch, issuerKeysAt: KeptTexts): Promise<SsoProvider> {
  const hint = issuerKeysAt.at({ name: identity.issuer });
  const [server, early] = await Promise.all([
    discoverAuthorizationServer({ issuer: identity.issuer, requirePkce: false, openid: true }, fetch),
    askEarly(hint, identity.issuer, fetch),
  ]);
  // With two spellings of one issuer a person would be two people, and own two vaults.
  if (server.issuer !== identity.issuer) {
    throw new AppError('issuer_mismatch', `${quote(identity.issuer)} spells its own name ${quote(server.issuer)}`, {
      hint: 'set identity.issuer in config/interface.yaml to exactly that, if it is your provider',
    });
  }
  const { jwks_uri: address, id_token_signing_alg_values_supported: algorithms } = server;
  // What it lists is often out of date; but whoever lists none of ours has nothing that could be believed.
  if (algorithms !== undefined && !algorithms.some((name) => idTokenAlgorithms.includes(name))) {
    throw new AppError(
      'service_metadata',
      `${quote(server.issuer)} signs ID tokens with ${algorithms.map((name) => quote(name)).join(', ') || 'nothing'} alone, which somebody else could as well`,
      { hint: 'have it sign those of this client with RS256 or ES256' },
    );
  }
  if (typeof address !== 'string') {
    throw new AppError('service_metadata', `${quote(server.issuer)} does not say where its keys are (jwks_uri)`);
  }
  // What cannot be written costs a slower next run, never this one.
  if (early?.address !== address) await hint.write(`${address}\n`).catch(() => {});
  return { server, keys: issuerKeys(address, fetch, early?.address === address ? early.keys : undefined) };
}

/** What is asked before anybody has said that this is the address. */
async function askEarly(hint: KeptText, issuer: string, fetch: Fetch) {
  const address = (await hint.read().catch(() => undefined))?.trim();
  // Whoever changed it could only choose what is asked for in vain; not even that on another machine's network.
  if (address === undefined || !isUrl(address) || !isNear(new URL(address), new URL(issuer))) return undefined;
  const keys = fetchKeys(address, fetch);
  keys.catch(() => {});
  return { address, keys };
}

/** On the provider's own origin. Other addresses are asked once the metadata names them. */
function isNear(address: URL, issuer: URL): boolean {
  return address.origin === issuer.origin;
}

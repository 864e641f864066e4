/** From verified claims to a principal. Pure. */
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import type { Principal } from './principal.ts';
import type { SsoIdentity } from './sso-provider.ts';

/**
 * The principal of verified claims. The issuer is the configured string, which the library has compared with the
 * token's; the subject is taken byte for byte. An e-mail address that the provider has verified labels, and decides nothing
 * (P2); any other, and any name, may be what somebody calls themselves, and is not shown in a place where it would be believed.
 */
export function principalOf(identity: SsoIdentity, claims: Readonly<Record<string, unknown>> | undefined): Principal {
  const subject = claims?.['sub'];
  if (claims === undefined || typeof subject !== 'string' || subject === '') {
    throw new AppError('identity_refused', `${quote(identity.issuer)} did not say who signed in`);
  }
  const groups = identity.groups_claim === undefined ? [] : claims[identity.groups_claim];
  const verified = verifiedEmailOf(claims);
  const missing = identity.groups_claim === undefined ? undefined : missingGroups(identity.groups_claim, claims);
  return {
    kind: 'sso',
    issuer: identity.issuer,
    subject,
    groups: Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [],
    ...(missing !== undefined && { missingGroups: missing }),
    label: verified.verifiedEmail ?? subject,
    ...verified,
  };
}

/** Why the claim of the groups tells none; undefined for a list, which may be empty. */
function missingGroups(name: string, claims: Readonly<Record<string, unknown>>): string | undefined {
  const groups = claims[name];
  if (Array.isArray(groups)) return undefined;
  const elsewhere = claims['_claim_names'];
  // Entra ID does so beyond 200 groups: the claim names a place to ask instead (OpenID Connect Core section 5.6.2).
  if (groups === undefined && typeof elsewhere === 'object' && elsewhere !== null && Object.hasOwn(elsewhere, name)) {
    return `no group counts: the person is in too many, so the provider left ${quote(name)} out of the ID token (_claim_names): let it send only the groups that are assigned to this application`;
  }
  const what = groups === undefined ? `has no claim ${quote(name)}` : `has a claim ${quote(name)} that is not a list`;
  return `no group counts: the ID token ${what}: let the provider send it, or correct identity.groups_claim and identity.scopes`;
}

/** Only `true` verifies (OpenID Connect Core section 5.1): with some providers anybody may enter any address. */
function verifiedEmailOf({ email, email_verified: verified }: Readonly<Record<string, unknown>>): {
  verifiedEmail?: string;
} {
  return verified === true && typeof email === 'string' && email !== '' ? { verifiedEmail: email } : {};
}

/** From verified claims to a principal. Pure. */
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import type { Principal } from './principal.ts';
import type { SsoIdentity } from './sso-provider.ts';

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

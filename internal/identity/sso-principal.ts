/** From verified claims to a principal. Pure. */
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import type { GroupsTold } from './groups.ts';
import type { Principal } from './principal.ts';
import type { SsoIdentity } from './sso-provider.ts';

/**
 * The principal of verified claims. The issuer is the configured string, which the library has compared with the
 * token's; the subject is taken byte for byte. An e-mail address that the provider has verified labels, and decides nothing
 * (P2); any other, and any name, may be what somebody calls themselves, and is not shown in a place where it would be believed.
 */
export function principalOf(
  identity: SsoIdentity,
  claims: Readonly<Record<string, unknown>> | undefined,
  told: GroupsTold | undefined,
): Principal {
  const subject = claims?.['sub'];
  if (claims === undefined || typeof subject !== 'string' || subject === '') {
    throw new AppError('identity_refused', `${quote(identity.issuer)} did not say who signed in`);
  }
  const verified = verifiedEmailOf(claims);
  return {
    kind: 'sso',
    issuer: identity.issuer,
    subject,
    groups: told?.groups ?? [],
    ...(told !== undefined && { groupsSaid: told.said }),
    ...(told?.missing !== undefined && { missingGroups: told.missing }),
    label: verified.verifiedEmail ?? subject,
    ...verified,
  };
}

/** Only `true` verifies (OpenID Connect Core section 5.1): with some providers anybody may enter any address. */
function verifiedEmailOf({ email, email_verified: verified }: Readonly<Record<string, unknown>>): {
  verifiedEmail?: string;
} {
  return verified === true && typeof email === 'string' && email !== '' ? { verifiedEmail: email } : {};
}

/** Judges the token of a CI job: everything that an ID token has to be, and then what the configuration demands. */
import type { JWTPayload } from 'jose';
import type { Workload } from '../config/definitions.ts';
import { quote } from '../text/quote.ts';
import { IdTokenRefused, judgeIdToken } from './id-token.ts';
import type { IssuerKeys } from './issuer-keys.ts';

const hint = 'compare what the job is with identity.workloads in config/interface.yaml';

/** The claims of a good token. Throws {@link IdTokenRefused}, or what fetching the issuer's keys throws. */
export async function judgeWorkloadToken(
  token: string,
  { issuer, audience, claims: demanded }: Pick<Workload, 'issuer' | 'audience' | 'claims'>,
  keys: IssuerKeys,
  now: Date,
): Promise<JWTPayload> {
  const claims = await judgeIdToken(token, {
    issuer,
    clientId: audience,
    keys,
    nonce: undefined,
    authTimeRequired: false,
    anyParty: true,
    hint,
    now,
  });
  for (const [name, wanted] of Object.entries(demanded)) {
    const found = Object.hasOwn(claims, name) ? claims[name] : undefined;
    const good = typeof wanted === 'string' ? [wanted] : wanted;
    // Only text is compared: what else could be read as the same is not the same (P1).
    if (typeof found === 'string' && good.includes(found)) continue;
    const shown = found === undefined ? `it has no ${quote(name)}` : `its ${quote(name)} is ${shownClaim(found)}`;
    const wish = good.map((value) => quote(value)).join(' or ');
    throw new IdTokenRefused(issuer, 'claims', `${shown}, and demanded is ${wish}`, hint);
  }
  return claims;
}

function shownClaim(value: unknown): string {
  return typeof value === 'string' ? quote(value) : `no text but ${quote(value)}`;
}

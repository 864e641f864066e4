/** Judges the token of a CI job: everything that an ID token has to be, and then what the configuration demands. */
import type { JWTPayload } from 'jose';
import type { Workload } from '../config/definitions.ts';
import { quote } from '../text/quote.ts';
import { claimAt } from './groups.ts';
import { IdTokenRefused, judgeIdToken } from './id-token.ts';
import type { IssuerKeys } from './issuer-keys.ts';

/** Some issuers name everything that a job is; a vault takes less. */
const longestSubject = 1024;

const hint = 'compare what the job is with identity.workloads in config/interface.yaml';

/** The claims of a good token. Throws {@link IdTokenRefused}, or what fetching the issuer's keys throws. */
export async function judgeWorkloadToken(
  token: string,
  { issuer, audience, claims: demanded }: Pick<Workload, 'issuer' | 'audience' | 'claims'>,
  keys: IssuerKeys,
  marginSeconds: number,
  now: Date,
): Promise<JWTPayload> {
  const claims = await judgeIdToken(token, {
    issuer,
    clientId: audience,
    keys,
    nonce: undefined,
    authTimeRequired: false,
    longestSubject,
    anyParty: true,
    hint,
    marginSeconds,
    now,
  });
  for (const [name, wanted] of Object.entries(demanded)) {
    const found = claimAt(claims, name.split('.'));
    const good: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted];
    // Of the same type, byte for byte: what else could be read as the same is not the same (P1). Of a list one is enough.
    const held = Array.isArray(found) ? found : [found];
    if (held.some((each) => good.includes(each))) continue;
    const shown = found === undefined ? `it has no ${quote(name)}` : `its ${quote(name)} is ${shownClaim(found)}`;
    const wish = good.map(shownClaim).join(' or ');
    throw new IdTokenRefused(issuer, 'claims', `${shown}, and demanded is ${wish}`, hint);
  }
  return claims;
}

/** A text in quotation marks, and anything else as JSON: a number is not the text of it. */
function shownClaim(value: unknown): string {
  return typeof value === 'string' ? quote(value) : `${JSON.stringify(value)?.slice(0, 200)} (no text)`;
}

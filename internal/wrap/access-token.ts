/** Access tokens of authorization servers, as JWTs (RFC 9068): judged by the keys that the issuer publishes, for this server alone. */
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload } from 'jose';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { IssuerKeys } from '../identity/issuer-keys.ts';
import { idTokenAlgorithms } from '../oauth/id-token-algorithms.ts';
import type { Refusal, RefusalCode } from '../verify/index.ts';
import type { AccessIssuer } from './trust-file.ts';

/** Whose access tokens count, with their keys. */
export interface AccessTokens {
  /** Whom tokens have to be for, where the issuer has no audience of its own. */
  url: string;
  /** Whether any count. */
  any: boolean;
  issuerOf(issuer: string | undefined): { rules: AccessIssuer; keys: IssuerKeys } | undefined;
}

/** A token that counts. */
export interface AccessToken {
  issuer: string;
  subject: string;
  client: string | undefined;
  /** Milliseconds since 1970. */
  until: number;
  /** What each token of this issuer may call. */
  tools: ReadonlySet<string>;
  /** What scopes let be called besides. */
  scopes: Readonly<Record<string, readonly string[]>>;
  granted: readonly string[];
  /** Its `jti`, or when it was made. */
  name: string;
}

/** Longer ones no server of Node takes in a header. */
const longestToken = 12 * 1024;
const longestName = 1024;
const skewSeconds = 30;
/** RFC 9068 section 2.1; most issuers still write JWT, or nothing. Everything else that an issuer signs has a type of its own. */
const types = new Set(['at+jwt', 'application/at+jwt', 'jwt', 'application/jwt']);

/** Judges an `Authorization` header. Never throws for what a caller sends. */
export async function judgeAccessToken(
  header: string | null,
  { url, issuerOf }: AccessTokens,
): Promise<{ ok: true; token: AccessToken } | Refusal> {
  if (header === null || header === '') return refused('missing', 'a token is needed');
  const [, token = ''] = /^bearer +([\w-]+\.[\w-]+\.[\w-]+) *$/i.exec(header) ?? [];
  if (token === '' || token.length > longestToken) return refused('malformed', 'that is no token');
  let claimed: unknown;
  let typ: unknown;
  try {
    claimed = decodeJwt(token).iss;
    typ = decodeProtectedHeader(token).typ;
  } catch {
    return refused('malformed', 'that is no token');
  }
  const known = typeof claimed === 'string' ? issuerOf(claimed) : undefined;
  if (known === undefined) return refused('unknown_issuer', 'the issuer is not one that this server trusts');
  const { rules, keys } = known;
  if (typ !== undefined && !types.has(String(typ).toLowerCase())) {
    return refused('wrong_type', 'it is a token of another kind');
  }
  try {
    const claims = await keys.verify(token, {
      algorithms: [...idTokenAlgorithms],
      issuer: rules.issuer,
      audience: rules.audience ?? url,
      requiredClaims: ['iss', 'aud', 'sub', 'exp', 'iat'],
      clockTolerance: skewSeconds,
      currentDate: clock.now(),
    });
    return judged(claims, rules);
  } catch (error) {
    return refusalOf(error);
  }
}

function judged(claims: JWTPayload, { issuer, tools = [], scopes = {} }: AccessIssuer) {
  const { sub, exp = 0, iat = 0, jti } = claims;
  if (typeof sub !== 'string' || sub === '' || sub.length > longestName) return refused('bad_claims', 'sub is no text');
  if (iat > clock.now().getTime() / 1000 + skewSeconds) return refused('not_yet_valid', 'it was made in the future');
  // Bound to a key of its client (RFC 7800): shown alone it may be somebody else's, and what would prove it is not asked for here.
  if (claims['cnf'] !== undefined)
    return refused('bad_claims', 'it is bound to a key, and counts nowhere without that');
  const client = [claims['client_id'], claims['azp']].find(
    (each) => typeof each === 'string' && each.length <= longestName,
  );
  const token: AccessToken = {
    issuer,
    subject: sub,
    client: client as string | undefined,
    until: exp * 1000,
    tools: new Set(tools),
    scopes,
    granted: scopesOf(claims),
    name: typeof jti === 'string' ? jti : `of ${new Date(iat * 1000).toISOString()}`,
  };
  return { ok: true as const, token };
}

/** `scope` as a text with blanks (RFC 8693 section 4.2), or `scp` as some issuers have it. */
function scopesOf({ scope, scp }: JWTPayload): string[] {
  const found = scope ?? scp;
  const listed: unknown[] = Array.isArray(found) ? found : typeof found === 'string' ? found.split(' ') : [];
  return listed.filter((each): each is string => typeof each === 'string' && each !== '');
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return refused('expired', 'it has expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return refused('wrong_audience', 'it is for another server');
    if (error.claim === 'nbf') return refused('not_yet_valid', 'it is not valid yet');
    return refused('bad_claims', 'a claim is missing or not what it should be');
  }
  if (error instanceof errors.JWKSNoMatchingKey)
    return refused('unknown_key', 'it names a key that its issuer does not have');
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid)
    return refused('malformed', 'that is no token');
  // Whether the issuer has another key cannot be known while it does not answer.
  if (error instanceof AppError) return refused('keys_unavailable', 'the keys of its issuer cannot be had now', 503);
  // Also a key of the issuer that no library takes for good: RSA of too few bits, a point off its curve, numbers that are none.
  return refused('bad_signature', 'its signature is not right');
}

function refused(code: RefusalCode, description: string, status: 401 | 503 = 401): Refusal {
  return { ok: false, code, description, status };
}

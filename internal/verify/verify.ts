/** Verifies what an MCP server was called with: a session token, or an identity token that the platform signs for its own agents. */
import { createHash } from 'node:crypto';
import { decodeJwt, errors, type JWTHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import {
  type AgentClaims,
  type Algorithm,
  readAgentClaims,
  readSessionClaims,
  type SessionClaims,
  sessionTokenType,
} from './claims.ts';
import { givenKeys, type KeySource, remoteKeys, type VerifyingKey } from './key-set.ts';
import { type Asking, isTrustworthy, Unavailable } from './remote-text.ts';
import type { ReplayWindow } from './replay.ts';
import { remoteStatusList, type StatusSource, statusAt } from './status-list.ts';

/** One issuer whose tokens count. */
export interface TrustedIssuer {
  /** `session-token`: signed by the organisation for managed sessions. `platform-agent`: signed by the platform for its agents. */
  kind: 'session-token' | 'platform-agent';
  /** Byte for byte. */
  issuer: string;
  /** The address of its key set, https or on this machine; or the set itself. */
  keys: string | { keys: readonly unknown[] };
  /** EdDSA unless told for session tokens, always ES256 for the platform's. */
  algorithm?: Algorithm;
  /** The workspaces, or organisations of the platform, whose tokens count: one issuer may serve many. */
  tenants: readonly string[];
  /** Whose tokens count; everybody's where left out, which a `platform-agent` may not. */
  subjects?: readonly string[] | ((subject: string) => boolean);
  /** The addresses of its status lists; a session token that names another one is refused. */
  statusLists?: readonly string[];
}

/** What a server trusts, and how far. Times are seconds. */
export interface TrustSettings {
  /** The address of this server, exactly as the catalogue of services has it. */
  audience: string;
  issuers: readonly TrustedIssuer[];
  /** How far clocks may be apart: 30 unless told, at most 120. */
  skewSeconds?: number;
  /** A key set is asked for again after this; 600 unless told. */
  keysFreshSeconds?: number;
  /** Two requests for a key set are at least so far apart; 30 unless told. */
  cooldownSeconds?: number;
  /** How long a key set counts that could not be asked for again: a day unless told, at most seven. */
  keysLastGoodSeconds?: number;
  /** A status list is asked for again after this; 30 unless told. This is how late a revocation may arrive. */
  statusFreshSeconds?: number;
  /** How long a status list counts that could not be asked for again: 300 unless told, at most 600. */
  statusStaleSeconds?: number;
  /** How many sessions may stand between the first one and this; 4 unless told. */
  deepest?: number;
  /** Where each token counts once. */
  replay?: ReplayWindow;
  /**
   * Of so many tokens it is kept that their signature is right, for a server that is called again and again with one; 0 unless
   * told, at most 10,000. Key, times, status and all else are judged each time, and no token is kept, only its digest.
   */
  keepVerified?: number;
  fetch?: typeof fetch;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Settings that were checked, with the keys and lists that are kept for them. Make it once for a server. */
export interface Trust {
  readonly audience: string;
  readonly skewSeconds: number;
  readonly deepest: number;
  readonly replay: ReplayWindow | undefined;
  readonly kept: KeptTokens;
  now(): number;
  readonly issuers: ReadonlyMap<string, CheckedIssuer>;
}

interface CheckedIssuer extends TrustedIssuer {
  algorithm: Algorithm;
  source: KeySource;
  lists: ReadonlyMap<string, StatusSource>;
}

/** Why a token does not count. */
export type RefusalCode =
  | 'missing'
  | 'malformed'
  | 'unknown_issuer'
  | 'unknown_key'
  | 'bad_signature'
  | 'wrong_type'
  | 'bad_claims'
  | 'expired'
  | 'not_yet_valid'
  | 'wrong_audience'
  | 'wrong_tenant'
  | 'wrong_subject'
  | 'too_deep'
  | 'revoked'
  | 'replayed'
  | 'keys_unavailable'
  | 'status_unavailable'
  | 'replay_unknown';

/** A token that does not count. */
export interface Refusal {
  ok: false;
  code: RefusalCode;
  /** For people; plain ASCII without quotes, and nothing of the token. */
  description: string;
  /** What to answer with: 401, or 503 where it cannot be known now. */
  status: 401 | 503;
}

/** A token that counts. */
export type Verified =
  | { ok: true; kind: 'session-token'; claims: SessionClaims }
  | { ok: true; kind: 'platform-agent'; claims: AgentClaims };

/** What became of a token. */
export type Verification = Verified | Refusal;

/** Tokens whose signature was right, by their digest. */
interface KeptTokens {
  most: number;
  tokens: Map<string, KeptToken>;
}

interface KeptToken {
  /** When it ends, in seconds since 1970. */
  exp: number;
  kid: string;
  key: VerifyingKey;
  /** When it was verified, in milliseconds since 1970. */
  at: number;
}

const mostIssuers = 16;
/** Longer ones no server of Node takes in a header. */
const longestToken = 12 * 1024;
/** Of the key that a token brings along nobody says whose it is. */
const keysInside = ['jwk', 'jku', 'x5u', 'x5c', 'x5t', 'x5t#S256'];

/** Checks settings, and keeps keys and lists for them from then on. Throws `TypeError` for settings that would let through too much. */
export function trust(settings: TrustSettings): Trust {
  const { audience, issuers, fetch: given, now = Date.now, replay, skewSeconds = 30, deepest = 4 } = settings;
  const { keepVerified = 0 } = settings;
  const { keysFreshSeconds = 600, cooldownSeconds = 30, keysLastGoodSeconds = 86_400 } = settings;
  const { statusFreshSeconds = 30, statusStaleSeconds = 300 } = settings;
  require(isAddress(audience), 'audience is not the address of a server');
  require(issuers.length > 0 && issuers.length <= mostIssuers, 'no issuer is trusted, or too many');
  require(within(skewSeconds, 0, 120), 'skewSeconds is from 0 to 120');
  require(within(deepest, 0, 15), 'deepest is from 0 to 15');
  require(within(keepVerified, 0, 10_000), 'keepVerified is from 0 to 10,000');
  require(within(keysFreshSeconds, 1, 86_400) &&
    within(cooldownSeconds, 1, 3600), 'keys are asked for too often or seldom');
  require(within(keysLastGoodSeconds, 0, 7 * 86_400), 'keysLastGoodSeconds is at most seven days');
  require(within(statusFreshSeconds, 1, 600), 'statusFreshSeconds is from 1 to 600');
  require(within(statusStaleSeconds, 0, 600), 'statusStaleSeconds is at most 600');
  const asking: Asking = { fetch: given ?? globalThis.fetch, now };
  const checked = new Map<string, CheckedIssuer>();
  for (const each of issuers) {
    const { kind, issuer, keys, tenants, subjects, statusLists = [] } = each;
    const algorithm = each.algorithm ?? (kind === 'session-token' ? 'EdDSA' : 'ES256');
    require(issuer !== '' && !checked.has(issuer), 'an issuer is named twice, or not at all');
    require(algorithm === 'EdDSA' || algorithm === 'ES256', 'algorithm is EdDSA or ES256');
    require(kind === 'session-token' || algorithm === 'ES256', 'the platform signs with ES256');
    require(kind === 'session-token' || kind === 'platform-agent', `the kind of ${issuer} is not known`);
    // A text has `includes` as well, and is for every part of it.
    require(Array.isArray(tenants) && tenants.length > 0, `no tenant of ${issuer} is trusted`);
    require(subjects === undefined ||
      typeof subjects === 'function' ||
      Array.isArray(subjects), `the subjects of ${issuer} are no list`);
    require(kind === 'session-token' ||
      subjects !== undefined, `one issuer signs for everybody: say which subjects of ${issuer} count`);
    require(kind !== 'session-token' ||
      statusLists.length > 0, `session tokens of ${issuer} have a status list: say where`);
    require(typeof keys !== 'string' || isTrustworthy(keys), `the keys of ${issuer} are not at an https address`);
    require(statusLists.every(isTrustworthy), `a status list of ${issuer} is not at an https address`);
    const rules = { algorithm, named: kind === 'session-token' ? ('by thumbprint' as const) : ('freely' as const) };
    const times = { fresh: keysFreshSeconds, cooldown: cooldownSeconds, lastGood: keysLastGoodSeconds };
    const source = typeof keys === 'string' ? remoteKeys(keys, rules, times, asking) : givenKeys(keys, rules);
    const listRules = {
      issuer,
      algorithm,
      skewSeconds,
      key: async (kid: string) => await source.find(kid),
      freshSeconds: statusFreshSeconds,
      staleSeconds: statusStaleSeconds,
      cooldownSeconds: Math.min(statusFreshSeconds, 5),
    };
    const lists = new Map(statusLists.map((uri) => [uri, remoteStatusList(uri, listRules, asking)]));
    checked.set(issuer, { ...each, algorithm, source, lists });
  }
  const kept = { most: keepVerified, tokens: new Map<string, KeptToken>() };
  return { audience, skewSeconds, deepest, replay, kept, now, issuers: checked };
}

/** Verifies an `Authorization` header. Never throws for what a caller sends. */
export async function verifySessionToken(header: string | null | undefined, trusted: Trust): Promise<Verification> {
  const found = tokenOf(header);
  return typeof found === 'string' ? await verifyToken(found, trusted) : found;
}

/** Verifies a token without its header. Never throws for what a caller sends. */
export async function verifyToken(token: string, trusted: Trust): Promise<Verification> {
  if (token.length > longestToken || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return malformed;
  const issuer = issuerOf(token, trusted);
  if (issuer === undefined) return refused('unknown_issuer', 'the issuer is not one that this server trusts');
  const now = trusted.now();
  try {
    const payload = await payloadOf(token, issuer, trusted, now);
    return issuer.kind === 'session-token'
      ? await judgeSession(payload, issuer, trusted, now)
      : judgeAgent(payload, issuer, trusted, now);
  } catch (error) {
    return refusalOf(error);
  }
}

/** What a token says whose signature, key, times, issuer and audience are right. Throws what jose does, or {@link Refused}. */
async function payloadOf(token: string, issuer: CheckedIssuer, trusted: Trust, now: number): Promise<JWTPayload> {
  const { most, tokens } = trusted.kept;
  const digest = most === 0 ? '' : createHash('sha256').update(token).digest('base64');
  const kept = tokens.get(digest);
  // Read anew: what a caller was given is theirs, and what they do with it changes no later answer.
  if (kept !== undefined && counts(kept, issuer, now)) return decodeJwt(token);
  tokens.delete(digest);
  const { payload, protectedHeader, key } = await jwtVerify(token, (head) => keyOf(head, issuer), {
    algorithms: [issuer.algorithm],
    issuer: issuer.issuer,
    audience: trusted.audience,
    requiredClaims: ['exp', 'iat', 'sub', 'jti', 'aud'],
    clockTolerance: trusted.skewSeconds,
    currentDate: new Date(now),
    ...(issuer.kind === 'session-token' ? { typ: sessionTokenType } : {}),
  });
  const { kid } = protectedHeader;
  if (most > 0 && kid !== undefined) {
    for (const oldest of tokens.size >= most ? tokens.keys() : []) {
      tokens.delete(oldest);
      break;
    }
    tokens.set(digest, { exp: payload.exp ?? 0, kid, key: key as VerifyingKey, at: now });
  }
  return payload;
}

/** Whether nothing is otherwise than when it was verified: its key is the one of its issuer now, and its time has come and not passed. */
function counts({ exp, kid, key, at }: KeptToken, { source }: CheckedIssuer, now: number): boolean {
  return now >= at && now < exp * 1000 && source.find(kid) === key;
}

/** The one issuer a token may be of. What it says of it is no proof: whose key verifies it is. */
function issuerOf(token: string, { issuers }: Trust): CheckedIssuer | undefined {
  if (issuers.size === 1) return issuers.values().next().value;
  try {
    const { iss } = decodeJwt(token);
    return typeof iss === 'string' ? issuers.get(iss) : undefined;
  } catch {
    return undefined;
  }
}

async function keyOf(head: JWTHeaderParameters, { kind, source }: CheckedIssuer) {
  const names = Object.keys(head);
  const odd =
    kind === 'session-token'
      ? names.some((name) => name !== 'alg' && name !== 'kid' && name !== 'typ')
      : names.some((name) => keysInside.includes(name)) || head.typ === sessionTokenType;
  if (odd) throw new Refused(malformed);
  const { kid } = head;
  if (typeof kid !== 'string' || kid === '') throw new Refused(malformed);
  const key = await source.find(kid);
  if (key === undefined) throw new Refused(refused('unknown_key', 'the key is not one of its issuer'));
  return key;
}

async function judgeSession(
  payload: Readonly<Record<string, unknown>>,
  issuer: CheckedIssuer,
  trusted: Trust,
  now: number,
): Promise<Verification> {
  const claims = readSessionClaims(payload);
  if (typeof claims === 'string') return refused('bad_claims', claims);
  const early = judgeClaims(claims, issuer, trusted, now);
  if (early !== undefined) return early;
  if (claims.depth > trusted.deepest) return refused('too_deep', 'too many sessions stand before this one');
  const { idx, uri } = claims.status.status_list;
  const source = issuer.lists.get(uri);
  if (source === undefined) return refused('bad_claims', 'its status list is not one that this server trusts');
  let status: number | undefined;
  try {
    const list = source.current();
    status = statusAt(list instanceof Promise ? await list : list, idx);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return refused('status_unavailable', 'whether it was taken back cannot be known now', 503);
  }
  if (status !== 0) return refused('revoked', 'it was taken back');
  return replayOf(claims, trusted, now) ?? { ok: true, kind: 'session-token', claims };
}

function judgeAgent(
  payload: Readonly<Record<string, unknown>>,
  issuer: CheckedIssuer,
  trusted: Trust,
  now: number,
): Verification {
  const claims = readAgentClaims(payload);
  if (typeof claims === 'string') return refused('bad_claims', claims);
  const early = judgeClaims(claims, issuer, trusted, now) ?? replayOf(claims, trusted, now);
  return early ?? { ok: true, kind: 'platform-agent', claims };
}

/** What is judged of every token beyond what the library does. */
function judgeClaims(
  { aud: [audience], tenant, sub, iat }: SessionClaims | AgentClaims,
  { tenants, subjects }: CheckedIssuer,
  { audience: own, skewSeconds }: Trust,
  now: number,
): Refusal | undefined {
  if (audience !== own) return wrongAudience;
  if (iat > now / 1000 + skewSeconds) return refused('not_yet_valid', 'it was made in the future');
  if (!tenants.includes(tenant)) return refused('wrong_tenant', 'it is of another tenant');
  const counts = typeof subjects === 'function' ? subjects(sub) : (subjects?.includes(sub) ?? true);
  return counts ? undefined : refused('wrong_subject', 'this server is not for its subject');
}

function replayOf({ iss, jti, exp }: SessionClaims | AgentClaims, { replay, skewSeconds }: Trust, now: number) {
  if (replay === undefined) return undefined;
  // Whole seconds are compared with `exp`: with half a one between clocks it counts to the end of that second.
  const first = replay.take(JSON.stringify([iss, jti]), Math.ceil(exp + skewSeconds), now / 1000);
  if (first === undefined) return refused('replay_unknown', 'whether it was used before cannot be known now', 503);
  return first ? undefined : refused('replayed', 'it was used before');
}

/** The token of a header, or why there is none. */
function tokenOf(header: string | null | undefined): string | Refusal {
  if (header === undefined || header === null || header === '') {
    return { ok: false, code: 'missing', description: 'a token is needed', status: 401 };
  }
  const [, token] = /^bearer +([\w.~+/=-]+) *$/i.exec(header.length > longestToken + 16 ? '' : header) ?? [];
  return token ?? malformed;
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refused) return error.refusal;
  if (error instanceof Unavailable) return refused('keys_unavailable', 'the keys of its issuer cannot be had now', 503);
  if (error instanceof errors.JWTExpired) return refused('expired', 'it has expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim } = error;
    if (claim === 'aud') return wrongAudience;
    if (claim === 'typ') return refused('wrong_type', 'it is a token of another kind');
    if (claim === 'iss') return refused('unknown_issuer', 'the issuer is not one that this server trusts');
    if (claim === 'nbf') return refused('not_yet_valid', 'it is not valid yet');
    return refused('bad_claims', 'a claim is missing or not what it should be');
  }
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return refused('bad_signature', 'its signature is not right');
  if (error instanceof errors.JOSEAlgNotAllowed)
    return refused('bad_signature', 'it is signed in a way that does not count');
  if (error instanceof errors.JOSEError) return malformed;
  throw error;
}

class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.description);
    this.refusal = refusal;
  }
}

function refused(code: RefusalCode, description: string, status: 401 | 503 = 401): Refusal {
  return { ok: false, code, description, status };
}

const malformed = refused('malformed', 'that is no token');
const wrongAudience = refused('wrong_audience', 'it is for another server');

function require(condition: boolean, otherwise: string): void {
  if (!condition) throw new TypeError(otherwise);
}

function within(value: number, least: number, most: number): boolean {
  return Number.isFinite(value) && value >= least && value <= most;
}

function isAddress(text: string): boolean {
  try {
    return ['https:', 'http:'].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}

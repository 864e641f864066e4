/**
 * Who asks, by what the request shows: the token of a short session of ours with the proof of its key, or an access token
 * of the configuration's issuer that is for this console and nobody else. Never a cookie, which a browser would bring along
 * whoever made it ask (P2).
 */
import { errors, type JWTPayload } from 'jose';
import { clock } from '../clock/clock.ts';
import type { Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { assuranceOf, clockMarginOf } from '../identity/assurance.ts';
import { groupsOfTokenAlone } from '../identity/groups-source.ts';
import { IdTokenRefused, judgeIdToken, longestIdToken } from '../identity/id-token.ts';
import type { IssuerKeys } from '../identity/issuer-keys.ts';
import type { Principal } from '../identity/principal.ts';
import { principalOf } from '../identity/sso-principal.ts';
import type { SsoIdentity } from '../identity/sso-provider.ts';
import { proveHandedToken } from '../identity/workload.ts';
import { idTokenAlgorithms } from '../oauth/id-token-algorithms.ts';
import { conceal } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { BetterSignInNeeded } from './better-sign-in.ts';
import { idOfProof, judgeProof, requireNew, type SeenProofs } from './dpop.ts';
import type { KeysOf } from './issuers.ts';
import { tokenTypes } from './protocol.ts';
import type { ConsoleSessions, Issued } from './sessions.ts';

/** Somebody who asks, and from when until when that is proven. */
export interface Caller extends Issued {
  expiresAt: Date;
}

/** What is judged with. */
export interface CredentialSetting {
  /** Where the console is, as everybody calls it. */
  origin: string;
  sessions: ConsoleSessions;
  seen: SeenProofs;
  keysOf: KeysOf;
}

/** What a request shows. */
export interface Shown {
  method: string;
  path: string;
  authorization: string | undefined;
  /** The `DPoP` header. */
  proof: string | undefined;
}

const signInFirst = { hint: 'run the command again: it signs in' };

/**
 * Who asks. Throws `sign_in_needed` where nothing is shown or what is shown has ended, and what `requireSo` throws of somebody
 * whose word does not count any more, as {@link requireStill}.
 */
export async function callerOf(
  setting: CredentialSetting,
  configuration: Configuration,
  { method, path, authorization, proof }: Shown,
  requireSo: (proven: Caller) => Promise<void>,
): Promise<Caller> {
  const [, scheme = '', token = ''] = /^(DPoP|Bearer) ([\w.~+/-]+=*)$/i.exec(authorization ?? '') ?? [];
  if (token === '') throw new AppError('sign_in_needed', 'the request does not say whose it is', signInFirst);
  if (token.length > longestIdToken) throw new AppError('identity_refused', 'the token is too long');
  conceal(token);
  const bound = scheme.toLowerCase() === 'dpop';
  /** Remembers a good proof of the right key alone: what strangers show would fill the memory that everybody needs. */
  const proven = async (key: string) => {
    const judged = await judgeProof(proof, { method, url: `${setting.origin}${path}`, token });
    if (judged.thumbprint !== key) throw refusedToken('its key is another one');
    await requireNew(setting.seen, judged);
  };
  if (token.includes('.')) {
    const { caller, thumbprint } = await judgeAccessToken(setting, configuration, token);
    if ((thumbprint !== undefined) !== bound) throw refusedToken('it is not shown in the way that it was made for');
    if (thumbprint !== undefined) await proven(thumbprint);
    await requireSo(caller);
    return caller;
  }
  const session = await setting.sessions.find(token);
  if (session === undefined) throw new AppError('sign_in_needed', 'the session has ended', signInFirst);
  if (!bound) throw refusedToken('a session counts with the proof of its key (DPoP) alone');
  // Neither waits for the other: both have to be so.
  const [shown, so] = await Promise.allSettled([proven(session.thumbprint), requireSo(session)]);
  for (const each of [shown, so]) if (each.status === 'rejected') throw each.reason;
  return session;
}

function refusedToken(why: string): AppError {
  return new AppError('identity_refused', `the token is refused: ${why}`, signInFirst);
}

/** One name for all that a person asks for. */
export function personOf({ principal }: Pick<Caller, 'principal'>): string {
  return JSON.stringify([principal.kind, principal.issuer, principal.subject]);
}

/** Throws `identity_refused` where the configuration believes somebody else by now, `sign_in_needed` where the sign-in was ended, and `offboarded` for who was let go. */
export async function requireStill(
  { sessions }: Pick<CredentialSetting, 'sessions'>,
  { interface: { identity } }: Configuration,
  proven: Issued,
): Promise<void> {
  const { kind, issuer, label } = proven.principal;
  const issuerOfPeople = identity.mode === 'sso' ? [identity.issuer] : [];
  const ofJobs = 'workloads' in identity ? (identity.workloads ?? []).map((each) => each.issuer) : [];
  const believed = kind === 'sso' ? issuerOfPeople : kind === 'workload' ? ofJobs : [];
  if (!believed.includes(issuer)) throw refusedToken(`the configuration does not believe ${quote(issuer)}`);
  const { signedOutAt: ended, isGone } = await sessions.standing(proven);
  if (ended !== undefined) {
    const seconds = Math.max(1, Math.min(86_400, Math.ceil((clock.now().getTime() - ended.getTime()) / 1000)));
    throw new BetterSignInNeeded(
      new AppError('sign_in_needed', `the sign-in of ${quote(label)} was ended at ${quote(issuer)}`, {
        hint: 'sign in again: service-connection logout, then service-connection login',
      }),
      { max_age: `${seconds}s` },
    );
  }
  if (!isGone) return;
  throw new AppError('offboarded', `${quote(label)} was let go, and what proves them is of before that`, {
    hint: 'if that is a mistake, an operator lets them in again: service-connection offboard <subject> --undo',
  });
}

/** An access token of RFC 9068: signed by the issuer, for this console, and no other kind of token. */
async function judgeAccessToken(
  { origin, keysOf }: CredentialSetting,
  { interface: { identity } }: Configuration,
  token: string,
): Promise<{ caller: Caller; thumbprint: string | undefined }> {
  if (identity.mode !== 'sso') throw refusedToken('nobody signs in here');
  const claims = await verified(token, identity, origin, keysOf(identity));
  const { exp = 0, cnf } = claims;
  const bound = typeof cnf === 'object' && cnf !== null;
  const thumbprint = bound && 'jkt' in cnf && typeof cnf.jkt === 'string' ? cnf.jkt : undefined;
  if (cnf !== undefined && thumbprint === undefined) throw refusedToken('it is bound to something that is not known');
  return { caller: callerFrom(identity, claims, exp), thumbprint };
}

async function verified(token: string, identity: SsoIdentity, audience: string, keys: IssuerKeys): Promise<JWTPayload> {
  const wanted = {
    typ: 'at+jwt',
    algorithms: [...idTokenAlgorithms],
    issuer: identity.issuer,
    audience,
    requiredClaims: ['iss', 'aud', 'sub', 'exp', 'iat', 'client_id'],
    clockTolerance: clockMarginOf(identity),
    currentDate: clock.now(),
  };
  return await keys.verify(token, wanted).then(
    (payload) => {
      // One that is good elsewhere too could come from there.
      if (Array.isArray(payload.aud) && payload.aud.length !== 1) throw refusedToken('it is for others too (aud)');
      return payload;
    },
    (error: unknown) => {
      if (error instanceof errors.JWKSNoMatchingKey) {
        throw new IdTokenRefused(identity.issuer, 'unknown_key', 'the issuer does not publish its key');
      }
      if (error instanceof errors.JWTExpired)
        throw new AppError('sign_in_needed', 'the token has expired', signInFirst);
      if (error instanceof AppError) throw error;
      throw refusedToken('it is no access token of the issuer for this console');
    },
  );
}

/** Whom the claims of a token prove that was judged; it expires in seconds since 1970. */
export function callerFrom(identity: SsoIdentity, claims: JWTPayload, exp: number): Caller {
  return {
    // What is elsewhere than in the token is not asked for here: the one who shows it may be anybody's server.
    principal: {
      ...principalOf(identity, claims, groupsOfTokenAlone(identity, claims)),
      assurance: assuranceOf(claims, clockMarginOf(identity)),
    },
    issuedAt: new Date((claims.iat ?? 0) * 1000),
    signIn: typeof claims['sid'] === 'string' ? claims['sid'] : undefined,
    expiresAt: new Date(exp * 1000),
  };
}

/** What is exchanged. */
export interface Exchange {
  subjectToken: string;
  subjectTokenType: string;
  proof: string | undefined;
  path: string;
}

/**
 * A session for what proves somebody: an ID token of our own client, or the token of a job (RFC 8693). It is bound to the
 * key that the request is proven with. Throws `usage`, `identity_refused` or `offboarded`.
 */
export async function exchange(
  setting: CredentialSetting,
  configuration: Configuration,
  { subjectToken, subjectTokenType, proof, path }: Exchange,
): Promise<{ token: string; seconds: number; principal: Principal }> {
  conceal(subjectToken);
  // Before anybody is asked for keys: without a key of its own nothing is given.
  const judged = await judgeProof(proof, { method: 'POST', url: `${setting.origin}${path}`, token: undefined });
  const caller = await proven(setting, configuration, subjectToken, subjectTokenType);
  await requireStill(setting, configuration, caller);
  // Remembered for who is proven alone: what strangers show would fill the memory that everybody needs.
  const { thumbprint } = judged;
  const opened = await setting.sessions.open(caller, { thumbprint, until: caller.expiresAt, proof: idOfProof(judged) });
  return { ...opened, principal: caller.principal };
}

async function proven(
  { keysOf }: CredentialSetting,
  { interface: { identity } }: Configuration,
  token: string,
  type: string,
): Promise<Caller> {
  if (type === tokenTypes.person && identity.mode === 'sso') {
    const claims = await judgeIdToken(token, {
      issuer: identity.issuer,
      clientId: identity.client_id,
      keys: keysOf(identity),
      nonce: undefined,
      anyNonce: true,
      authTimeRequired: false,
      marginSeconds: clockMarginOf(identity),
      now: clock.now(),
    });
    return callerFrom(identity, claims, claims.exp ?? 0);
  }
  if (type === tokenTypes.job && 'workloads' in identity && identity.workloads !== undefined) {
    return await proveHandedToken(identity.workloads, token, keysOf, clockMarginOf(identity));
  }
  throw new AppError('usage', `this console does not exchange ${quote(type)}`);
}

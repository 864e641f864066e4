/**
 * Who is operating, by single sign-on: a kept sign-in that is verified again in full, else one that is renewed, else the
 * person signs in. What needs nobody begins at once, beside everything else that a run has to load.
 */

import type { JWTPayload } from 'jose';
import { clock } from '../clock/clock.ts';
import type { Requirement } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import type { Secret } from '../secret/secret.ts';
import type { KeptSecret } from '../stores/kept-secret.ts';
import type { Stores } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { allOf, assuranceOf, clockMarginOf, secondsOf, unmet } from './assurance.ts';
import { type GroupsTold, groupsIn } from './groups.ts';
import { groupsOf } from './groups-source.ts';
import { claimsIn, IdTokenRefused, judgeIdToken } from './id-token.ts';
import { keptPlace } from './kept-place.ts';
import { isKeepable, type KeptSignIn, keptNowhere, printKept, scopesSince } from './kept-sign-in.ts';
import { settlePerson } from './last-person.ts';
import type { HandedToken, Proof, ProofChoice, Proven } from './proof.ts';
import type { SignedIn } from './sso.ts';
import { principalOf } from './sso-principal.ts';
import { findProvider, type SsoIdentity } from './sso-provider.ts';
import { theirClock } from './their-clock.ts';

/** What a proof by single sign-on needs. */
export interface SsoRun {
  identity: SsoIdentity;
  visit: BrowserVisit;
  /** Undefined where a sign-in is kept in memory only, which is: for one run. */
  place: KeptSecret | undefined;
  /** Taken before anything that is kept. */
  handed: HandedToken | undefined;
  /** What a person can do who wants it kept where it is not. */
  keepInstead: string | undefined;
  stores: Pick<Stores, 'signIns' | 'issuerKeys'>;
  /** Asks whether somebody else than the last person is right here; undefined where nobody can be asked. */
  confirm: ((question: string) => Promise<boolean>) | undefined;
}

/** A kept sign-in after a look at it: who it is, or why it is of no use. */
type Look = Known | { why: string | undefined; loud: boolean };

/** Claims that were judged in this run, and what else is known by them. */
interface Known {
  claims: JWTPayload;
  told: GroupsTold | undefined;
  /** The ID token that they are of. */
  token: Secret;
  source: Proven['source'];
}

/** Begins a proof: the provider is asked and the kept sign-in is read. Nobody is asked for anything yet. */
export function beginSso(run: SsoRun): Proof {
  const { identity } = run;
  const { signIns } = run.stores;
  const marginSeconds = clockMarginOf(identity);
  const their = theirClock(identity.issuer, marginSeconds);
  const visit: BrowserVisit = { ...run.visit, fetch: their.watch(run.visit.fetch) };
  const abandoned = new AbortController();
  const place = run.place && keptPlace(run.place, visit.warn, run.keepInstead);
  const early = (url: string, init?: Parameters<typeof visit.fetch>[1]) =>
    visit.fetch(url, { ...init, signal: init?.signal ?? abandoned.signal });
  const finding = findProvider(identity, early, run.stores.issuerKeys);
  let reading = run.place?.asks === true || run.handed !== undefined ? undefined : place?.read();
  finding.catch(() => {});
  reading?.catch(() => {});
  const abandon = async () => {
    abandoned.abort();
    // Nothing of a run goes on after it.
    await finding.catch(() => {});
  };
  const readKept = () => {
    reading ??= place?.read();
    return reading;
  };

  const judgeToken = async (
    token: string,
    kept: Pick<KeptSignIn, 'nonce' | 'refreshed' | 'accessToken'>,
    now: Date,
  ): Promise<JWTPayload> => {
    const provider = await finding;
    return await judgeIdToken(token, {
      issuer: provider.server.issuer,
      clientId: identity.client_id,
      keys: provider.keys,
      nonce: kept.nonce,
      nonceOptional: kept.refreshed,
      accessToken: kept.accessToken?.reveal(),
      authTimeRequired: false,
      marginSeconds,
      now,
    });
  };
  const judge = (kept: KeptSignIn) => judgeToken(kept.idToken.reveal(), kept, clock.now());
  /** What claims say of groups, or `stale` where that can only be asked with a newer access token. */
  const tell = async (claims: JWTPayload, kept: KeptSignIn): Promise<GroupsTold | 'stale' | undefined> => {
    const provider = await finding;
    const told = await groupsOf({ identity, provider, fetch: visit.fetch, claims, accessToken: kept.accessToken });
    const before = kept.groupsToken?.reveal();
    const { groups_claim: name, groups_kept_for: keptFor } = identity;
    if (told === undefined || told === 'stale' || told.kind !== 'left out') return told;
    if (before === undefined || name === undefined || keptFor === undefined) return told;
    // Judged as of when it was issued: it may have expired, but not its key, and it has to be the same person's.
    const issuedAt = claimsIn(before).iat ?? 0;
    const then = await judgeToken(before, { nonce: kept.nonce, refreshed: true }, new Date(issuedAt * 1000)).catch(
      refusedAs,
    );
    if (then instanceof IdTokenRefused || then.sub !== claims.sub) return told;
    const age = clock.now().getTime() / 1000 - issuedAt;
    if (age < -marginSeconds || age > secondsOf(keptFor)) return told;
    const when = new Date(issuedAt * 1000).toISOString();
    return groupsIn(then, name, `the ID token of ${when}, since the renewed one leaves it out`);
  };
  /** How long ago somebody signed in does not become less by a renewal. */
  const asOfSignIn = (claims: JWTPayload, { authTime: first }: KeptSignIn): JWTPayload => {
    const { authTime } = assuranceOf(claims);
    return first === undefined || authTime === undefined ? claims : { ...claims, auth_time: Math.min(first, authTime) };
  };
  const look = async (): Promise<Look> => {
    const kept = await readKept();
    if (place === undefined || kept === undefined) return { why: undefined, loud: false };
    // Renewing it would not widen it (RFC 6749 section 6): a claim that is asked for now would stay out for its whole life.
    const missing = scopesSince(kept, identity.scopes).map(quote).join(', ');
    if (missing !== '') {
      return {
        why: `it was made without ${missing}, which the configuration asks for now (identity.scopes)`,
        loud: true,
      };
    }
    const judged = await judge(kept).catch(refusedAs);
    const flaw = judged instanceof IdTokenRefused ? judged : undefined;
    // Nothing is shown to a provider for a clock that is wrong: what came of it would look as old, or as early.
    const explained = their.explained(flaw);
    if (explained !== flaw) throw explained;
    const told = judged instanceof IdTokenRefused ? undefined : await tell(judged, kept);
    if (!(judged instanceof IdTokenRefused) && told !== 'stale') {
      return { claims: asOfSignIn(judged, kept), told, token: kept.idToken, source: 'kept' };
    }
    // A key that the issuer published when it signed this, and has withdrawn since, or replaced under the same name.
    const outdated = flaw === undefined || ['expired', 'unknown_key', 'signature'].includes(flaw.flaw);
    const why =
      flaw?.message ?? `${quote(identity.issuer)} does not take its access token any more, which groups are asked with`;
    if (!outdated || kept.refreshToken === undefined) return { why, loud: !outdated };
    const { renew } = await import('./renew.ts');
    const renewal = await renew({
      identity,
      provider: await finding,
      visit,
      place,
      signIns,
      kept,
      watch: their.watch,
      judge: async (other) => {
        const claims = await judge(other).catch(refusedAs);
        return claims instanceof IdTokenRefused ? undefined : claims;
      },
    });
    // What was kept speaks of somebody else than the provider does: then the flaw of what was kept says more.
    if ('why' in renewal)
      return { why: flaw?.flaw === 'signature' ? `${why}; ${renewal.why}` : renewal.why, loud: true };
    const renewedTold = await tell(renewal.claims, renewal.kept);
    if (renewedTold === 'stale')
      return { why: 'its groups cannot be asked for: the access token is refused', loud: true };
    return {
      claims: asOfSignIn(renewal.claims, renewal.kept),
      told: renewedTold,
      token: renewal.kept.idToken,
      source: renewal.by === 'us' ? 'renewed' : 'kept',
    };
  };

  /** The token that was handed over, judged as one that came just now; only its nonce is for whoever asked for it to compare. */
  const lookAtHanded = async ({ token, issuer, called: where }: HandedToken): Promise<Known> => {
    const hint = `it is in ${where}: have whoever set it sign in again, or unset it to sign in here`;
    if (issuer !== identity.issuer) {
      const whose = issuer === undefined ? 'does not say whose it is' : `is of ${quote(issuer)}`;
      throw new AppError(
        'identity_refused',
        `the token that was handed over ${whose}, and believed is ${quote(identity.issuer)}`,
        { hint },
      );
    }
    const provider = await finding;
    const claims = await judgeIdToken(token.reveal(), {
      issuer: provider.server.issuer,
      clientId: identity.client_id,
      keys: provider.keys,
      nonce: undefined,
      anyNonce: true,
      authTimeRequired: false,
      marginSeconds,
      hint,
      now: clock.now(),
    }).catch((error: unknown) => {
      throw their.explained(error);
    });
    const alone = { idToken: token, nonce: undefined, refreshed: true, refreshToken: undefined, scopes: undefined };
    const told = await tell(claims, alone);
    // What groups are asked with is not handed over: then none counts.
    return { claims, told: told === 'stale' ? undefined : told, token, source: 'handed' };
  };

  const canKeep = () => place !== undefined && place.unusable() === undefined;
  const proven = async ({ claims, told, token, source }: Known, isKept: boolean): Promise<Proven> => ({
    principal: { ...principalOf(identity, claims, told), assurance: assuranceOf(claims, marginSeconds) },
    source,
    expiresAt: new Date((claims.exp ?? 0) * 1000),
    keptIn: isKept ? place?.called : undefined,
    token,
    provider: await finding,
  });

  /**
   * Ends what is kept at the provider, whyever somebody signs in again: once it is written over, its refresh token would be
   * alive and known to nobody. Not after the new sign-in, since some providers end everything of a client with one of its
   * tokens. The ID token stays, and counts until it expires where nobody finishes.
   */
  async function endKept(): Promise<void> {
    const { server, keys } = await finding;
    if (place === undefined || typeof server.revocation_endpoint !== 'string') return;
    const { withSignInMutex } = await import('./renew.ts');
    const { revokeGrant } = await import('../oauth/revoke.ts');
    const { settingOf } = await import('./sso.ts');
    const { client } = settingOf({ identity, provider: { server, keys }, visit });
    await withSignInMutex({ identity, signIns, visit }, async () => {
      const kept = await place.read();
      if (kept?.refreshToken === undefined) return;
      if (await revokeGrant(server, client, kept.refreshToken, visit)) {
        await place.write(printKept({ ...kept, refreshToken: undefined }));
      } else
        visit.warn(
          'the provider did not confirm that the sign-in before has ended: it may last there until it expires',
        );
    });
  }

  async function signInAnew(requirement: Requirement, choice: ProofChoice): Promise<Proven> {
    const { signIn, signInByCode } = await import('./sso.ts');
    const provider = await finding;
    const willBeKept = canKeep();
    const show: typeof visit.show = async (...shown) => {
      // As late as can be: what fails before a person is asked for anything leaves what was there.
      await endKept();
      return await visit.show(...shown);
    };
    const request = { identity, provider, visit: { ...visit, show }, requirement, willBeKept };
    const showCode = choice.byCode === true ? visit.showCode : undefined;
    if (showCode !== undefined) {
      const { requireDeviceFlow } = await import('../oauth/device.ts');
      requireDeviceFlow(provider.server, identity.issuer);
      await endKept();
    }
    const signingIn = showCode === undefined ? signIn(request) : signInByCode(request, showCode);
    const { claims, kept }: SignedIn = await signingIn.catch((error: unknown) => {
      throw their.explained(error);
    });
    /** What nobody keeps is given back: it would be one more that is alive and that nobody knows. */
    const giveBack = async () => {
      if (kept.refreshToken === undefined) return;
      const { revokeGrant } = await import('../oauth/revoke.ts');
      const { settingOf } = await import('./sso.ts');
      const { server, client } = settingOf(request);
      await revokeGrant(server, client, kept.refreshToken, visit);
    };
    let isKept = false;
    try {
      // Before it is kept: a sign-in of somebody else would stay.
      await settlePerson({ ...run, signIns, warn: visit.warn }, principalOf(identity, claims, undefined));
      const told = await tell(claims, kept);
      if (told === 'stale') {
        throw new AppError(
          'identity_refused',
          `${quote(identity.issuer)} does not take its own access token for userinfo`,
        );
      }
      isKept = willBeKept && (await keep(kept));
      return await proven({ claims, told, token: kept.idToken, source: 'fresh' }, isKept);
    } finally {
      if (!isKept || !isKeepable(kept.refreshToken?.reveal())) await giveBack();
    }
  }

  /** Whether it was kept. Who it is, is proven; that the next run has to ask again is no reason to refuse this one. */
  async function keep(signedIn: KeptSignIn): Promise<boolean> {
    if (place === undefined) return false;
    const { accessToken, refreshToken } = signedIn;
    const kept: KeptSignIn = {
      ...signedIn,
      accessToken: isKeepable(accessToken?.reveal()) ? accessToken : undefined,
      refreshToken: isKeepable(refreshToken?.reveal()) ? refreshToken : undefined,
    };
    const { withSignInMutex } = await import('./renew.ts');
    return await withSignInMutex({ identity, signIns, visit }, () => place.write(printKept(kept))).catch(
      (error: unknown) => {
        if (!(error instanceof AppError) || error.code === 'interrupted') throw error;
        visit.warn(`the sign-in could not be kept: ${error.message}`);
        return false;
      },
    );
  }

  async function proveAs(choice: ProofChoice): Promise<Proven> {
    // Its own requirement is not asked of somebody who only wants to know who they are.
    const requirement = choice.sign === 'never' ? {} : allOf([identity.require, choice.requirement]);
    if (choice.sign === 'always') {
      // Whatever the place asks for, it asks before the sign-in does.
      await readKept();
      return await signInAnew(requirement, choice);
    }
    const { handed } = run;
    const seen = handed === undefined ? await look() : await lookAtHanded(handed);
    if ('claims' in seen) {
      const lacking = unmet(assuranceOf(seen.claims, marginSeconds), requirement, clock.now());
      if (lacking === undefined) {
        // Who only wants to know who they are is told.
        if (choice.sign !== 'never') {
          await settlePerson({ ...run, signIns, warn: visit.warn }, principalOf(identity, seen.claims, undefined));
        }
        return await proven(seen, seen.source !== 'handed');
      }
      const which = seen.source === 'handed' ? 'sign-in that was handed over' : 'kept sign-in';
      visit.warn(`the ${which} is not enough here: ${lacking}; please sign in again`);
    } else if (choice.sign === 'never') {
      const message = ['nobody is signed in', seen.why].filter(Boolean).join(': ');
      // Where a sign-in ends with its run, to send somebody to `login` would lead nowhere.
      const hint = canKeep()
        ? choice.command && `run: ${choice.command}`
        : [keptNowhere, run.keepInstead].filter(Boolean).join('; ');
      throw new AppError('sign_in_needed', message, hint === undefined ? {} : { hint });
    } else if (seen.loud) {
      visit.warn(`the kept sign-in is not used: ${seen.why}`);
    }
    return await signInAnew(requirement, choice);
  }

  return {
    abandon,
    async prove(choice = {}) {
      try {
        return await proveAs(choice);
      } catch (error) {
        await abandon();
        throw error;
      }
    },
  };
}

/** A token that is refused, as a value; anything else that went wrong goes on. */
function refusedAs(error: unknown): IdTokenRefused {
  if (error instanceof IdTokenRefused) return error;
  throw error;
}

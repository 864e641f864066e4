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
import { allOf, assuranceOf, unmet } from './assurance.ts';
import { IdTokenRefused, judgeIdToken } from './id-token.ts';
import { keptPlace } from './kept-place.ts';
import { type KeptSignIn, keptNowhere, printKept, scopesSince } from './kept-sign-in.ts';
import { settlePerson } from './last-person.ts';
import type { Proof, ProofChoice, Proven } from './proof.ts';
import type { SignedIn } from './sso.ts';
import { principalOf } from './sso-principal.ts';
import { findProvider, type SsoIdentity } from './sso-provider.ts';

/** What a proof by single sign-on needs. */
export interface SsoRun {
  identity: SsoIdentity;
  visit: BrowserVisit;
  /** Undefined where a sign-in is kept in memory only, which is: for one run. */
  place: KeptSecret | undefined;
  /** What a person can do who wants it kept where it is not. */
  keepInstead: string | undefined;
  stores: Pick<Stores, 'signIns' | 'issuerKeys'>;
  /** Asks whether somebody else than the last person is right here; undefined where nobody can be asked. */
  confirm: ((question: string) => Promise<boolean>) | undefined;
}

/** A good ID token, and where it comes from. */
interface Seen {
  claims: JWTPayload;
  token: Secret;
  source: Proven['source'];
}

/** A kept sign-in after a look at it: who it is, or why it is of no use. */
type Look = Seen | { why: string | undefined; loud: boolean };

/** Begins a proof: the provider is asked and the kept sign-in is read. Nobody is asked for anything yet. */
export function beginSso(run: SsoRun): Proof {
  const { identity, visit } = run;
  const { signIns } = run.stores;
  const abandoned = new AbortController();
  const place = run.place && keptPlace(run.place, visit.warn, run.keepInstead);
  const early = (url: string, init?: Parameters<typeof visit.fetch>[1]) =>
    visit.fetch(url, { ...init, signal: init?.signal ?? abandoned.signal });
  const finding = findProvider(identity, early, run.stores.issuerKeys);
  let reading = run.place?.asks === true ? undefined : place?.read();
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

  const judge = async (kept: KeptSignIn): Promise<JWTPayload> => {
    const provider = await finding;
    return await judgeIdToken(kept.idToken.reveal(), {
      issuer: provider.server.issuer,
      clientId: identity.client_id,
      keys: provider.keys,
      nonce: kept.nonce,
      nonceOptional: kept.refreshed,
      authTimeRequired: false,
      now: clock.now(),
    });
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
    const flaw = await judge(kept).catch((error: unknown) => {
      if (error instanceof IdTokenRefused) return error;
      throw error;
    });
    if (!(flaw instanceof IdTokenRefused)) return { claims: flaw, token: kept.idToken, source: 'kept' };
    // A key that the issuer published when it signed this, and has withdrawn since.
    const outdated = flaw.flaw === 'expired' || flaw.flaw === 'unknown_key';
    if (!outdated || kept.refreshToken === undefined) return { why: flaw.message, loud: !outdated };
    const { renew } = await import('./renew.ts');
    const renewal = await renew({
      identity,
      provider: await finding,
      visit,
      place,
      signIns,
      kept,
      judge: (other) =>
        judge(other).catch((error: unknown) => {
          if (error instanceof IdTokenRefused) return undefined;
          throw error;
        }),
    });
    if ('why' in renewal) return { why: renewal.why, loud: true };
    return { claims: renewal.claims, token: renewal.token, source: renewal.by === 'us' ? 'renewed' : 'kept' };
  };

  const canKeep = () => place !== undefined && place.unusable() === undefined;
  const proven = ({ claims, token, source }: Seen, isKept: boolean): Proven => ({
    principal: { ...principalOf(identity, claims), assurance: assuranceOf(claims) },
    source,
    expiresAt: new Date((claims.exp ?? 0) * 1000),
    keptIn: isKept ? place?.called : undefined,
    token,
  });

  async function signInAnew(requirement: Requirement, choice: ProofChoice): Promise<Proven> {
    const { signIn, signInByCode } = await import('./sso.ts');
    const provider = await finding;
    const willBeKept = canKeep();
    const request = { identity, provider, visit, requirement, willBeKept };
    const { claims, kept }: SignedIn =
      choice.byCode && visit.showCode !== undefined
        ? await signInByCode(request, visit.showCode)
        : await signIn(request);
    const seen: Seen = { claims, token: kept.idToken, source: 'fresh' };
    // Before it is kept: a sign-in of somebody else would stay.
    await settlePerson({ ...run, signIns, warn: visit.warn }, principalOf(identity, claims));
    if (place === undefined || !willBeKept) return proven(seen, false);
    const { withSignInLock } = await import('./renew.ts');
    const written = await withSignInLock({ identity, signIns, visit }, () => place.write(printKept(kept))).catch(
      (error: unknown) => {
        // Who it is, is proven; that the next run has to ask again is no reason to refuse this one.
        if (!(error instanceof AppError) || error.code === 'interrupted') throw error;
        visit.warn(`the sign-in could not be kept: ${error.message}`);
        return false;
      },
    );
    return proven(seen, written);
  }

  async function proveAs(choice: ProofChoice): Promise<Proven> {
    // Its own requirement is not asked of somebody who only wants to know who they are.
    const requirement = choice.sign === 'never' ? {} : allOf([identity.require, choice.requirement]);
    if (choice.sign === 'always') {
      // Whatever the place asks for, it asks before the sign-in does.
      await readKept();
      return await signInAnew(requirement, choice);
    }
    const seen = await look();
    if ('claims' in seen) {
      const lacking = unmet(assuranceOf(seen.claims), requirement, clock.now());
      if (lacking === undefined) {
        // Who only wants to know who they are is told.
        if (choice.sign !== 'never') {
          await settlePerson({ ...run, signIns, warn: visit.warn }, principalOf(identity, seen.claims));
        }
        return proven(seen, true);
      }
      visit.warn(`the kept sign-in is not enough here: ${lacking}; please sign in again`);
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

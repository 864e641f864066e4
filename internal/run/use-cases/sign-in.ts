/** Signing in, signing out, and being told who one is. The platform is asked for nothing. */

import { clock } from '../../clock/clock.ts';
import type { Configuration } from '../../config/definitions.ts';
import { reviewedHosts } from '../../config/hosts.ts';
import { AppError } from '../../errors/app-error.ts';
import { unmet } from '../../identity/assurance.ts';
import { keptNowhere } from '../../identity/kept-sign-in.ts';
import { forgetPerson } from '../../identity/last-person.ts';
import type { Proven } from '../../identity/proof.ts';
import { quote } from '../../text/quote.ts';
import { browserVisit } from '../browser-visit.ts';
import { locateProject } from '../place.ts';
import type { Ports } from '../ports.ts';
import { beginOperatorProof, loadProject } from '../project.ts';
import { signInKeeping } from '../sign-in-place.ts';
import type { Nothing } from '../values/common.ts';
import type { LogoutRequest, SignedIn, SignedOut, Whoami, WhoamiRequest } from '../values/sign-in.ts';

/** Signs in, whoever may be signed in already. */
export async function login(_request: Nothing, ports: Ports): Promise<SignedIn> {
  const configuration = await loadProject(ports, { workspace: 'any' });
  requireSso(configuration, 'sign in to');
  const command = `${ports.executable} login`;
  const visit = browserVisit(ports, command, reviewedHosts(configuration));
  const proof = await beginOperatorProof(ports, configuration, visit);
  const proven = await proof.prove({ sign: 'always', byCode: visit.showCode !== undefined, command });
  const { place, instead } = await signInKeeping(ports, configuration.interface.identity);
  if (place === undefined) ports.tell.warn([keptNowhere, instead].filter(Boolean).join('; '));
  const { missingGroups } = proven.principal;
  if (missingGroups !== undefined) ports.tell.warn(missingGroups);
  return whoIs(proven, undefined);
}

/** Forgets what is kept. */
export async function logout({ dryRun }: LogoutRequest, ports: Ports): Promise<SignedOut> {
  const configuration = await loadProject(ports, { workspace: 'any' });
  const identity = requireSso(configuration, 'sign out of');
  const stores = await ports.stores();
  // Who was here last is asked about as long as their sign-in may still be there.
  const forget = () => forgetPerson({ identity, signIns: stores.signIns });
  const { place } = await signInKeeping(ports, identity);
  if (place === undefined) {
    if (!dryRun) await forget();
    return { removed_from: null, refresh_token: 'none', browser_ends_at: null };
  }
  const visit = browserVisit(ports, `${ports.executable} logout`, reviewedHosts(configuration));
  const { planSignOut, signOut } = await import('../../identity/sign-out.ts');
  if (dryRun) {
    const { kept, unusable, refreshToken } = await planSignOut({ identity, visit, place, stores });
    return {
      would_remove_from: kept ? place.called : null,
      refresh_token: refreshToken,
      beside: { place: place.called, unusable: unusable ?? null },
    };
  }
  const done = await signOut({ identity, visit, place, stores });
  if (!done.removed) {
    throw new AppError('keychain_unavailable', `${place.called} cannot be used: ${quote(done.unusable ?? '')}`, {
      hint: 'what it may keep of a sign-in is still there; make it available and run the command again',
    });
  }
  await forget();
  return { removed_from: place.called, refresh_token: done.refreshToken, browser_ends_at: done.browserEndsAt ?? null };
}

/** Says who the run would be for. Nobody is asked to sign in: it ends with 4 where somebody would have to be. */
export async function whoami({ explain }: WhoamiRequest, ports: Ports): Promise<Whoami> {
  const place = await locateProject(ports);
  const configuration = await loadProject(ports, { workspace: 'any' });
  const visit = browserVisit(ports, `${ports.executable} whoami`, reviewedHosts(configuration));
  const proof = await beginOperatorProof(ports, configuration, visit);
  const proven = await proof.prove({ sign: 'never', command: `${ports.executable} login` });
  const { identity } = configuration.interface;
  const required = identity.mode === 'sso' ? identity.require : undefined;
  const { assurance } = proven.principal;
  const lacking = required && assurance && unmet(assurance, required, clock.now());
  const who = whoIs(proven, lacking);
  if (!explain) return who;
  const { explainSettings } = await import('../explain.ts');
  return { ...who, settings: await explainSettings(ports, configuration, place) };
}

function requireSso({ interface: { identity } }: Configuration, what: string) {
  if (identity.mode === 'sso') return identity;
  throw new AppError('usage', `there is nothing to ${what}: identity.mode is ${quote(identity.mode)}`, {
    hint: 'whoami shows who you are',
  });
}

/** Somebody who is proven, as a value. */
function whoIs({ principal, source, expiresAt, keptIn }: Proven, lacking: string | undefined): SignedIn {
  const { kind, issuer, subject, label, groups, missingGroups, groupsSaid, verifiedEmail, assurance } = principal;
  return {
    kind,
    issuer,
    subject,
    label,
    groups: [...groups],
    groups_missing: missingGroups ?? null,
    groups_said: groupsSaid ?? null,
    verified_email: verifiedEmail ?? null,
    acr: assurance?.acr ?? null,
    amr: [...(assurance?.amr ?? [])],
    auth_time: timeOf(assurance?.authTime) ?? null,
    proven_by: source,
    kept_in: keptIn ?? null,
    expires_at: expiresAt?.toISOString() ?? null,
    not_enough: lacking ?? null,
  };
}

/** Seconds since 1970 as RFC 3339; undefined where there are none, or none that a calendar has. */
function timeOf(seconds: number | undefined): string | undefined {
  const time = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

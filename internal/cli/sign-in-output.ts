import { called } from '../identity/last-person.ts';
import type { Proven } from '../identity/proof.ts';
import type { SignedOut, SignOutPlan } from '../identity/sign-out.ts';
import type { Setting } from '../run/explain.ts';
import { quote, visible } from '../text/quote.ts';
import type { CommandResult } from './program.ts';

/** Who signed in, and where that is kept. */
export function showSignedIn(proven: Proven): CommandResult {
  const { principal, keptIn } = proven;
  const where = keptIn === undefined ? 'for this run only' : `kept in ${keptIn}`;
  return { text: `signed in as ${called(principal)}, ${where}`, json: whoamiValue(proven, undefined) };
}

/** What signing out has ended, and what it could not. */
export function showSignedOut(done: SignedOut | undefined, place: string | undefined): CommandResult {
  const json = { removed_from: place ?? null, refresh_token: done?.refreshToken ?? 'none' };
  if (done === undefined) return { text: 'nobody is signed in: nothing is kept between runs', json };
  const atProvider = {
    none: '',
    revoked: '; the provider has ended it too',
    'not revoked': '; the provider did not confirm that it has ended it: it may last there until it expires',
    'no endpoint': '; the provider takes nothing back: it lasts there until it expires',
  }[done.refreshToken];
  return { text: `signed out: ${place ?? ''} keeps nothing of a sign-in${atProvider}`, json };
}

/** What `logout` would do. */
export function showSignOutPlan({ kept, unusable, refreshToken }: SignOutPlan, place: string): CommandResult {
  const atProvider = {
    none: '',
    'would be revoked': '; the provider would be asked to end it too',
    'no endpoint': '; the provider takes nothing back: it would last there until it expires',
    'provider not reached': '; the provider was not reached: it may last there until it expires',
  }[refreshToken];
  const there =
    unusable === undefined
      ? `nobody is signed in: ${place} keeps nothing of a sign-in`
      : `${place} cannot be used: ${quote(unusable)}`;
  return {
    text: kept ? `would take the sign-in out of ${place}${atProvider}` : there,
    json: { would_remove_from: kept ? place : null, refresh_token: refreshToken },
  };
}

const sources: Record<Proven['source'], string> = {
  fresh: 'a sign-in of this run',
  kept: 'a kept sign-in, verified again just now',
  renewed: 'a kept sign-in, renewed and verified just now',
  system: 'the account database of this machine',
};

/** Who somebody is, line by line. */
export function showWhoami(
  proven: Proven,
  lacking: string | undefined,
  settings: readonly Setting[] | undefined,
): CommandResult {
  const { principal, source, expiresAt, keptIn } = proven;
  const { assurance } = principal;
  const lines: [string, string | undefined][] = [
    ['person', principal.label],
    ['kind', principal.kind],
    ['issuer', principal.issuer],
    ['subject', principal.subject],
    ['groups', principal.groups.join(', ') || (principal.missingGroups ?? 'none')],
    ['verified e-mail', principal.verifiedEmail],
    ['acr', assurance && (assurance.acr ?? 'not said')],
    ['amr', assurance && (assurance.amr.join(', ') || 'not said')],
    ['signed in', assurance && (timeOf(assurance.authTime) ?? 'not said')],
    ['proven by', sources[source]],
    ['kept in', keptIn],
    ['good until', expiresAt?.toISOString()],
    ['not enough', lacking],
  ];
  const shown = lines.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(16)}${visible(value)}`]));
  const explained =
    settings === undefined
      ? []
      : [
          '',
          {
            heading: ['setting', 'value', 'from'],
            rows: settings.map(({ setting, value, source: from, key }) => [
              setting,
              value,
              [from, key].filter(Boolean).join(': '),
            ]),
          },
        ];
  return {
    text: [...shown, ...explained],
    json: { ...whoamiValue(proven, lacking), ...(settings && { settings }) },
  };
}

function whoamiValue({ principal, source, expiresAt, keptIn }: Proven, lacking: string | undefined) {
  const { kind, issuer, subject, label, groups, missingGroups, verifiedEmail, assurance } = principal;
  return {
    kind,
    issuer,
    subject,
    label,
    groups: [...groups],
    groups_missing: missingGroups ?? null,
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

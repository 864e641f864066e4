import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { called } from '../../internal/identity/last-person.ts';
import type { Setting, SignedIn, SignedOut, Whoami } from '../../internal/run/values/sign-in.ts';
import { quote, visible } from '../../internal/text/quote.ts';

/** Who signed in, and where that is kept. */
export function showSignedIn(result: SignedIn): CommandResult {
  const where = result.kept_in === null ? 'for this run only' : `kept in ${result.kept_in}`;
  return { text: `signed in as ${called(result)}, ${where}`, json: result };
}

/** What signing out has ended, and what it could not; or what it would. */
export function showSignedOut(result: SignedOut): CommandResult {
  return { text: 'removed_from' in result ? signedOutText(result) : planText(result), json: result };
}

function signedOutText({
  removed_from: place,
  refresh_token: refreshToken,
  browser_ends_at: browserEndsAt,
}: Extract<SignedOut, { removed_from: unknown }>) {
  if (place === null) return 'nobody is signed in: nothing is kept between runs';
  const atProvider = {
    none: '',
    revoked: '; the provider has ended it too',
    'not revoked': '; the provider did not confirm that it has ended it: it may last there until it expires',
    'no endpoint': '; the provider takes nothing back: it lasts there until it expires',
  }[refreshToken];
  const left =
    browserEndsAt === null
      ? ''
      : `\nyour browser may still be signed in at the provider; to end that too, open ${visible(browserEndsAt)}`;
  return `signed out: ${place} keeps nothing of a sign-in${atProvider}${left}`;
}

function planText({
  would_remove_from: kept,
  refresh_token: refreshToken,
  beside,
}: Extract<SignedOut, { beside: unknown }>) {
  const { place, unusable } = beside;
  const atProvider = {
    none: '',
    'would be revoked': '; the provider would be asked to end it too',
    'no endpoint': '; the provider takes nothing back: it would last there until it expires',
    'provider not reached': '; the provider was not reached: it may last there until it expires',
  }[refreshToken];
  const there =
    unusable === null
      ? `nobody is signed in: ${place} keeps nothing of a sign-in`
      : `${place} cannot be used: ${quote(unusable)}`;
  return kept === null ? there : `would take the sign-in out of ${place}${atProvider}`;
}

const sources: Record<Whoami['proven_by'], string> = {
  fresh: 'a sign-in of this run',
  kept: 'a kept sign-in, verified again just now',
  renewed: 'a kept sign-in, renewed and verified just now',
  handed: 'a token that was handed over, verified just now',
  system: 'the account database of this machine',
};

/** Who somebody is, line by line. Whether there is color is a matter of the terminal alone. */
export function showWhoami(result: Whoami, context: CommandContext): CommandResult {
  const settings = result.settings && [...result.settings, colorSetting(context)];
  const signedIn = result.kind === 'sso';
  const lines: [string, string | null | undefined][] = [
    ['person', result.label],
    ['kind', result.kind],
    ['issuer', result.issuer],
    ['subject', result.subject],
    ['groups', result.groups.join(', ') || (result.groups_missing ?? 'none')],
    ['group claim', result.groups_missing === null ? result.groups_said : null],
    ['verified e-mail', result.verified_email],
    ['acr', signedIn ? (result.acr ?? 'not said') : null],
    ['amr', signedIn ? result.amr.join(', ') || 'not said' : null],
    ['signed in', signedIn ? (result.auth_time ?? 'not said') : null],
    ['proven by', sources[result.proven_by]],
    ['kept in', result.kept_in],
    ['good until', result.expires_at],
    ['not enough', result.not_enough],
  ];
  const shown = lines.flatMap(([name, value]) =>
    typeof value !== 'string' ? [] : [`${name.padEnd(16)}${visible(value)}`],
  );
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
    json: { ...result, ...(settings && { settings }) },
  };
}

function colorSetting({ options, environment }: CommandContext): Setting {
  if (options.color === false) return { setting: 'color', value: 'off', source: 'flag', key: '--no-color' };
  const { NO_COLOR } = environment;
  return {
    setting: 'NO_COLOR',
    value: NO_COLOR ?? 'not set',
    source: NO_COLOR === undefined ? 'default' : 'environment',
  };
}

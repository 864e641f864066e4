/** What a page says about the last act, in words that it shows escaped. */
import type { Service } from '../config/definitions.ts';
import type { ServiceState } from '../connection/check/list.ts';
import type { ConnectionStatus } from '../connection/check/status.ts';
import type { Disconnected } from '../connection/disconnect.ts';
import type { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/exit-codes.ts';
import type { Principal } from '../identity/principal.ts';
import type { Outcome } from '../markup/callback-page.ts';
import { harmlessJson } from '../text/quote.ts';

/** How something looks; the words say the same. */
export type Look = 'ok' | 'warn' | 'bad' | 'plain';

/** What was done, or why it was not. */
export interface Notice {
  look: Look;
  title: string;
  facts?: readonly (readonly [name: string, value: string])[];
  lines: readonly string[];
  /** The service for which another account can be chosen. */
  again?: Service;
}

/** A connection that was made. */
export function noticeOf({ title = 'Done', facts = [] }: Outcome, warnings: readonly string[]): Notice {
  return { look: warnings.length === 0 ? 'ok' : 'warn', title, facts, lines: warnings.map(saidAtPage) };
}

/** What to do next where the advice for a terminal does not fit a page. */
const adviceAtPage: Partial<Record<ErrorCode, string>> = {
  access_denied: 'press the button again and allow it, or ask the administrator of the service',
  account_mismatch:
    'press the button again and choose another account at the service; sign out there first where it asks nobody',
  already_running: 'let the other run end, then press the button again',
  client_needed: 'finish here, and connect it in a terminal: that asks for what is missing and shows none of it',
  client_refused: 'have whoever reviews the file of the service look at the client that it names',
  file_system: 'correct the permissions, then press the button again',
  keychain_unavailable: 'unlock the keychain, then press the button again',
  offboarded: 'ask an operator, who can let somebody in again',
  ownership_ambiguous: 'nothing was chosen; ask an operator, who can see the vaults and archive what is wrong',
  platform_outcome_unknown: 'see below what is connected, and press the button again: it looks first',
  platform_refused: "press the button again; if it stays, ask the platform's support about the request",
  port_taken: 'end the other program, then press the button again',
  service_refused: 'press the button again; if it stays, tell whoever runs the service',
  timed_out: 'press the button again',
  token_refused: 'press the button again',
  token_unusable: 'press the button again; if it stays, the service may not serve the platform',
  callback_refused: 'press the button again; if it stays, tell whoever runs the service',
  vault_full: 'press Disconnect at what nobody uses',
};

/** Words that only mean something where a command line is. */
const atCommandLine =
  /(^|[\s(`"'])--?[a-z]|\b(service-connection|setup-session|skill-sync)\b|\bcommand\b|\brun (it|this|again)\b/i;

/** The parts of an advice that fit a page, which has buttons and no command line; undefined where none does. */
export function fittingPage(advice: string): string | undefined {
  const parts = advice.split('; ').filter((part) => !atCommandLine.test(part));
  return parts.length === 0 ? undefined : parts.join('; ');
}

/** A sentence without what stands in it for a command line: an aside in parentheses, or a part behind a semicolon. */
function saidAtPage(line: string): string {
  const told = line.replace(/\s*\([^()]*(?:^|\s)--[a-z][^()]*\)|\s*\(--[a-z][^()]*\)/gi, '');
  if (!/(^|\s)--[a-z]/i.test(told)) return told;
  const parts = told.split('; ').filter((part) => !/(^|\s)--[a-z]/i.test(part));
  return parts.length === 0 ? told.replace(/\s--[a-z].*$/i, '') : parts.join('; ');
}

/** An error: what could not be done, why, what became of it, and what to do next (P10). */
export function failureNotice(
  title: string,
  { code, message, hint }: AppError,
  { service, warnings }: { service: Service | undefined; warnings: readonly string[] },
): Notice {
  const fitting = hint === undefined ? undefined : fittingPage(hint);
  const signIn =
    code === 'assurance_missing' && service !== undefined
      ? `finish here, then run service-connection ${service.name}, which asks you to sign in the way that is required`
      : undefined;
  const next = [signIn ?? adviceAtPage[code] ?? fitting ?? 'the terminal where service-connection runs says more'];
  if (code === 'account_mismatch' && service !== undefined) {
    next.push(
      `Which accounts may be connected is decided by account.match in config/services/${service.name}.yaml; who reviews that file can change it.`,
    );
  }
  const [first = '', ...more] = next;
  const lines = [...message.split('\n'), ...warnings].map(saidAtPage);
  return {
    look: 'bad',
    title,
    lines: [...lines, `Next: ${first}`, ...more],
    ...(code === 'account_mismatch' && service !== undefined && { again: service }),
  };
}

/** What left the vault. What has to be ended by hand stands where the service does ({@link toEndByHand}). */
export function disconnectedNotice(service: Service, principal: Principal, done: Disconnected): Notice {
  const title = service.title ?? service.name;
  if (done.removed.length === 0) {
    return { look: 'plain', title: `${title}: nothing was connected`, lines: [] };
  }
  return {
    look: 'ok',
    title: `${title} is disconnected`,
    lines: [
      `It is no longer in the vault of ${harmlessJson(principal.label)}; its tokens are destroyed.`,
      `Next: ${toEndByHand(service, done)}`,
    ],
  };
}

/** What somebody still has to do where something was taken out of the vault. */
export function toEndByHand(service: Service, { removed }: Disconnected): string {
  const title = service.title ?? service.name;
  const account = removed.find(({ record }) => record.account !== undefined)?.record.account;
  const whose = account === undefined ? 'the account' : harmlessJson(account);
  return `the access that ${title} granted can only be ended there, in the connected apps of ${whose}.`;
}

/** The state of a connection in words that stand alone. */
export const stateInWords: Record<ConnectionStatus, string> = {
  connected: 'Connected',
  'needs-reconnect': 'Has to be connected again',
  expired: 'Expired',
  'missing-scopes': 'Some access is missing',
  'wrong-account': 'Another account',
  unknown: 'Not known whether it works',
  'not-connected': 'Not connected',
};

/** What a check found. */
export function checkedNotice(found: readonly ServiceState[]): Notice {
  const checked = found.filter(({ connection }) => connection !== undefined);
  const failing = checked.filter(({ status }) => status !== 'connected');
  if (checked.length === 0) return { look: 'plain', title: 'Nothing is connected yet', lines: [] };
  const lines = failing.map(
    ({ service, status, reason }) =>
      `${service.title ?? service.name}: ${stateInWords[status].toLowerCase()}: ${saidAtPage(reason)}`,
  );
  if (failing.length > 0) return { look: 'warn', title: 'Something needs you', lines };
  const [only, ...others] = checked;
  const title = others.length === 0 ? `${only?.service.title ?? only?.service.name} works` : 'Everything works';
  return { look: 'ok', title, lines: ['The services accept the tokens in your vault.'] };
}

/** What a page says about the last act, in words that it shows escaped. */
import type { Service } from '../config/definitions.ts';
import type { ServiceState } from '../connection/check/list.ts';
import type { Disconnected } from '../connection/disconnect.ts';
import type { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/exit-codes.ts';
import type { Principal } from '../identity/principal.ts';
import type { Outcome } from '../markup/callback-page.ts';

/** How something looks; the words say the same. */
export type Look = 'ok' | 'warn' | 'bad' | 'plain';

/** What was done, or why it was not. */
export interface Notice {
  look: Look;
  title: string;
  facts?: readonly (readonly [name: string, value: string])[];
  lines: readonly string[];
}

/** A connection that was made. */
export function noticeOf({ title = 'Done', facts = [] }: Outcome, warnings: readonly string[]): Notice {
  return { look: warnings.length === 0 ? 'ok' : 'warn', title, facts, lines: warnings };
}

/** What to do next where the advice for a terminal would not fit a page. */
const adviceAtPage: Partial<Record<ErrorCode, string>> = {
  access_denied: 'press the button again and allow it, or ask the administrator of the service',
  timed_out: 'press the button again',
  token_refused: 'press the button again',
  platform_outcome_unknown: 'see below what is connected, and press the button again: it looks first',
};

/** An error: what could not be done, why, what became of it, and what to do next (P10). */
export function failureNotice(title: string, { code, message, hint }: AppError, warnings: readonly string[]): Notice {
  const next = adviceAtPage[code] ?? hint;
  const lines = [...message.split('\n'), ...warnings, ...(next === undefined ? [] : [`Next: ${next}`])];
  return { look: 'bad', title, lines };
}

/** What left the vault, and what has to be ended by hand. */
export function disconnectedNotice(service: Service, principal: Principal, { removed }: Disconnected): Notice {
  const title = service.title ?? service.name;
  if (removed.length === 0) {
    return { look: 'plain', title: `${title}: nothing was connected`, lines: [] };
  }
  const account = removed.find(({ record }) => record.account !== undefined)?.record.account;
  return {
    look: 'ok',
    title: `${title} is disconnected`,
    lines: [
      `It is no longer in the vault of ${principal.label}; its tokens are destroyed.`,
      `Next: the access that ${title} granted can only be ended there, in the connected apps of ${account ?? 'the account'}.`,
    ],
  };
}

/** What a check found. */
export function checkedNotice(found: readonly ServiceState[]): Notice {
  const checked = found.filter(({ connection }) => connection !== undefined);
  const failing = checked.filter(({ status }) => status !== 'connected');
  if (checked.length === 0) return { look: 'plain', title: 'Nothing is connected yet', lines: [] };
  const lines = failing.map(({ service, status, reason }) => `${service.title ?? service.name}: ${status}: ${reason}`);
  if (failing.length > 0) return { look: 'warn', title: 'Something needs you', lines };
  const [only, ...others] = checked;
  const title = others.length === 0 ? `${only?.service.title ?? only?.service.name} works` : 'Everything works';
  return { look: 'ok', title, lines: ['The services accept the tokens in your vault.'] };
}

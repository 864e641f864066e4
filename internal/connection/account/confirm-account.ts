/** Carries out what {@link judgeAccountMatch} says: asks the person where a yes is needed, and explains every refusal. */
import type { AccountRule, Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Principal } from '../../identity/principal.ts';
import { quote } from '../../text/quote.ts';
import type { Account } from './account.ts';
import { type AccountCase, type AccountRefusal, canMatch, judgeAccountMatch } from './account-match.ts';

/** What the command line says about the account. */
export interface AccountFlags {
  /** `--expect-account`. */
  expected: string | undefined;
  /** `--accept-account`. */
  accepted: string | undefined;
}

/** Asks the person a question that has a yes. Undefined where nobody is at the terminal. */
export type Confirm = ((question: string) => Promise<boolean>) | undefined;

/** Whose account is to be confirmed. */
export interface AccountToConfirm extends AccountFlags {
  service: Service;
  principal: Principal;
  account: Account | undefined;
  previous: Account | undefined;
  confirm: Confirm;
  /** Asks for what `--accept-account` says, of the account whose exact name it shows. Left out where nobody can be shown it. */
  acceptOther?: Confirm;
}

/** Refuses flags that no account can satisfy, before anybody signs in. Throws `usage`. */
export function checkAccountFlags(service: Service, { expected, accepted }: AccountFlags): void {
  if (expected === undefined && accepted === undefined) return;
  if (service.account === undefined) {
    throw new AppError('usage', `${quote(service.name)} has no way to say whose account it is`, {
      hint: `leave out --expect-account and --accept-account, or add account to config/services/${service.name}.yaml`,
    });
  }
  if (expected !== undefined && accepted !== undefined && expected !== accepted) {
    throw new AppError('usage', '--expect-account and --accept-account name different accounts');
  }
}

/** Refuses a person who cannot meet the rule, before they sign in at the service. Throws `account_mismatch`. */
export function checkRuleCanBeMet(service: Service, principal: Principal, { accepted }: AccountFlags): void {
  const rule = ruleOf(service);
  if (accepted !== undefined || canMatch(rule, principal.verifiedEmail)) return;
  throw refusal('no verified address', { service, principal, account: undefined });
}

/** Returns when the account may be stored, and whether only `--accept-account` let it in. Throws `account_mismatch`. */
export async function confirmAccount(request: AccountToConfirm): Promise<{ accepted: boolean }> {
  const { service, principal, account, previous, confirm } = request;
  const found: AccountCase = { ...request, rule: ruleOf(service), verifiedEmail: principal.verifiedEmail };
  const verdict = judgeAccountMatch(found);
  switch (verdict.kind) {
    case 'accepted':
      return { accepted: false };
    case 'accepted-explicitly':
      return { accepted: true };
    case 'refused': {
      const refused = refusal(verdict.why, request);
      // A name that somebody gave is exact, and what is not named cannot be accepted by name.
      if (verdict.why !== 'another address' || request.expected !== undefined) throw refused;
      if ((await request.acceptOther?.(refused.message)) !== true) throw refused;
      return { accepted: true };
    }
    case 'ask': {
      const change = `${service.name} is connected as ${shown(previous)}, and this would change it to ${shown(account)}`;
      if (confirm === undefined) throw mismatch(change, `run it in a terminal, where it asks${orAccept(account)}`);
      if (!(await confirm(`${change}. Change it?`))) throw mismatch(`${change}: not confirmed`, undefined);
      return { accepted: false };
    }
  }
}

function ruleOf(service: Service): AccountRule {
  return service.account?.match ?? 'none';
}

function refusal(
  why: AccountRefusal,
  request: Omit<AccountToConfirm, keyof AccountFlags | 'previous' | 'confirm' | 'acceptOther'> & Partial<AccountFlags>,
): AppError {
  const { service, principal, account } = request;
  const file = `config/services/${service.name}.yaml`;
  switch (why) {
    case 'unnamed':
      return mismatch(
        `${service.name} did not say whose account it is, so it cannot be compared`,
        `--accept-account cannot help without a name: correct account in ${file}; nothing was stored`,
      );
    case 'not the named one':
      return mismatch(
        `${service.name} connected ${shown(account)}, not ${quote(request.accepted ?? request.expected)}`,
        'sign in there with the account that you named, or name the other one exactly; nothing was stored',
      );
    case 'no verified address':
      return mismatch(
        `${service.name} may only be connected by its account's e-mail address, and nobody has verified one of ${quote(principal.label)}`,
        `the identity provider has to send email with email_verified: true; otherwise match: none in ${file}, or --accept-account <name>`,
      );
    case 'another address':
      return mismatch(
        `${service.name} connected ${shown(account)}, which is not ${ruleOf(service) === 'domain' ? 'of the domain of' : 'the account of'} ${quote(principal.verifiedEmail)}`,
        `sign in there with your own account; nothing was stored${orAccept(account)}`,
      );
  }
}

function mismatch(message: string, hint: string | undefined): AppError {
  return new AppError('account_mismatch', message, hint === undefined ? {} : { hint });
}

function shown(account: Account | undefined): string {
  if (account === undefined) return 'an account that it does not name';
  return `${quote(account.name)}${account.workspace === undefined ? '' : ` (${quote(account.workspace)})`}`;
}

/** The flag to type, with its value only where no shell reads anything into it: the name is the service's text (P9). */
function orAccept(account: Account | undefined): string {
  if (account === undefined) return '';
  const harmless = /^[A-Za-z0-9_][\w.@+-]*$/.test(account.name);
  return `; if this account is meant: --accept-account ${harmless ? account.name : '<its exact name>'}`;
}

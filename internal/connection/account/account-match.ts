/**
 * Whether an account may be stored. Pure, and the only place that decides it: whatever is not proven here is refused,
 * and there is no way to a yes but the rule of the service file or the account's exact name on the command line.
 */
import type { AccountRule } from '../../config/definitions.ts';
import type { Account } from './account.ts';

/** What is known when tokens have come back. */
export interface AccountCase {
  rule: AccountRule;
  /** The principal's address as the identity provider has verified it. */
  verifiedEmail: string | undefined;
  /** What the service answered; undefined when it named nobody. */
  account: Account | undefined;
  /** `--expect-account`: nothing but this account, whatever the rule says. */
  expected: string | undefined;
  /** `--accept-account`: this account, although the rule does not prove it. */
  accepted: string | undefined;
  /** The account of the connection that would be replaced. */
  previous: Account | undefined;
}

/** Why an account is refused. */
export type AccountRefusal = 'unnamed' | 'not the named one' | 'no verified address' | 'another address';

/** What may be done. `ask` stands for a person's yes: a rule is met, but the connection would change accounts. */
export type AccountVerdict =
  | { kind: 'accepted' }
  | { kind: 'accepted-explicitly' }
  | { kind: 'refused'; why: AccountRefusal }
  | { kind: 'ask' };

/** Judges whose account came back. */
export function judgeAccountMatch(found: AccountCase): AccountVerdict {
  const { account, expected, accepted } = found;
  for (const named of [expected, accepted]) {
    if (named === undefined) continue;
    if (account === undefined) return { kind: 'refused', why: 'unnamed' };
    // A name on the command line is exact. That another account would have met the rule is not what was said.
    if (account.name !== named) return { kind: 'refused', why: 'not the named one' };
  }
  const why = mismatch(found);
  if (why !== undefined) return accepted === undefined ? { kind: 'refused', why } : { kind: 'accepted-explicitly' };
  if (accepted === undefined && changesAccount(found)) return { kind: 'ask' };
  return { kind: 'accepted' };
}

/**
 * Why the account of a connection that is stored is not the one that the rule wants now; undefined where it is. The file
 * may have got its rule later, and the record may have been changed since.
 */
export function storedMismatch(
  rule: AccountRule,
  verifiedEmail: string | undefined,
  { account, accountAccepted }: { account?: string | undefined; accountAccepted?: string | undefined },
): AccountRefusal | undefined {
  if (account !== undefined && accountAccepted === account) return undefined;
  const named = account === undefined ? undefined : { name: account };
  return mismatch({ rule, verifiedEmail, account: named });
}

/** Whether a rule can be met at all by somebody with this address, which can be known before anybody signs in. */
export function canMatch(rule: AccountRule, verifiedEmail: string | undefined): boolean {
  return rule === 'none' || addressOf(verifiedEmail) !== undefined;
}

function mismatch({
  rule,
  verifiedEmail,
  account,
}: Pick<AccountCase, 'rule' | 'verifiedEmail'> & { account: { name: string } | undefined }):
  | AccountRefusal
  | undefined {
  if (rule === 'none') return undefined;
  if (account === undefined) return 'unnamed';
  const own = addressOf(verifiedEmail);
  if (own === undefined) return 'no verified address';
  const theirs = addressOf(account.name);
  const same =
    theirs !== undefined && own.domain === theirs.domain && (rule === 'domain' || own.local === theirs.local);
  return same ? undefined : 'another address';
}

/** An account that is named no more cannot be known to be the same. */
function changesAccount({ account, previous }: AccountCase): boolean {
  if (previous === undefined) return false;
  if (account?.name !== previous.name) return true;
  return previous.workspace !== undefined && account.workspace !== previous.workspace;
}

/**
 * The two halves of an address, case-folded. Only one `@` and no spaces or quotes, so that there is one way to read
 * it; only ASCII is folded, because wider folding turns look-alikes (the Kelvin sign) into the letters they imitate.
 */
function addressOf(text: string | undefined): { local: string; domain: string } | undefined {
  const [, local, domain] = /^([^@\s"<>]+)@([^@\s"<>]+)$/.exec(text ?? '') ?? [];
  if (local === undefined || domain === undefined) return undefined;
  return { local: folded(local), domain: folded(domain) };
}

function folded(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Who somebody is to the platform, and who may change what belongs to everybody. Pure. */
import type { Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { type Principal, withMissingGroups } from '../identity/principal.ts';
import type { Actor } from '../platform/actor.ts';
import { isOperator } from '../policy/verdict.ts';
import { quote } from '../text/quote.ts';

/** The actor that somebody proven is. */
export function actorOf({ kind, issuer, subject, label }: Principal): Actor {
  return { kind: kind === 'workload' ? 'job' : 'person', proof: kind, issuer, subject, label };
}

/** Whether the key alone is enough: where the configuration has nobody sign in, or says so. */
export function isByKey(configuration: Configuration | undefined): boolean {
  if (configuration === undefined) return true;
  const { identity, platform } = configuration.interface;
  return identity.mode === 'os' || platform.changes_by_key === 'allow';
}

/** Throws `not_allowed` for somebody who is no operator. `what` follows "may not". */
export function requireOperator(principal: Principal, configuration: Configuration, what: string): void {
  if (isOperator(principal, configuration)) return;
  throw new AppError('not_allowed', `${quote(principal.label)} may not ${what}`, {
    hint: withMissingGroups(principal, 'ask whoever reviews people.operators in config/interface.yaml'),
  });
}

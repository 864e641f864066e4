/** A sign-in that was enough until it was known for what. */
import { clock } from '../clock/clock.ts';
import type { Requirement } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import { unmet } from './assurance.ts';
import { isSamePerson } from './principal.ts';
import type { Proof, Proven } from './proof.ts';

/**
 * Has somebody who is proven prove more where that is needed. Throws what proving throws, and `identity_refused` where
 * somebody else does: what was looked at meanwhile was looked at for the first.
 */
export async function stepUp(proof: Proof, first: Proven, needed: Requirement | undefined): Promise<Proven> {
  const { principal } = first;
  if (needed === undefined) return first;
  if (principal.assurance !== undefined && unmet(principal.assurance, needed, clock.now()) === undefined) return first;
  return requireSame(first, await proof.prove({ requirement: needed }));
}

/** Has the same person sign in again, whatever is kept. Throws as {@link stepUp}. */
export async function signInAgain(proof: Proof, first: Proven, requirement: Requirement): Promise<Proven> {
  return requireSame(first, await proof.prove({ requirement, sign: 'always' }));
}

function requireSame({ principal }: Proven, second: Proven): Proven {
  if (isSamePerson(second.principal, principal)) return second;
  throw new AppError(
    'identity_refused',
    `this was begun by ${quote(principal.label)}, and ${quote(second.principal.label)} signed in`,
    { hint: 'nothing was changed; run the command again as one of the two' },
  );
}

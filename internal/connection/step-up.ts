/** Asking the person again where the scopes of a fresh token do not reach (2026-07-28, "Step-Up Authorization Flow"). */
import { InsufficientScope, namedScopes, type ScopeCase, scopesToAskFor, scopesToStepUpTo } from './scopes.ts';

/** One pass through the browser: asks for the scopes, says which were granted, and tries the token. */
export type Attempt = (scopes: string[] | undefined, granted: (scopes: readonly string[]) => void) => Promise<void>;

/**
 * Makes attempts until the scopes reach, each with more of them than before. An attempt that fails has given its grant
 * back by then, so that no more than one is ever alive. Throws what an attempt throws; `not_allowed` where more is wanted
 * than may be asked for.
 */
export async function attemptWithStepUps(
  known: ScopeCase,
  warn: (text: string) => void,
  attempt: Attempt,
): Promise<void> {
  const asked: string[][] = [];
  let granted: readonly string[] = [];
  for (let scopes = scopesToAskFor(known); ; ) {
    asked.push(scopes ?? []);
    try {
      return await attempt(scopes, (names) => {
        granted = names;
      });
    } catch (error) {
      if (!(error instanceof InsufficientScope)) throw error;
      scopes = scopesToStepUpTo(known, asked, granted, error);
      warn(`${known.service.name} wants more scopes than it granted: you are asked again, for ${namedScopes(scopes)}`);
    }
  }
}

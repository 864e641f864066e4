import type { Identity } from '../config/definitions.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { runningAccount } from '../outside/accounts.ts';
import { judgeAccount } from './os-identity.ts';
import type { Principal } from './principal.ts';

/** Proves who is operating, in the one way that the configuration allows. No flag, file or variable can say it (P2). */
export async function provePrincipal(
  identity: Identity,
  sudoUid: string | undefined,
  visit: BrowserVisit,
): Promise<Principal> {
  if (identity.mode === 'os') return judgeAccount(await runningAccount(), sudoUid);
  const { signIn } = await import('./sso.ts');
  return signIn(identity, visit);
}

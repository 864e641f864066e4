import type { Identity } from '../config/definitions.ts';
import { runningAccount } from '../outside/accounts.ts';
import type { Fetch } from '../outside/http.ts';
import { judgeAccount } from './os-identity.ts';
import type { Principal } from './principal.ts';

/** What a sign-in through the browser needs; the same for single sign-on and for services. */
export interface BrowserVisit {
  fetch: Fetch;
  allowLoopbackHttp: boolean;
  signal: AbortSignal;
  timeoutMs: number;
  /** Prints the URL, opens it where a browser can be seen, and says what it is for. */
  show(url: URL, purpose: string): Promise<{ done(): void }>;
  warn(text: string): void;
}

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

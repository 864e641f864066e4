/**
 * The authorization code flow with PKCE in the person's browser, from bound listener to tokens, for services and for
 * single sign-on alike. openid-client makes the requests; the order and the checks around them are here:
 *
 * 1. the listener is bound (by the caller, before any registration)
 * 2. issuer, state and verifier are fixed for this attempt
 * 3. the browser begins at the listener, which sends it on to the authorization endpoint
 * 4. exactly one judged answer comes back
 * 5. the code is exchanged once
 */
import type { LoopbackListener } from '../outside/loopback.ts';
import type { Announced } from '../stores/announced.ts';
import { awaitAnswer } from './answer.ts';
import type { Shown, VisitPlaces } from './browser-visit.ts';
import { authorizationUrl, type CodeFlow, exchangeCode, newFlow } from './code-flow.ts';
import { libraryConfiguration, type Tokens } from './library.ts';

export interface Attempt extends CodeFlow {
  /** Judges the ID token that came of this attempt, of which the nonce is. */
  judgeIdToken?: (token: string, accessToken: string, nonce: string) => Promise<void>;
  listener: LoopbackListener;
  path: string;
  signal: AbortSignal;
  timeoutMs: number;
  /** Shows where to begin and opens it. */
  visit(places: VisitPlaces): Promise<Shown>;
  warn(text: string): void;
  /** Nobody is sent to a browser for what is not in the record. */
  announced: Announced;
}

/**
 * Carries out one attempt. Throws `access_denied`, `callback_refused`, `sign_in_contested`, `token_refused`, `timed_out` or
 * `interrupted`.
 */
export async function authorize(attempt: Attempt): Promise<Tokens> {
  const secrets = newFlow();
  const { state, nonce } = secrets;
  const { judgeIdToken, listener } = attempt;
  const configuration = libraryConfiguration({
    ...attempt,
    judgeIdToken: judgeIdToken && ((...came) => judgeIdToken(...came, nonce)),
  });
  const { redirectUri, namesPeers } = listener;
  const authorization = await authorizationUrl(configuration, attempt, secrets, redirectUri);
  const wait = awaitAnswer(attempt, state, authorization);
  // Visiting may fail or be interrupted first; the wait must not end as an unhandled rejection then.
  wait.answer.catch(() => {});
  const shown = await attempt.visit({
    start: wait.start(),
    anotherStart: wait.start,
    authorization,
    redirectUri,
    namesPeers,
    server: attempt.server,
  });
  wait.shown({ isPublic: shown.startIsPublic, canPaste: shown.prompt !== undefined });
  const prompt = shown.prompt?.(wait);
  const parameters = await wait.answer.finally(() => {
    prompt?.close();
    shown.done();
  });
  return await exchangeCode(configuration, attempt, secrets, redirectUri, parameters);
}

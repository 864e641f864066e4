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
import * as openid from 'openid-client';
import { checkedUrl } from '../outside/http.ts';
import type { LoopbackListener } from '../outside/loopback.ts';
import { conceal, Secret } from '../secret/secret.ts';
import type { Announced } from '../stores/announced.ts';
import { awaitAnswer } from './answer.ts';
import type { Shown, VisitPlaces } from './browser-visit.ts';
import { type LibrarySetting, libraryConfiguration, type Tokens, tokenError } from './library.ts';

export interface Attempt extends Omit<LibrarySetting, 'judgeIdToken'> {
  /** Judges the ID token that came of this attempt, of which the nonce is. */
  judgeIdToken?: (token: string, accessToken: string, nonce: string) => Promise<void>;
  listener: LoopbackListener;
  path: string;
  scopes: readonly string[] | undefined;
  /** The RFC 8707 resource indicator, verbatim; undefined for single sign-on. */
  resource: string | undefined;
  /** Further parameters of the authorization request, from the service's file. */
  parameters: Readonly<Record<string, string>>;
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
  const state = openid.randomState();
  const nonce = attempt.openid ? openid.randomNonce() : undefined;
  const { judgeIdToken } = attempt;
  const configuration = libraryConfiguration({
    ...attempt,
    judgeIdToken: judgeIdToken && ((...came) => judgeIdToken(...came, nonce ?? '')),
  });
  const verifier = new Secret(openid.randomPKCECodeVerifier());
  const url = openid.buildAuthorizationUrl(configuration, {
    ...attempt.parameters,
    response_type: 'code',
    redirect_uri: attempt.listener.redirectUri,
    state,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier.reveal()),
    code_challenge_method: 'S256',
    ...(attempt.scopes === undefined || attempt.scopes.length === 0 ? {} : { scope: attempt.scopes.join(' ') }),
    ...(nonce === undefined ? {} : { nonce }),
    ...(attempt.resource === undefined ? {} : { resource: attempt.resource }),
  });
  const authorization = checkedUrl(url.href, attempt.allowLoopbackHttp);
  const { listener } = attempt;
  const wait = awaitAnswer(attempt, state, authorization);
  // Visiting may fail or be interrupted first; the wait must not end as an unhandled rejection then.
  wait.answer.catch(() => {});
  const { redirectUri, namesPeers } = listener;
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
  // Whoever answers may repeat in an error what it was sent.
  conceal(parameters.get('code') ?? '');

  const callback = new URL(attempt.listener.redirectUri);
  callback.search = parameters.toString();
  try {
    return await openid.authorizationCodeGrant(
      configuration,
      callback,
      {
        pkceCodeVerifier: verifier.reveal(),
        expectedState: state,
        // Whoever judges the ID token does it in place of the library, nonce included.
        idTokenExpected: attempt.openid && judgeIdToken === undefined,
        ...(nonce === undefined || judgeIdToken !== undefined ? {} : { expectedNonce: nonce }),
      },
      attempt.resource === undefined ? {} : { resource: attempt.resource },
    );
  } catch (error) {
    throw tokenError(error, attempt.server.issuer);
  }
}

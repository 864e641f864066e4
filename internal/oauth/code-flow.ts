/**
 * The two requests of the authorization code flow with PKCE: the one that sends the browser there, and the one that exchanges
 * what it brought. Between them somebody waits at a listener (`authorize.ts`), or nobody does, and the browser itself keeps
 * what the second one needs.
 */
import * as openid from 'openid-client';
import { checkedUrl } from '../outside/http.ts';
import { conceal, Secret } from '../secret/secret.ts';
import type { CallbackParameters } from './callback.ts';
import { type LibrarySetting, type Tokens, tokenError } from './library.ts';

/** What is asked for, and where. */
export interface CodeFlow extends Omit<LibrarySetting, 'judgeIdToken'> {
  /** Judges the ID token that came of this attempt, of which the nonce is. */
  judgeIdToken?: (token: string, accessToken: string, nonce: string) => Promise<void>;
  scopes: readonly string[] | undefined;
  /** The RFC 8707 resource indicator, verbatim; undefined for single sign-on. */
  resource: string | undefined;
  /** Further parameters of the authorization request, from the service's file. */
  parameters: Readonly<Record<string, string>>;
}

/** What is fixed for one attempt: its answer counts with these and with no others. */
export interface FlowSecrets {
  state: string;
  nonce: string;
  verifier: Secret;
}

/** Those of a new attempt. */
export function newFlow(): FlowSecrets {
  return {
    state: openid.randomState(),
    nonce: openid.randomNonce(),
    verifier: new Secret(openid.randomPKCECodeVerifier()),
  };
}

/** Where the browser is sent. */
export async function authorizationUrl(
  configuration: openid.Configuration,
  { parameters, scopes, resource, openid: isOpenid, allowLoopbackHttp }: CodeFlow,
  { state, nonce, verifier }: FlowSecrets,
  redirectUri: string,
): Promise<URL> {
  const url = openid.buildAuthorizationUrl(configuration, {
    ...parameters,
    response_type: 'code',
    redirect_uri: redirectUri,
    state,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier.reveal()),
    code_challenge_method: 'S256',
    ...(scopes === undefined || scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    ...(isOpenid ? { nonce } : {}),
    ...(resource === undefined ? {} : { resource }),
  });
  return checkedUrl(url.href, allowLoopbackHttp);
}

/** Exchanges the code of a judged answer, once. Throws what {@link tokenError} says. */
export async function exchangeCode(
  configuration: openid.Configuration,
  { openid: isOpenid, judgeIdToken, resource, server }: CodeFlow,
  { state, nonce, verifier }: FlowSecrets,
  redirectUri: string,
  answer: CallbackParameters,
): Promise<Tokens> {
  // Whoever answers may repeat in an error what it was sent.
  conceal(answer.get('code') ?? '');
  const callback = new URL(redirectUri);
  callback.search = answer.toString();
  try {
    return await openid.authorizationCodeGrant(
      configuration,
      callback,
      {
        pkceCodeVerifier: verifier.reveal(),
        expectedState: state,
        // Whoever judges the ID token does it in place of the library, nonce included.
        idTokenExpected: isOpenid && judgeIdToken === undefined,
        ...(isOpenid && judgeIdToken === undefined ? { expectedNonce: nonce } : {}),
      },
      resource === undefined ? {} : { resource },
    );
  } catch (error) {
    throw tokenError(error, server.issuer);
  }
}

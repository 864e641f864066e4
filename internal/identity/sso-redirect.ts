/**
 * Single sign-on for a browser at a page of ours: nobody waits meanwhile, and whichever process the browser comes back to
 * goes on with what it brings along. What it keeps helps nobody who has only the code, or only that.
 */
import type { JWTPayload } from 'jose';
import { clock } from '../clock/clock.ts';
import type { Requirement } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { deniedError, refused } from '../oauth/answer.ts';
import { judgeAnswer } from '../oauth/callback.ts';
import { authorizationUrl, type CodeFlow, exchangeCode, type FlowSecrets, newFlow } from '../oauth/code-flow.ts';
import { libraryConfiguration } from '../oauth/library.ts';
import type { Fetch } from '../outside/http.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { askFor, clockMarginOf } from './assurance.ts';
import { judgeIdToken } from './id-token.ts';
import { settingOf } from './sso.ts';
import type { SsoIdentity, SsoProvider } from './sso-provider.ts';

/** What both halves need. */
export interface RedirectedSignIn {
  identity: SsoIdentity;
  provider: SsoProvider;
  allowLoopbackHttp: boolean;
  fetch: Fetch;
  redirectUri: string;
  /** What the sign-in has to show. */
  requirement: Requirement;
}

/** What the browser keeps until it comes back. */
export interface Kept {
  state: string;
  nonce: string;
  verifier: string;
}

/** Where the browser goes, and what it keeps meanwhile. Throws `service_metadata`. */
export async function leaveForProvider(request: RedirectedSignIn): Promise<{ to: URL; kept: Kept }> {
  const flow = flowOf(request);
  const secrets = newFlow();
  const to = await authorizationUrl(libraryConfiguration(libraryOf(flow, secrets)), flow, secrets, request.redirectUri);
  return { to, kept: { ...secrets, verifier: secrets.verifier.reveal() } };
}

/** Whether an answer is the one to this attempt: its state says so. */
export function isAnswerTo({ state }: Kept, query: string): boolean {
  return judgeAnswer(query, { state, issuer: '', issuerInResponse: false }).kind !== 'foreign';
}

/**
 * The verified claims of the ID token that came of it. Throws `callback_refused`, `access_denied`, `identity_refused`, and
 * what an exchange throws.
 */
export async function comeBack(request: RedirectedSignIn, kept: Kept, query: string): Promise<JWTPayload> {
  const { identity, provider, requirement, redirectUri } = request;
  const { server } = provider;
  const judgement = judgeAnswer(query, {
    state: kept.state,
    issuer: server.issuer,
    issuerInResponse: server.authorization_response_iss_parameter_supported === true,
  });
  if (judgement.kind === 'denied') throw deniedError(judgement.error, judgement.description, server.issuer);
  if (judgement.kind === 'refused') throw refused(judgement.reason);
  if (judgement.kind !== 'answer') throw refused('it belongs to another sign-in, or says something twice');
  let claims: JWTPayload | undefined;
  const flow: CodeFlow = {
    ...flowOf(request),
    judgeIdToken: async (token, accessToken, nonce) => {
      claims = await judgeIdToken(token, {
        issuer: identity.issuer,
        clientId: identity.client_id,
        keys: provider.keys,
        nonce,
        accessToken,
        // OpenID Connect Core section 3.1.2.1: who asks for max_age gets auth_time.
        authTimeRequired: requirement.max_age !== undefined,
        marginSeconds: clockMarginOf(identity),
        now: clock.now(),
      });
    },
  };
  const secrets = { ...kept, verifier: new Secret(kept.verifier) };
  await exchangeCode(libraryConfiguration(libraryOf(flow, secrets)), flow, secrets, redirectUri, judgement.parameters);
  if (claims === undefined) {
    throw new AppError('identity_refused', `${quote(identity.issuer)} did not say who signed in`);
  }
  return claims;
}

function libraryOf({ judgeIdToken: judge, ...flow }: CodeFlow, { nonce }: FlowSecrets) {
  return { ...flow, judgeIdToken: judge && ((token: string, accessToken: string) => judge(token, accessToken, nonce)) };
}

/** A refresh token would only be one more that can be stolen. */
function flowOf({ identity, provider, allowLoopbackHttp, fetch, requirement }: RedirectedSignIn): CodeFlow {
  return {
    ...settingOf({ identity, provider, visit: { allowLoopbackHttp, fetch } }),
    scopes: identity.scopes.filter((scope) => scope !== 'offline_access'),
    resource: undefined,
    parameters: { ...identity.authorize_parameters, ...askFor(requirement) },
  };
}

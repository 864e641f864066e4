/** Single sign-on: the OpenID Connect code flow with PKCE, or the device flow, its ID token verified in full. */

import type { JWTPayload } from 'jose';
import { clock } from '../clock/clock.ts';
import type { Requirement } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Outcome } from '../markup/callback-page.ts';
import { authorize } from '../oauth/authorize.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { authorizeDevice, requireDeviceFlow } from '../oauth/device.ts';
import type { LibrarySetting, Tokens } from '../oauth/library.ts';
import { listenOnLoopback } from '../outside/loopback.ts';
import { Secret } from '../secret/secret.ts';
import type { Announced } from '../stores/announced.ts';
import { quote } from '../text/quote.ts';
import { askFor, assuranceMissing, assuranceOf, clockMarginOf, signInOf, unmet } from './assurance.ts';
import { asksForGroups } from './groups-source.ts';
import { judgeIdToken } from './id-token.ts';
import type { KeptSignIn } from './kept-sign-in.ts';
import type { Assurance } from './principal.ts';
import { principalOf } from './sso-principal.ts';
import type { SsoIdentity, SsoProvider } from './sso-provider.ts';

/** What a sign-in needs. */
export interface SignInRequest {
  identity: SsoIdentity;
  provider: SsoProvider;
  visit: BrowserVisit;
  /** What it has to show. */
  requirement: Requirement;
  /** Whether it will be kept: without that, no refresh token is asked for. */
  willBeKept: boolean;
}

/** Verified claims, and what is to be kept of them. */
export interface SignedIn {
  claims: JWTPayload;
  kept: KeptSignIn;
}

/** The claims of somebody who signed in and of whom nothing else is known yet. */
interface Judged {
  claims: JWTPayload | undefined;
  idToken: string | undefined;
  nonce: string | undefined;
}

/**
 * Signs the person in through the browser. Throws what {@link authorize} throws, `identity_refused` or
 * `assurance_missing`.
 */
export async function signIn(request: SignInRequest): Promise<SignedIn> {
  const { identity, visit, requirement } = request;
  const listener = await listenOnLoopback(identity.redirect, visit.returnTo);
  let ended: Outcome = { ok: false, title: 'You are not signed in' };
  try {
    const judged: Judged = { claims: undefined, idToken: undefined, nonce: undefined };
    const obtain = (announced: Announced) =>
      authorize({
        ...settingOf(request),
        announced,
        listener,
        path: identity.redirect.path,
        scopes: scopesOf(request),
        resource: undefined,
        parameters: { ...identity.authorize_parameters, ...askFor(requirement) },
        signal: visit.signal,
        timeoutMs: visit.timeoutMs,
        visit: (places) => visit.show(places, `sign in at ${quote(identity.issuer)}`),
        warn: visit.warn,
        judgeIdToken: async (token, accessToken, nonce) => {
          judged.claims = await judgeIdToken(token, { ...expectationOf(request), accessToken, nonce });
          judged.nonce = nonce;
          judged.idToken = token;
        },
      });
    const signedIn = await recorded(request, async (announced) => signedInAs(request, await obtain(announced), judged));
    ended = {
      ok: true,
      title: 'Signed in',
      facts: [['As', principalOf(identity, signedIn.claims, undefined).label]],
      next: 'The terminal goes on. You can close this tab.',
    };
    return signedIn;
  } finally {
    await listener.finish(ended);
  }
}

/** Signs the person in by a code that is entered in any browser. Throws as {@link authorizeDevice}, and `usage`. */
export async function signInByCode(
  request: SignInRequest,
  showCode: NonNullable<BrowserVisit['showCode']>,
): Promise<SignedIn> {
  const { identity, provider, visit, requirement } = request;
  requireDeviceFlow(provider.server, identity.issuer);
  const judged: Judged = { claims: undefined, idToken: undefined, nonce: undefined };
  const obtain = (announced: Announced) =>
    authorizeDevice({
      ...settingOf(request),
      announced,
      scopes: scopesOf(request),
      resource: undefined,
      parameters: askFor(requirement),
      signal: visit.signal,
      timeoutMs: visit.timeoutMs,
      showCode: (address, code) => showCode(address, code, `sign in at ${quote(identity.issuer)}`),
      judgeIdToken: async (token, accessToken) => {
        judged.claims = await judgeIdToken(token, { ...expectationOf(request), accessToken, nonce: undefined });
        judged.idToken = token;
      },
    });
  return await recorded(request, async (announced) => signedInAs(request, await obtain(announced), judged));
}

/** A sign-in is in the record before anybody is asked for it, and who it was after (P7). */
function recorded(
  { identity, visit }: SignInRequest,
  work: (announced: Announced) => Promise<SignedIn>,
): Promise<SignedIn> {
  const target = { kind: 'sign_in', id: undefined, label: identity.client_id } as const;
  return visit.recorder.act({ act: 'sign_in.obtain', target, server: identity.issuer }, work, ({ claims }) => {
    const { issuer, subject, label } = principalOf(identity, claims, undefined);
    const how = signInOf(assuranceOf(claims));
    return { proved: { kind: 'person', proof: 'sso', issuer, subject, label, ...how } };
  });
}

/** What the library has to know of the provider and of us there. */
export function settingOf({
  identity,
  provider,
  visit,
}: Pick<SignInRequest, 'identity' | 'provider'> & {
  visit: Pick<BrowserVisit, 'allowLoopbackHttp' | 'fetch'>;
}): Omit<LibrarySetting, 'judgeIdToken'> {
  const { client_id: clientId, public_client_secret: secret } = identity;
  return {
    server: provider.server,
    client:
      secret === undefined
        ? { clientId, authMethod: 'none' }
        : { clientId, authMethod: 'client_secret_post', secret: new Secret(secret) },
    tokenResponse: 'standard',
    openid: true,
    allowLoopbackHttp: visit.allowLoopbackHttp,
    fetch: visit.fetch,
  };
}

function expectationOf({ identity, provider, requirement }: SignInRequest) {
  return {
    issuer: provider.server.issuer,
    clientId: identity.client_id,
    keys: provider.keys,
    // OpenID Connect Core section 3.1.2.1: who asks for max_age gets auth_time.
    authTimeRequired: requirement.max_age !== undefined,
    marginSeconds: clockMarginOf(identity),
    now: clock.now(),
  };
}

const offlineScope = 'offline_access';

/** A refresh token that nobody keeps would only be one more that can be stolen. */
function scopesOf({ identity, willBeKept }: SignInRequest): readonly string[] {
  return willBeKept ? identity.scopes : identity.scopes.filter((scope) => scope !== offlineScope);
}

function signedInAs(request: SignInRequest, tokens: Tokens, { claims, idToken, nonce }: Judged): SignedIn {
  const { identity, requirement } = request;
  const { refresh_token: refreshToken, access_token: accessToken } = tokens;
  if (claims === undefined || idToken === undefined) {
    throw new AppError('identity_refused', `${quote(identity.issuer)} did not say who signed in`);
  }
  const assurance = assuranceOf(claims, clockMarginOf(identity));
  const why = unmet(assurance, requirement, clock.now());
  if (why !== undefined) throw notEnoughNow(why, requirement, assurance);
  return {
    claims,
    kept: {
      idToken: new Secret(idToken),
      nonce,
      refreshed: false,
      refreshToken: refreshToken === undefined ? undefined : new Secret(refreshToken),
      scopes: scopesOf(request),
      authTime: assurance.authTime,
      ...(asksForGroups(identity) && { accessToken: new Secret(accessToken) }),
    },
  };
}

/** A sign-in that is too old although the person has just come from there: the provider had a session, and did not ask. */
function notEnoughNow(why: string, { max_age: age, ...others }: Requirement, assurance: Assurance): AppError {
  const isAge = age !== undefined && unmet(assurance, others, clock.now()) === undefined;
  return isAge
    ? new AppError('assurance_missing', `the sign-in is not enough: ${why}`, {
        hint: 'the provider asked for nothing although max_age was asked for: authorize_parameters: { prompt: login } under identity makes it ask',
      })
    : assuranceMissing(why);
}

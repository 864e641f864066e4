/** From a catalogued service to tokens: discovery, registration, the flow in the browser, and whose account came back. */
import { clock } from '../clock/clock.ts';
import type { Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Outcome } from '../markup/callback-page.ts';
import {
  type AuthorizationServer,
  chooseIssuer,
  discoverAuthorizationServer,
  expectationOf,
} from '../oauth/authorization-server.ts';
import { authorize } from '../oauth/authorize.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { authorizeDevice, requireDeviceFlow } from '../oauth/device.ts';
import { reviewedIn } from '../oauth/exceptions.ts';
import type { SignInAtIdp } from '../oauth/id-jag.ts';
import { type Tokens, UnusableTokens } from '../oauth/library.ts';
import { splitScopes } from '../oauth/metadata.ts';
import { discoverProtectedResource } from '../oauth/protected-resource.ts';
import { OAuthRefusal } from '../oauth/refusal.ts';
import type { OAuthClient } from '../oauth/registration.ts';
import type { Announcement } from '../platform/recorder.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { readAccount } from './account/account.ts';
import {
  type ClientAtHand,
  clientForCode,
  clientKnownToIdp,
  type ListeningClient,
  listenAgain,
  listenAsClient,
  mayAskFor,
  withClient,
} from './client/client.ts';
import type { AcquireRequest, Grant } from './grant.ts';
import { type Lifetime, lifetimeOf } from './lifetime.ts';
import { consentFor, InsufficientScope, scopesOfClient, scopesRefused, warnOfChange, warnOfMore } from './scopes.ts';
import { attemptWithStepUps } from './step-up.ts';
import { tokensThroughIdp } from './through-idp.ts';

/**
 * Runs the flow, again with more scopes where the service wants them. `conclude` stores the grant while the browser's page
 * still waits for the true outcome.
 */
export async function acquire(request: AcquireRequest): Promise<void> {
  const { service, visit, existing } = request;
  const { authorization } = service;
  const exceptions = reviewedIn(service.unlisted ? undefined : `config/services/${service.name}.yaml`);
  const found = await discoverProtectedResource(service.mcp_server_url, visit.fetch, {
    reviewed: authorization.resource,
    exceptions,
  });
  if (found.address !== service.mcp_server_url) warnOfAddress(service, found.address, visit.warn);
  const issuer = chooseIssuer(found, authorization.issuers, service.name);
  const legacy = found.withoutMetadata ? { allowed: request.legacyEndpoints, warn: visit.warn } : undefined;
  const throughIdp = (request.via ?? authorization.via) === 'idp' ? await signInAt(visit) : undefined;
  const expectation = {
    ...expectationOf(authorization, issuer),
    legacy,
    exceptions,
    // Nobody brings a code that could be stolen on the way.
    ...(throughIdp !== undefined && { requirePkce: false }),
  };
  const server = await discoverAuthorizationServer(expectation, visit.fetch);
  request.judgeServer?.(server);
  request.detail(`authorization server ${quote(server.issuer)}, resource ${quote(found.resource)}`);

  const resource = service.authorization.resource_parameter ? found.resource : undefined;
  const known = { service, found, server, choice: request.scopeChoice, existing };
  const { showCode } = visit;
  const giveBack = async (error: unknown, client: OAuthClient, redirectUri: string | undefined): Promise<never> => {
    if (error instanceof UnusableTokens) {
      const nothing = { refreshToken: undefined, expiresAt: undefined, scopes: [], account: undefined };
      await request.giveBack({ ...nothing, accessToken: error.token, client, server, redirectUri, resource });
    }
    throw error;
  };
  const bounded: Bounded = (scopes, client) => scopesOfClient(known, scopes, client.scopes, visit.warn);
  const way = { resource, giveBack, bounded };
  const ask =
    throughIdp !== undefined
      ? byIdp(request, server, throughIdp, { ...way, assertedResource: found.resource })
      : showCode === undefined
        ? byBrowser(request, server, way)
        : byCode(request, server, showCode, way);
  await attemptWithStepUps(known, visit.warn, async (scopes, granted) => {
    const take: Take = async (tokens, asked, client, redirectUri) => {
      const token = { accessToken: tokens.access_token, refreshable: tokens.refresh_token !== undefined };
      const lifetime = lifetimeOf(service, tokens.expires_in, token, clock.now());
      if (lifetime.warning !== undefined) visit.warn(lifetime.warning);
      const how = { client, server, redirectUri, resource, account: undefined, via: throughIdp && ('idp' as const) };
      const grant = { ...grantOf(tokens, asked, lifetime), ...how };
      granted(grant.scopes);
      warnOfMore(service, asked, grant.scopes, visit.warn);
      const outcome = await request.conclude(grant);
      warnOfChange(service, existing, grant.scopes, visit.warn);
      return outcome;
    };
    await ask(scopes, take).catch((error: unknown) => {
      throw error instanceof OAuthRefusal && error.error === 'invalid_scope'
        ? scopesRefused(error, known, scopes)
        : error;
    });
  });
}

/** Says that the server is somewhere else than its file has it. The platform asks at the address of the file. */
function warnOfAddress(
  { name, mcp_server_url: asked, unlisted }: Service,
  address: string,
  warn: (text: string) => void,
) {
  const where = unlisted ? 'use that address' : `set mcp_server_url in config/services/${name}.yaml to that address`;
  warn(`${quote(asked)} sends every request on to ${quote(address)}: ${where}`);
}

/** What is announced before somebody is sent to a service. */
function grantOfService({ name }: Service, { issuer }: AuthorizationServer): Announcement {
  return { act: 'grant.obtain', target: { kind: 'grant', id: undefined, label: name }, server: issuer };
}

/** Which of the scopes a client may ask for. */
type Bounded = (scopes: string[] | undefined, client: OAuthClient) => string[] | undefined;

/** Keeps the tokens of one pass; says what the browser's page is to say. */
type Take = (
  tokens: Tokens,
  asked: string[] | undefined,
  client: OAuthClient,
  redirectUri: string | undefined,
) => Promise<Outcome>;

/** Throws what a pass ended with, having given back what came of it and cannot be used. */
type GiveBack = (error: unknown, client: OAuthClient, redirectUri: string | undefined) => Promise<never>;

/** What every pass goes by. */
interface EveryPass {
  resource: string | undefined;
  giveBack: GiveBack;
  bounded: Bounded;
}

/** One pass from scopes to tokens, with another client where the service no longer knows the one from memory. */
type Ask = (scopes: string[] | undefined, take: Take) => Promise<void>;

/**
 * Through the browser. The listener is bound before the registration and closed on every path. The first pass decides on
 * the client; the others come back to the same address, which is all that it may be used with.
 */
function byBrowser(
  request: AcquireRequest,
  server: AuthorizationServer,
  { resource, giveBack, bounded }: EveryPass,
): Ask {
  const { service, visit } = request;
  const { authorization, title = service.name } = service;
  let again = request.existing !== undefined;
  let find = (anew: boolean, scopes: string[] | undefined) => listenAsClient(request, server, anew, scopes);
  const pass = async (at: ListeningClient, wanted: string[] | undefined, take: Take) => {
    const { listener, client } = at;
    find = (_anew, wanted) =>
      mayAskFor(client, wanted) ? listenAgain(at, request) : listenAsClient(request, server, true, wanted);
    request.detail(`client ${quote(client.clientId)}, callback ${listener.redirectUri}`);
    let ended: Outcome = { ok: false, title: `${title} was not connected` };
    try {
      const scopes = bounded(wanted, client);
      await request.asking({ client, server, redirectUri: listener.redirectUri });
      const tokens = await visit.recorder
        .act(grantOfService(service, server), (announced) =>
          authorize({
            announced,
            server,
            client,
            listener,
            path: authorization.redirect.path,
            scopes,
            resource,
            parameters: { ...consentFor(scopes, server, again), ...authorization.authorize_parameters },
            tokenResponse: authorization.token_response,
            openid: false,
            allowLoopbackHttp: visit.allowLoopbackHttp,
            fetch: visit.fetch,
            signal: visit.signal,
            timeoutMs: visit.timeoutMs,
            visit: (places) => visit.show(places, `allow access to ${title}`),
            warn: visit.warn,
          }),
        )
        .catch((error: unknown) => giveBack(error, client, listener.redirectUri));
      at.proven = true;
      ended = await take(tokens, scopes, client, listener.redirectUri);
    } catch (error) {
      if (error instanceof InsufficientScope) ended = { ok: false, ...wantsMore(title) };
      throw error;
    } finally {
      again = true;
      await listener.finish(ended);
    }
  };
  return async (scopes, take) => {
    const findFor = find;
    await withClient(
      request,
      (anew) => findFor(anew, scopes),
      (at) => pass(at, scopes, take),
    );
  };
}

/** What the page says where another may follow. */
const wantsMore = (title: string): Omit<Outcome, 'ok'> => ({
  title: `${title} wants more access`,
  next: 'The terminal says how it goes on: you may be asked once more, on a page of its own.',
});

/** Through the device flow: no listener, and a client that nothing is sent back to. */
function byCode(
  request: AcquireRequest,
  server: AuthorizationServer,
  showCode: NonNullable<BrowserVisit['showCode']>,
  { resource, giveBack, bounded }: EveryPass,
): Ask {
  const { service, visit } = request;
  requireDeviceFlow(server, service.name);
  const { allowLoopbackHttp, fetch, signal, timeoutMs } = visit;
  let find = (anew: boolean, scopes: string[] | undefined) => clientForCode(request, server, anew, scopes);
  const pass = async (at: ClientAtHand, wanted: string[] | undefined, take: Take) => {
    const { client } = at;
    find = async (_anew, more) =>
      mayAskFor(client, more) ? { ...at, remembered: false } : await clientForCode(request, server, true, more);
    const scopes = bounded(wanted, client);
    await request.asking({ client, server, redirectUri: undefined });
    const tokens = await visit.recorder
      .act(grantOfService(service, server), (announced) =>
        authorizeDevice({
          announced,
          server,
          client,
          scopes,
          resource,
          tokenResponse: service.authorization.token_response,
          openid: false,
          allowLoopbackHttp,
          fetch,
          signal,
          timeoutMs,
          showCode: (address, code) => showCode(address, code, `allow access to ${service.title ?? service.name}`),
        }),
      )
      .catch((error: unknown) => giveBack(error, client, undefined));
    at.proven = true;
    await take(tokens, scopes, client, undefined);
  };
  return async (scopes, take) => {
    const findFor = find;
    await withClient(
      request,
      (anew) => findFor(anew, scopes),
      (at) => pass(at, scopes, take),
    );
  };
}

/** Throws `sign_in_needed` where nobody has signed in whose sign-in could be exchanged. */
async function signInAt({ atIdp }: BrowserVisit): Promise<SignInAtIdp> {
  if (atIdp !== undefined) return await atIdp();
  throw new AppError('sign_in_needed', 'nobody has signed in whose sign-in the identity provider could exchange');
}

/** Through the identity provider: nobody is asked, and the client is one that the provider knows. */
function byIdp(
  request: AcquireRequest,
  server: AuthorizationServer,
  signIn: SignInAtIdp,
  { resource, assertedResource, giveBack, bounded }: EveryPass & { assertedResource: string },
): Ask {
  const { service, visit } = request;
  return (wanted, take) =>
    withClient(
      request,
      (anew) => clientKnownToIdp(request, server, anew, wanted),
      async (at) => {
        const { client } = at;
        // Nothing is left for the next run to tell of: nobody allows anything, and what is given ends soon by itself.
        const scopes = bounded(wanted, client);
        const target = { server, client };
        const { token_response: tokenResponse } = service.authorization;
        const tokens = await visit.recorder
          .act(grantOfService(service, server), (announced) =>
            tokensThroughIdp(
              { signIn, target, assertedResource, resource, scopes, tokenResponse, visit, detail: request.detail },
              announced,
            ),
          )
          .catch((error: unknown) => giveBack(error, client, undefined));
        at.proven = true;
        await take(tokens, scopes, client, undefined);
      },
    );
}

/** Reads whose account a grant is of. */
export async function withAccount(grant: Grant, service: Service, visit: BrowserVisit): Promise<Grant> {
  return { ...grant, account: await readAccount(service, grant.accessToken, visit.fetch, visit.signal) };
}

function grantOf(tokens: Tokens, asked: readonly string[] | undefined, { seconds }: Lifetime) {
  return {
    accessToken: new Secret(tokens.access_token),
    refreshToken: tokens.refresh_token === undefined ? undefined : new Secret(tokens.refresh_token),
    expiresAt: seconds === undefined ? undefined : new Date(clock.now().getTime() + seconds * 1000),
    // RFC 6749 section 5.1: an answer without scope grants what was asked for.
    scopes: tokens.scope === undefined ? [...(asked ?? [])] : splitScopes(tokens.scope),
  };
}

/**
 * How local agents come to access, and how it is renewed and ended: through the identity provider, or by a grant of their own
 * whose refresh token never was in a vault. Whoever calls this has the turn.
 */
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import { isSamePerson } from '../../identity/principal.ts';
import { discoverAuthorizationServer, expectationOf } from '../../oauth/authorization-server.ts';
import { reviewedIn } from '../../oauth/exceptions.ts';
import { splitScopes } from '../../oauth/metadata.ts';
import { type Refreshed, refreshTokens } from '../../oauth/refresh.ts';
import { revokeGrant } from '../../oauth/revoke.ts';
import { guardedFetch } from '../../outside/http.ts';
import { Secret } from '../../secret/secret.ts';
import { type KeptSecret, SecretUnavailable } from '../../stores/kept-secret.ts';
import type { KeptText } from '../../stores/kept-text.ts';
import { quote } from '../../text/quote.ts';
import { readAccount } from '../account/account.ts';
import { requireAudience } from '../account/audience.ts';
import { checkRuleCanBeMet, confirmAccount } from '../account/confirm-account.ts';
import { acquire } from '../acquire.ts';
import type { Grant } from '../grant.ts';
import { lifetimeOf } from '../lifetime.ts';
import { type AccessSource, isSendable, isTheirs, type KeptAccess, parseAccess, printAccess } from './kept-access.ts';
import {
  type AllowRequest,
  inTurn,
  type LocalAccessRequest,
  neededAgain,
  unavailable,
  wantedBy,
} from './local-access.ts';

/** An exchange for the sign-in. What cannot be kept is asked for again by the next call. */
export async function obtainedByIdp(request: LocalAccessRequest): Promise<KeptAccess> {
  const { place, service } = request;
  const access = await acquired(request, 'idp', async (grant) => accessOf(request, grant, 'idp', undefined));
  requireNoMore(access, request);
  if (access.expiresAt === undefined) return access;
  // It can be had again at any time: where it cannot be kept, that costs an exchange and nothing else.
  await place?.write(printAccess(access)).catch((error: unknown) => {
    if (!(error instanceof SecretUnavailable)) throw error;
    request.detail(`the access to ${service.name} is not kept: ${quote(error.message)}`);
  });
  return access;
}

/**
 * The flow in the browser. What cannot be kept is given back. Throws `keychain_unavailable`, `account_mismatch`, `not_allowed`,
 * and what the flow throws.
 */
export async function granted(request: AllowRequest): Promise<KeptAccess> {
  const { service, principal, accountFlags, place, visit } = request;
  checkRuleCanBeMet(service, principal, accountFlags);
  if (place === undefined) {
    throw new AppError('keychain_unavailable', `nothing is kept between runs here, and what is allowed would be lost`, {
      hint: 'set identity.keep in your own settings.yaml, or unset MAI_KEYCHAIN',
    });
  }
  return await acquired(request, 'grant', async (grant) => {
    requireAudience(grant, service, { acceptAudience: false, warn: visit.warn });
    const account = await readAccount(service, grant.accessToken, visit.fetch, visit.signal);
    await confirmAccount({ ...accountFlags, service, principal, account, previous: undefined, confirm: undefined });
    const access = accessOf(request, grant, 'grant', account?.name);
    requireNoMore(access, request);
    await place.write(printAccess(access)).catch((error: unknown) => {
      throw unavailable(error, place);
    });
    return access;
  });
}

/** Throws `not_allowed` for access that reaches further than the person may here, which nothing could hold back later (P5). */
function requireNoMore(access: KeptAccess, request: LocalAccessRequest): void {
  if (isTheirs(access, wantedBy(request))) return;
  const { service, principal } = request;
  throw new AppError('not_allowed', `${quote(service.name)} granted more than ${quote(principal.label)} may have`, {
    hint: 'nothing was kept; name the scopes in its file that only read (authorization.scopes.read_only)',
  });
}

/** Runs the flow; what came of it and is not kept is given back. */
async function acquired(
  request: LocalAccessRequest,
  source: AccessSource,
  keep: (grant: Grant) => Promise<KeptAccess>,
): Promise<KeptAccess> {
  const { service, visit, place, scopeChoice, detail } = request;
  const { title = service.name } = service;
  const clients = await request.clients();
  let access: KeptAccess | undefined;
  const giveBack = async (grant: Grant) => {
    if (source === 'idp') return;
    const { server, client, refreshToken, accessToken } = grant;
    if (!isShared(service) && (await revokeGrant(server, client, refreshToken ?? accessToken, visit))) return;
    visit.warn(
      `${service.name} still lists an access that nobody uses: remove it in the connected apps of the account`,
    );
  };
  await acquire({
    service,
    visit,
    existing: undefined,
    left: undefined,
    newClient: false,
    clients,
    isClientForgotten: async () => false,
    scopeChoice,
    legacyEndpoints: false,
    via: source === 'idp' ? 'idp' : undefined,
    detail,
    asking: async () => {
      // Once it is written over, its refresh token would be alive and known to nobody.
      if (source === 'grant' && place !== undefined) await endAccess({ service, visit, place });
    },
    giveBack,
    conclude: async (grant) => {
      try {
        access = await keep(grant);
      } catch (error) {
        await giveBack(grant);
        throw error;
      }
      const facts: [string, string][] = [['Account', access.account ?? 'not named by the service']];
      return {
        ok: true,
        title: `${title} is open to your local agents`,
        facts,
        next: 'You can close this tab.',
      };
    },
  });
  if (access === undefined) throw new AppError('bug', 'the flow ended without a result');
  return access;
}

function accessOf(
  { service, principal }: LocalAccessRequest,
  { accessToken, refreshToken, expiresAt, scopes, server, client, resource }: Grant,
  source: AccessSource,
  account: string | undefined,
): KeptAccess {
  if (!isSendable(accessToken)) {
    throw new AppError('token_unusable', `the token of ${quote(service.name)} cannot stand in a header`);
  }
  const { issuer } = server;
  const person = principal;
  return { source, person, accessToken, refreshToken, expiresAt, scopes, issuer, client, resource, account };
}

/** How long an answer that is under way is waited for after an interruption: a token that came of it would be lost. */
const afterInterruptionMs = 5_000;

/**
 * Shows the refresh token once, and keeps what comes back before anybody has it. Throws `connection_needed` where it has ended,
 * and what asking throws: then it is kept.
 */
export async function refreshed(request: LocalAccessRequest, kept: KeptAccess, refreshToken: Secret): Promise<Secret> {
  const { service, visit } = request;
  const { authorization, name } = service;
  const server = await serverOf(request, kept);
  const { allowLoopbackHttp, reviewedHosts, proxies, signal } = visit;
  const limit = new AbortController();
  const interrupt = () => clock.after(afterInterruptionMs, () => limit.abort());
  if (signal.aborted) throw new AppError('interrupted', 'interrupted before the access was renewed');
  signal.addEventListener('abort', interrupt, { once: true });
  const setting = {
    server,
    client: kept.client,
    tokenResponse: authorization.token_response,
    openid: false,
    allowLoopbackHttp,
    // Connections of its own: what came over an idle one that is dead would be lost.
    fetch: guardedFetch({ allowLoopbackHttp, reviewedHosts, proxies, signal: limit.signal }),
  };
  const shown = { refreshToken, resource: kept.resource, what: 'to renew the access' };
  try {
    return await visit.recorder.act(
      { act: 'grant.renew', target: { kind: 'grant', id: undefined, label: name }, server: server.issuer },
      async (announced) => await settled(request, kept, await refreshTokens(setting, shown, async () => {}, announced)),
    );
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

async function settled(request: LocalAccessRequest, kept: KeptAccess, outcome: Refreshed): Promise<Secret> {
  const { service } = request;
  switch (outcome.kind) {
    case 'ended':
      await request.place?.remove().catch(unlessUnavailable);
      throw neededAgain(request, `it has ended: ${outcome.error.message}`);
    case 'unused':
    case 'lost':
      throw outcome.error;
    case 'unusable':
      await keep(request, { ...kept, accessToken: undefined, refreshToken: outcome.next ?? kept.refreshToken });
      throw outcome.error;
    case 'tokens': {
      const { access_token: accessToken, refresh_token: next, scope, expires_in: said } = outcome.tokens;
      const now = clock.now();
      const { seconds } = lifetimeOf(service, said, { accessToken, refreshable: true }, now);
      const access: KeptAccess = {
        ...kept,
        accessToken: new Secret(accessToken),
        // One that is not replaced stays good (RFC 6749 section 6).
        refreshToken: next === undefined ? kept.refreshToken : new Secret(next),
        expiresAt: seconds === undefined ? undefined : new Date(now.getTime() + seconds * 1000),
        scopes: scope === undefined ? kept.scopes : splitScopes(scope),
      };
      const token = new Secret(accessToken);
      await keep(request, access);
      if (!isSendable(token))
        throw new AppError('token_unusable', `the token of ${quote(service.name)} cannot stand in a header`);
      if (!isTheirs(access, wantedBy(request))) throw neededAgain(request, 'the service grants more than it may');
      return token;
    }
  }
}

/** Keeps what came of a renewal. Where that cannot be, the next one would show a token that was spent. */
async function keep({ place, service, command }: LocalAccessRequest, access: KeptAccess): Promise<void> {
  await place?.write(printAccess(access)).catch((cause: unknown) => {
    if (!(cause instanceof SecretUnavailable)) throw cause;
    throw new AppError(
      'keychain_unavailable',
      `the access to ${quote(service.name)} was renewed and could not be kept: ${quote(cause.message)}`,
      { cause, hint: `allow it again: ${command}` },
    );
  });
}

function unlessUnavailable(error: unknown): void {
  if (!(error instanceof SecretUnavailable)) throw error;
}

/** Whether a connection in the vault may have been made with the same client: then services may end both together. */
function isShared({ authorization }: LocalAccessRequest['service']): boolean {
  return authorization.client_id !== undefined || authorization.client_metadata_url !== undefined;
}

async function serverOf({ service, visit }: Pick<LocalAccessRequest, 'service' | 'visit'>, { issuer }: KeptAccess) {
  const exceptions = reviewedIn(`config/services/${service.name}.yaml`);
  return await discoverAuthorizationServer(
    { ...expectationOf(service.authorization, issuer), exceptions },
    visit.fetch,
  );
}

/** What became of access that was to end. */
export type AccessEnded = 'none' | 'revoked' | 'not revoked';

/** What ending needs: whose turn it is to renew is known when it is known whose access is kept. */
export interface EndRequest extends Pick<LocalAccessRequest, 'service' | 'visit'> {
  place: KeptSecret;
  turnOf(person: KeptAccess['person']): KeptText;
}

/**
 * Ends what is kept while nobody renews it: a renewal that is under way would keep its token again behind the end. Throws as
 * {@link endAccess}, and `already_running`.
 */
export async function endAccessInTurn(request: EndRequest): Promise<AccessEnded> {
  const { place, turnOf } = request;
  for (;;) {
    const person = await personOf(place);
    if (person === undefined) return await endAccess(request);
    const ended = await inTurn({ ...request, turn: turnOf(person) }, async () => {
      const now = await personOf(place);
      // Somebody else has allowed theirs meanwhile: it is renewed in another turn.
      if (now !== undefined && !isSamePerson(now, person)) return undefined;
      return await endAccess(request);
    });
    if (ended !== undefined) return ended;
  }
}

/** Whose access is kept; undefined where none is, or nothing that anybody could renew. */
async function personOf(place: KeptSecret): Promise<KeptAccess['person'] | undefined> {
  const text = await place.read().catch((error: unknown) => {
    throw unavailable(error, place);
  });
  return text && parseAccess(text)?.person;
}

/**
 * Takes what is kept out of its place, for whoever has the turn, whosever it is, and gives it back at the service where that ends nothing else (RFC 7009).
 * Throws `keychain_unavailable`.
 */
async function endAccess(
  request: Pick<LocalAccessRequest, 'service' | 'visit'> & { place: KeptSecret },
): Promise<AccessEnded> {
  const { service, place, visit } = request;
  const read = async () => {
    const text = await place.read();
    if (text !== undefined) await place.remove();
    return text;
  };
  const text = await read().catch((error: unknown) => {
    throw unavailable(error, place);
  });
  if (text === undefined) return 'none';
  const kept = parseAccess(text);
  const token = kept?.refreshToken ?? kept?.accessToken;
  if (kept === undefined || token === undefined || kept.source === 'idp' || isShared(service)) return 'not revoked';
  // One that is no longer reviewed is asked for nothing.
  if (!service.authorization.issuers.includes(kept.issuer)) return 'not revoked';
  const server = await serverOf(request, kept).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code === 'interrupted') throw error;
    return undefined;
  });
  if (server === undefined) return 'not revoked';
  return (await revokeGrant(server, kept.client, token, visit)) ? 'revoked' : 'not revoked';
}

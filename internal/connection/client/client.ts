/** Which client a connection is made with, and the listener that its redirect URI leads to: both or neither. */

import type { Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import { OAuthRefusal } from '../../oauth/refusal.ts';
import {
  chooseRegistration,
  type OAuthClient,
  type RegistrationWay,
  registerClient,
  requireOwnServer,
} from '../../oauth/registration.ts';
import { type LoopbackListener, listenOnLoopback, type RedirectPlace } from '../../outside/loopback.ts';
import { quote } from '../../text/quote.ts';
import { isUrl } from '../../text/url.ts';
import type { Connection } from '../credentials.ts';
import type { AcquireRequest } from '../grant.ts';
import { enterClient, enterSecret } from './enter-client.ts';
import type { ClientPlace, KnownClient } from './known-clients.ts';

/** A client to run a flow with. */
export interface ClientAtHand {
  client: OAuthClient;
  /** Whether it was taken from memory, so that another one can be made in its place. */
  remembered: boolean;
  /** Whether the server registers another one without anybody's help. */
  registered: boolean;
  /** Set by the flow when the server has given tokens to it, whatever becomes of them. */
  proven: boolean;
  /** What a person entered of it is kept. */
  keep(): Promise<void>;
  /** The server does not know it, or not its secret: nothing of it stays in the keychain. */
  forget(): Promise<void>;
}

/** The same with the listener that its redirect URI leads to, which is open. */
export interface ListeningClient extends ClientAtHand {
  listener: LoopbackListener;
}

/**
 * Runs a flow with a client. Where the server refuses one that came from memory, it is forgotten and the flow runs once
 * more, with another one. Any other refusal ends with `client_refused` and what to check.
 */
export async function withClient<At extends ClientAtHand>(
  { service, newClient, visit }: Pick<AcquireRequest, 'service' | 'newClient' | 'visit'>,
  find: (anew: boolean) => Promise<At>,
  flow: (at: At) => Promise<void>,
): Promise<void> {
  for (let anew = newClient; ; anew = true) {
    const at = await find(anew);
    try {
      return await flow(at);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // It may have been registered for fewer scopes, by a version that did not say which.
      const bound = error instanceof OAuthRefusal && error.error === 'invalid_scope' && at.registered && at.remembered;
      if (error.code !== 'client_refused' && !bound) throw error;
      await at.forget();
      if (!at.remembered) throw explained(error, service, at.client);
      const why = bound ? 'does not let the client' : 'no longer knows the client';
      visit.warn(
        `${service.name} ${why} ${quote(at.client.clientId)}${bound ? ' ask for these scopes' : ''}: another one is needed, and your consent once more`,
      );
    } finally {
      // A wrong account or a full vault is no reason to enter a secret again.
      if (at.proven) await at.keep();
    }
  }
}

function explained(error: AppError, service: Service, client: OAuthClient): AppError {
  const file = `config/services/${service.name}.yaml`;
  const { client_id: catalogued } = service.authorization;
  if (client.clientId !== catalogued) {
    const hint = 'nothing was stored; if it stays, tell whoever runs the service';
    return new AppError('client_refused', error.message, { hint, cause: error });
  }
  const hint =
    client.authMethod === 'none'
      ? `check client_id in ${file}, and whether the service wants a secret: token_endpoint_auth_method`
      : `check client_id and token_endpoint_auth_method in ${file}, then run it again with --new-client and enter the secret`;
  return new AppError('client_refused', error.message, { hint, cause: error });
}

/**
 * The listener and the client for it. A client from memory is used only at its own redirect URI; where that port is taken
 * by now, another client is registered rather than another program answered.
 */
export async function listenAsClient(
  request: AcquireRequest,
  server: AuthorizationServer,
  anew: boolean,
  scopes: readonly string[] | undefined,
): Promise<ListeningClient> {
  const { service, visit } = request;
  const redirect = {
    ...service.authorization.redirect,
    port: visit.callbackPort ?? service.authorization.redirect.port,
  };
  const search: Search = {
    request,
    server,
    way: chooseRegistration(service, server),
    place: {
      issuer: server.issuer,
      mcpServerUrl: service.mcp_server_url,
      redirect: `http://${redirect.host}:${redirect.port ?? '*'}${redirect.path}`,
    },
    anew,
    scopes,
  };
  const remembered = await fromMemory(search);
  if (remembered?.redirectUri !== undefined) {
    const listener = await listenThere(remembered.redirectUri, redirect, visit);
    if (listener !== undefined) return { ...atHand(search, remembered, 'memory'), listener };
  }
  const listener = await listenWhereTheBrowserIs(visit, redirect);
  try {
    return { ...(await becomeClient(search, listener.redirectUri)), listener };
  } catch (error) {
    listener.close();
    throw error;
  }
}

/** The same client once more, at the one address that it may be used with. */
export async function listenAgain(at: ListeningClient, { service, visit }: AcquireRequest): Promise<ListeningClient> {
  const place = { ...service.authorization.redirect, port: Number(new URL(at.listener.redirectUri).port) };
  return { ...at, remembered: false, listener: await listenWhereTheBrowserIs(visit, place) };
}

/** Whether a client may ask for these scopes, as far as the server said. */
export function mayAskFor({ scopes: bound }: OAuthClient, scopes: readonly string[] | undefined): boolean {
  return bound === undefined || (scopes ?? []).every((scope) => bound.includes(scope));
}

/** A client for the device flow, which nothing is sent back to. */
export async function clientForCode(
  request: AcquireRequest,
  server: AuthorizationServer,
  anew: boolean,
  scopes: readonly string[] | undefined,
): Promise<ClientAtHand> {
  const { service } = request;
  const place = { issuer: server.issuer, mcpServerUrl: service.mcp_server_url, redirect: undefined };
  const search: Search = { request, server, way: chooseRegistration(service, server), place, anew, scopes };
  const remembered = await fromMemory(search);
  if (remembered !== undefined) return atHand(search, remembered, 'memory');
  return await becomeClient(search, undefined);
}

/** A client that the identity provider can name in an assertion: one that is there before. Throws `registration_refused`. */
export async function clientKnownToIdp(
  request: AcquireRequest,
  server: AuthorizationServer,
  anew: boolean,
  scopes: readonly string[] | undefined,
): Promise<ClientAtHand> {
  const { service, clients } = request;
  const way = chooseRegistration(service, server);
  if (way !== 'pre-registered' && way !== 'client-metadata') {
    throw new AppError(
      'registration_refused',
      `${quote(service.name)} has no client that the identity provider could know before`,
      { hint: `set client_id in config/services/${service.name}.yaml to the one that is named there` },
    );
  }
  const place = { issuer: server.issuer, mcpServerUrl: service.mcp_server_url, redirect: undefined };
  const at = await becomeClient({ request, server, way, place, anew, scopes }, undefined);
  const { client, remembered } = at;
  // Each renewal shows it anew, where nobody may sit who could hand it over.
  const keep = async () => {
    if (client.secret !== undefined && !remembered)
      await clients.known.keep(place, { client, redirectUri: undefined }, true);
  };
  return { ...at, keep };
}

/** What a client is looked for with. */
interface Search {
  request: AcquireRequest;
  server: AuthorizationServer;
  way: RegistrationWay;
  place: ClientPlace;
  /** Whether what is known is left aside. */
  anew: boolean;
  /** What will be asked for. */
  scopes: readonly string[] | undefined;
}

/** Where a client came from: `entered` by a person, from `memory`, or `given` by the file or the server. */
type Origin = 'entered' | 'memory' | 'given';

function atHand({ request, place, way }: Search, known: KnownClient, origin: Origin): ClientAtHand {
  const { known: clients } = request.clients;
  return {
    client: known.client,
    // The client of the file stays what it is, also where its secret was kept.
    remembered: origin === 'memory' && way !== 'pre-registered',
    registered: way === 'dynamic',
    proven: false,
    async keep() {
      if (origin === 'entered') await clients.keep(place, known, true);
    },
    async forget() {
      if (origin === 'memory') await clients.forget(place);
    },
  };
}

/** The client that is kept in the keychain, else the public one that the vault's record names, if there is any use in it. */
async function fromMemory({ request, server, way, place, anew, scopes }: Search): Promise<KnownClient | undefined> {
  if (anew || (way !== 'dynamic' && way !== 'ask')) return undefined;
  const { service, existing, clients, visit } = request;
  const kept = await clients.known.find(place);
  const known =
    kept ??
    (way === 'dynamic' ? (recordedClient(existing, server, place) ?? unusedClient(request, server, place)) : undefined);
  if (way === 'dynamic' && known !== undefined && !mayAskFor(known.client, scopes)) {
    request.detail(
      `client ${quote(known.client.clientId)} may not ask for all of these scopes: another one is registered`,
    );
    return undefined;
  }
  if (known === undefined || existing?.clientId !== known.client.clientId) return known;
  if (!(await request.isClientForgotten())) return known;
  // The service's page would only show an error, in a browser that never comes back.
  visit.warn(`${service.name} no longer knows the client ${quote(known.client.clientId)}: another one is needed`);
  await clients.known.forget(place);
  return undefined;
}

/** The public client that an interrupted run registered, which nobody has used: better than a second one. */
function unusedClient({ left }: AcquireRequest, { issuer }: AuthorizationServer, { redirect }: ClientPlace) {
  if (left === undefined || left.issuer !== issuer || redirect === undefined) return undefined;
  if (!isUrl(left.redirectUri)) return undefined;
  const client: OAuthClient = { clientId: left.clientId, authMethod: 'none' };
  return { client, redirectUri: left.redirectUri };
}

/** The client of the connection that is there, if it belongs to this very authorization server and has no secret. */
function recordedClient(
  existing: Connection | undefined,
  server: AuthorizationServer,
  { redirect }: ClientPlace,
): KnownClient | undefined {
  const { clientId, tokenEndpoint, authMethod = 'none', record } = existing ?? {};
  if (clientId === undefined || authMethod !== 'none') return undefined;
  if (record?.issuer !== server.issuer || (tokenEndpoint ?? server.token_endpoint) !== server.token_endpoint)
    return undefined;
  const { redirectUri } = record;
  if ((redirect === undefined) !== (redirectUri === undefined)) return undefined;
  if (redirectUri !== undefined && !isUrl(redirectUri)) return undefined;
  return { client: { clientId, authMethod }, redirectUri };
}

/** Listens where a known client comes back to; undefined where that port is taken, or the file says another place. */
async function listenThere(
  redirectUri: string,
  redirect: RedirectPlace,
  visit: AcquireRequest['visit'],
): Promise<LoopbackListener | undefined> {
  const { hostname, port: named } = new URL(redirectUri);
  const port = Number(named);
  if (visit.returnsTo === undefined) {
    // A client that was registered for a page elsewhere is of no use to a listener.
    if (hostname !== redirect.host || port !== (redirect.port ?? port)) return undefined;
  } else if (redirectUri !== visit.returnsTo) return undefined;
  const listener = await listenWhereTheBrowserIs(visit, { ...redirect, port }).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'port_taken' && redirect.port === undefined) return undefined;
    throw error;
  });
  if (listener?.redirectUri === redirectUri) return listener;
  listener?.close();
  return undefined;
}

/** Throws `port_taken`. */
async function listenWhereTheBrowserIs(
  { listen, returnTo }: AcquireRequest['visit'],
  place: RedirectPlace,
): Promise<LoopbackListener> {
  return await (listen === undefined ? listenOnLoopback(place, returnTo) : listen(place));
}

async function becomeClient(search: Search, redirectUri: string | undefined): Promise<ClientAtHand> {
  const { request, server, way, place, anew, scopes } = search;
  const { service, visit, clients } = request;
  const { client_id: clientId = '', client_metadata_url: metadataUrl = '' } = service.authorization;
  switch (way) {
    case 'pre-registered': {
      requireOwnServer(service, server);
      const { token_endpoint_auth_method: authMethod } = service.authorization;
      if (authMethod === 'none') return atHand(search, { client: { clientId, authMethod }, redirectUri }, 'given');
      const known = (secret: OAuthClient['secret']) => ({ client: { clientId, authMethod, secret }, redirectUri });
      const given = clients.entry.secret;
      if (given !== undefined) return atHand(search, known(given), 'given');
      const kept = anew ? undefined : (await clients.known.find(place))?.client;
      // What was kept for another client of the file is none of this one's.
      if (kept?.clientId === clientId && kept.authMethod === authMethod)
        return atHand(search, known(kept.secret), 'memory');
      return atHand(search, known(await enterSecret(service, clients.entry)), 'entered');
    }
    case 'client-metadata':
      return atHand(search, { client: { clientId: metadataUrl, authMethod: 'none' }, redirectUri }, 'given');
    case 'dynamic': {
      const { allowLoopbackHttp, fetch, recorder } = visit;
      const client = await registerClient({ service, server, redirectUri, scopes, allowLoopbackHttp, fetch, recorder });
      await clients.known.keep(place, { client, redirectUri }, false);
      if (client.expiresAt !== undefined) {
        visit.warn(`${service.name} forgets this client on ${client.expiresAt.toISOString()}: connect it again before`);
      }
      return atHand(search, { client, redirectUri }, 'given');
    }
    case 'ask': {
      const client = await enterClient(service, server, redirectUri, clients.entry);
      return atHand(search, { client, redirectUri }, 'entered');
    }
  }
}

/**
 * Which authorization server speaks for an MCP server: RFC 9728 protected resource metadata, found through the
 * 401 challenge or the well-known addresses. Asking and judging are separate functions. oauth4webapi has both, but asks
 * only at the path form of the well-known address, never where a challenge says, and takes no `resource` but the one it
 * asked about, letter by letter: services that publish their bare origin would all be refused.
 */

import { AppError } from '../errors/app-error.ts';
import type { Fetch } from '../outside/http.ts';
import {
  initializeRequest,
  listRequest,
  type McpMessage,
  modernRequest,
  modernVersion,
  protocolVersionOf,
  speaksModernOnly,
} from '../outside/mcp-messages.ts';
import { quote } from '../text/quote.ts';
import { isUrl } from '../text/url.ts';
import { challengesOf } from './challenge.ts';
import type { Exceptions } from './exceptions.ts';
import { askFollowing, movedElsewhere, readJson, redirectTarget } from './json.ts';
import { type DocumentPlace, parseResourceMetadata, type ResourceDocument, splitScopes } from './metadata.ts';

/** What the metadata and the challenge say of a protected resource. */
export interface ProtectedResource {
  /** Where the MCP server is: another address than the asked one where that sends every request on, within its origin. */
  address: string;
  /** The resource indicator exactly as published: it is sent verbatim (RFC 8707), never re-serialised. */
  resource: string;
  authorizationServers: string[];
  /** The scopes of the challenge, else those the metadata lists, else undefined: then none are asked for. */
  scopes: string[] | undefined;
  /** Every scope that the challenge or the metadata names. */
  offeredScopes: string[];
  /** No metadata anywhere: a server of the 2025-03-26 revision, whose origin is the authorization server. */
  withoutMetadata: boolean;
}

/** What a review has let pass of a service, or could. */
export interface ResourceExceptions {
  /** The name that the metadata may give where it is not the address: `authorization.resource` of the service's file. */
  reviewed?: string | undefined;
  exceptions: Exceptions;
}

/** Asks the MCP server who protects it. Throws `service_metadata` when what it says cannot be trusted. */
export async function discoverProtectedResource(
  mcpServerUrl: string,
  fetch: Fetch,
  review?: ResourceExceptions,
): Promise<ProtectedResource> {
  const { challenge, address: mcpAddress, sentOnTo } = await provokeChallenge(mcpServerUrl, fetch);
  const named = challenge.resourceMetadata;
  const whose = `the metadata ${named === undefined ? 'of' : 'that is named by'} ${quote(mcpServerUrl)}`;
  let outOfOrder: { address: string; status: number } | undefined;
  for (const address of named === undefined ? wellKnownAddresses(mcpAddress) : [named]) {
    const place = { address, whose };
    const { followed, status, document } = await askMetadata(place, fetch);
    if (status >= 500) outOfOrder = { address, status };
    if (document !== undefined) {
      const judged = judgeProtectedResource(document, mcpServerUrl, { address: mcpAddress, review, place });
      const offeredScopes = [...new Set([...(challenge.scopes ?? []), ...judged.offeredScopes])];
      return { ...judged, scopes: challenge.scopes ?? judged.scopes, offeredScopes };
    }
    if (named === undefined) continue;
    if (followed.elsewhere !== undefined) {
      throw movedElsewhere(whose, followed, 'ask whoever runs the service to name the address itself');
    }
    throw new AppError('service_metadata', `${whose} is not there: ${quote(address)} answered ${status}, and no JSON`);
  }
  // Where it may only be out of order, nothing follows from its not being there.
  if (outOfOrder !== undefined) {
    const { address, status } = outOfOrder;
    throw new AppError('service_metadata', `${whose} is not to be had: ${quote(address)} answered ${status}`, {
      hint: 'try again later',
    });
  }
  if (sentOnTo !== undefined && mcpAddress === mcpServerUrl) {
    throw new AppError(
      'service_metadata',
      `${quote(mcpServerUrl)} sends on to ${quote(sentOnTo)}, which is not an MCP server, and publishes no metadata about itself`,
      {
        hint: 'ask whoever runs the service for the address that MCP clients use: this one leads to a page for people',
      },
    );
  }
  return {
    address: mcpAddress,
    resource: mcpAddress,
    authorizationServers: [new URL(mcpServerUrl).origin],
    scopes: challenge.scopes,
    offeredScopes: challenge.scopes ?? [],
    withoutMetadata: true,
  };
}

/** What a request without a token, or with one that is not enough, is answered with. */
interface Challenge {
  resourceMetadata: string | undefined;
  scopes: string[] | undefined;
  /** The `error` of RFC 6750 section 3.1. */
  error: string | undefined;
}

/** What came of asking without a token. */
interface Provoked {
  challenge: Challenge;
  /** Where the MCP server is: the address that was asked, or the one of the same origin that it sends every request on to. */
  address: string;
  /** Where a redirect pointed, whether or not there is an MCP server. */
  sentOnTo: string | undefined;
}

/**
 * A first request without a token, in the dialect that the server speaks; where the server lets anybody begin, the list of
 * its tools as well. Any answer but a 401 proves nothing, not even that no token is needed: discovery then goes on without
 * a challenge. Throws `service_metadata` where the server sends requests on to another origin.
 */
async function provokeChallenge(mcpServerUrl: string, fetch: Fetch): Promise<Provoked> {
  let address = mcpServerUrl;
  let sentOnTo: string | undefined;
  let answer = await askWithoutToken(initializeRequest());
  const modern = speaksModernOnly(answer.json) || protocolVersionOf(answer.json) === modernVersion;
  if (modern) answer = await askWithoutToken(modernRequest('server/discover'));
  if (answer.ok) {
    answer = await askWithoutToken(modern ? modernRequest('tools/list') : listRequest(answer.session), {
      unread: true,
    });
  }
  return { challenge: judgeChallenge(answer.challenge, mcpServerUrl), address, sentOnTo };

  /** `unread`: a list of tools, which may be long, is not waited for. */
  async function askWithoutToken({ headers, body }: McpMessage, { unread = false } = {}) {
    const send = (to: string) => fetch(to, { method: 'POST', headers, body: JSON.stringify(body) });
    let response = await send(address);
    let asked = address;
    for (let hops = 0; hops < mostHops; hops += 1) {
      const target = redirectTarget(response, asked);
      if (target === undefined) break;
      sentOnTo = target.href;
      // Only these two keep the method: to anything else, what answers is a page for browsers.
      if (response.status !== 307 && response.status !== 308) break;
      await response.body?.cancel();
      if (target.origin !== new URL(mcpServerUrl).origin) throw sentElsewhere(mcpServerUrl, target);
      asked = target.href;
      response = await send(asked);
    }
    const { status, ok } = response;
    const skips = unread && ok;
    if (skips) await response.body?.cancel();
    const json = skips ? undefined : await readJson(response, status);
    // What wants a token, or answers in JSON-RPC, is the server; the sign-in page of a web application is not.
    if (status === 401 || json?.['jsonrpc'] === '2.0') address = asked;
    const challenge = status === 401 ? response.headers.get('www-authenticate') : null;
    return { ok, challenge, session: response.headers.get('mcp-session-id'), json };
  }
}

/** As many as the requests with a token follow. */
const mostHops = 3;

function sentElsewhere(mcpServerUrl: string, target: URL): AppError {
  return new AppError(
    'service_metadata',
    `${quote(mcpServerUrl)} sends requests on to another origin: ${quote(`${target.origin}${target.pathname}`)}`,
    {
      hint: 'nothing was sent there, and no token ever is; if the service moved there, review it and set mcp_server_url to that address',
    },
  );
}

/**
 * Reads the challenges of a 401 or 403. Where metadata is named more than once (one real service does), the first of the
 * MCP server's own origin counts. A single address may be of another origin: the server itself names it over its own
 * connection, and what is there still has to be about this very server. Scopes and error are those of the first Bearer
 * challenge that has any.
 */
export function judgeChallenge(header: string | null, mcpServerUrl: string): Challenge {
  const all = challengesOf(header);
  const challenges = all.filter(({ scheme }) => scheme === 'bearer');
  if (challenges.length === 0 && all.some(({ scheme }) => scheme === 'dpop'))
    throw noBearer(mcpServerUrl, 'bound to a key (DPoP, RFC 9449)');
  const named = challenges.flatMap(({ parameters }) => parameters.get('resource_metadata') ?? []);
  const own = named.filter((address) => isUrl(address) && new URL(address).origin === new URL(mcpServerUrl).origin);
  const candidates = named.length > 1 ? own : named;
  if (named.length > 1 && own.length === 0) {
    throw new AppError(
      'service_metadata',
      `${quote(mcpServerUrl)} names several metadata addresses, none of its own origin`,
    );
  }
  const scopes = splitScopes(challenges.flatMap(({ parameters }) => parameters.get('scope') ?? [])[0] ?? '');
  return {
    resourceMetadata: candidates[0],
    // One that names nothing says no more than none at all.
    scopes: scopes.length === 0 ? undefined : scopes,
    error: challenges.flatMap(({ parameters }) => parameters.get('error') ?? [])[0],
  };
}

/** Where RFC 9728 section 3.1 puts the metadata: the path form, the same without a final slash, the root form. */
export function wellKnownAddresses(mcpServerUrl: string): string[] {
  const { origin, pathname } = new URL(mcpServerUrl);
  const base = `${origin}/.well-known/oauth-protected-resource`;
  const path = pathname === '/' ? '' : pathname;
  return [...new Set([`${base}${path}`, `${base}${path.replace(/\/+$/, '')}`, base])];
}

/** A metadata document, none for "not here": any answer but a JSON 200, one same-origin redirect allowed. */
async function askMetadata({ address, whose }: DocumentPlace, fetch: Fetch) {
  const followed = await askFollowing(fetch, address, { headers: { accept: 'application/json' }, whose }, 1);
  const { response } = followed;
  return { followed, status: response.status, document: await readJson(response) };
}

/**
 * Judges a metadata document (RFC 9728 section 3.3). Its `resource` must be the MCP server's URL; tolerated are a
 * parent of it on the same origin at a path boundary and a difference in the final slash only, both seen in the field, and
 * the name that somebody has reviewed.
 */
export function judgeProtectedResource(
  document: Readonly<Record<string, unknown>>,
  mcpServerUrl: string,
  {
    address = mcpServerUrl,
    review,
    place = { address: mcpServerUrl, whose: `the metadata of ${quote(mcpServerUrl)}` },
  }: { address?: string; review?: ResourceExceptions | undefined; place?: DocumentPlace } = {},
): ProtectedResource {
  const metadata = parseResourceMetadata(document, place);
  const { resource, authorization_servers: authorizationServers = [], scopes_supported: listed = [] } = metadata;
  const at = `${place.whose}, at ${quote(place.address)},`;
  requireBearer(metadata, mcpServerUrl);
  const own = (name: string) => isAbout(name, mcpServerUrl) || isAbout(name, address) || name === review?.reviewed;
  if (!own(resource)) {
    const exception = { kind: 'resource', resource } as const;
    if (review?.exceptions.draft === undefined) {
      throw new AppError(
        'service_metadata',
        `${at} is about another resource: ${quote(resource)}`,
        review && { hint: review.exceptions.hint(exception) },
      );
    }
    review.exceptions.draft(exception);
  }
  if (authorizationServers.length === 0) {
    throw new AppError('service_metadata', `${at} names no authorization server`);
  }
  const scopes = listed.length === 0 ? undefined : listed;
  return { address, resource, authorizationServers, scopes, offeredScopes: listed, withoutMetadata: false };
}

/** Refuses a server to which the platform, which sends bearer tokens in a header, could never get in (RFC 9728 section 2). */
function requireBearer(metadata: ResourceDocument, mcpServerUrl: string): void {
  const { bearer_methods_supported: methods } = metadata;
  if (metadata.dpop_bound_access_tokens_required === true)
    throw noBearer(mcpServerUrl, 'bound to a key (DPoP, RFC 9449)');
  if (metadata.tls_client_certificate_bound_access_tokens === true)
    throw noBearer(mcpServerUrl, 'bound to a client certificate (RFC 8705)');
  if (methods !== undefined && !methods.includes('header')) throw noBearer(mcpServerUrl, 'not sent in a header');
}

function noBearer(mcpServerUrl: string, kind: string): AppError {
  return new AppError('service_metadata', `${quote(mcpServerUrl)} takes only tokens that are ${kind}`, {
    hint: 'the platform sends bearer tokens in a header, so no connection could work: ask whoever runs the service to accept those; nobody was asked for anything',
  });
}

/**
 * Whether an identifier is the MCP server's URL, a parent of it on the same origin at a path boundary, or different in the
 * final slash only.
 */
export function isAbout(resource: string, mcpServerUrl: string): boolean {
  if (resource === mcpServerUrl) return true;
  if (!isUrl(resource)) return false;
  const [claimed, own] = [new URL(resource), new URL(mcpServerUrl)];
  // A parser makes many spellings into one address; only the one that it would write itself is meant.
  if (![resource, `${resource}/`].includes(claimed.href) || claimed.username !== '' || claimed.password !== '')
    return false;
  if (claimed.origin !== own.origin || claimed.search !== own.search || claimed.hash !== '') return false;
  const [claimedPath, ownPath] = [claimed.pathname.replace(/\/+$/, ''), own.pathname.replace(/\/+$/, '')];
  return ownPath === claimedPath || ownPath.startsWith(`${claimedPath}/`);
}

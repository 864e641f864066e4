/** Finds out who signs people in at a server that nobody catalogued, and refuses the catalogue's own. */
import type { Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { type AuthorizationServer, discoverAuthorizationServer } from '../../oauth/authorization-server.ts';
import type { BrowserVisit } from '../../oauth/browser-visit.ts';
import { type Exception, reviewedIn } from '../../oauth/exceptions.ts';
import { discoverProtectedResource, type ProtectedResource } from '../../oauth/protected-resource.ts';
import { guardedFetch } from '../../outside/http.ts';
import { quote } from '../../text/quote.ts';
import { type Catalogued, judgeNamedServer } from './unlisted.ts';

/** A server that nobody catalogued, as it describes itself today. */
export interface UnlistedServer {
  /** What stands in for a file: nothing of the catalogue, and no tool. */
  service: Service;
  found: ProtectedResource;
  /** Who signs people in, as the server names it. */
  issuer: string;
  server: AuthorizationServer;
  /** What somebody has to have reviewed before anybody signs in; empty unless a draft is made. */
  exceptions: readonly Exception[];
  /** Judges the authorization server again, as it is when somebody signs in. */
  judgeServer(server: AuthorizationServer): void;
}

/** Whom to ask and whom not to mistake it for. */
export interface UnlistedLookup {
  url: URL;
  /** The address as it was typed, which is what is stored. */
  mcpServerUrl: string;
  catalogue: readonly Catalogued[];
  visit: BrowserVisit;
  /** Chooses among several issuers; undefined where nobody can be asked. */
  choose: ((issuers: readonly string[]) => Promise<string>) | undefined;
  /** A draft is made: what a review could let pass is written down, and nobody signs in before that. */
  drafting?: boolean;
}

/** A visit that may not enter the organization's own network: no host that nobody reviewed may lead there. */
export function toStrangers(visit: BrowserVisit): BrowserVisit {
  const { allowLoopbackHttp, proxies, signal } = visit;
  const reviewedHosts = new Set<string>();
  return { ...visit, reviewedHosts, fetch: guardedFetch({ allowLoopbackHttp, reviewedHosts, proxies, signal }) };
}

/** Asks the server, without a token. Throws `not_allowed` as {@link judgeNamedServer} does, or what discovery throws. */
export async function discoverUnlisted(lookup: UnlistedLookup): Promise<UnlistedServer> {
  const { url, mcpServerUrl, catalogue, visit, choose } = lookup;
  const exceptions: Exception[] = [];
  const review = lookup.drafting === true ? { ...reviewedIn(undefined), draft: keep } : reviewedIn(undefined);
  const found = await discoverProtectedResource(mcpServerUrl, visit.fetch, { exceptions: review });
  judgeNamedServer(mcpServerUrl, { issuers: found.authorizationServers }, catalogue);
  const issuer = await issuerAmong(found.authorizationServers, url, choose);
  const server = await discoverAuthorizationServer({ issuer, requirePkce: true, exceptions: review }, visit.fetch);
  const judge = (today: AuthorizationServer) =>
    judgeNamedServer(mcpServerUrl, { issuers: [today.issuer], server: today }, catalogue);
  for (const warning of judge(server)) visit.warn(warning);
  return {
    service: unlistedService(url, mcpServerUrl, [issuer]),
    found,
    issuer,
    server,
    exceptions,
    judgeServer: (today) => void judge(today),
  };

  function keep(exception: Exception) {
    exceptions.push(exception);
  }
}

async function issuerAmong(issuers: readonly string[], url: URL, choose: UnlistedLookup['choose']): Promise<string> {
  const [only, ...others] = issuers;
  if (only !== undefined && others.length === 0) return only;
  const chosen = await choose?.(issuers);
  if (chosen !== undefined && issuers.includes(chosen)) return chosen;
  throw new AppError(
    'service_metadata',
    `${quote(url.host)} names several authorization servers, and none was chosen`,
    {
      hint: 'run it in a terminal, where it asks which one',
    },
  );
}

/** What stands in for the file of a server that has none: nothing of the catalogue, and no tool. */
export function unlistedService(url: URL, mcpServerUrl: string, issuers: string[]): Service {
  return {
    name: url.host,
    title: url.host,
    unlisted: true,
    mcp_server_url: mcpServerUrl,
    authorization: {
      issuers,
      token_endpoint_auth_method: 'none',
      redirect: { host: '127.0.0.1', path: '/callback' },
      resource_parameter: true,
      token_response: 'standard',
    },
    tools: { read: [], write: [], destructive: [] },
  };
}

/** Authorization server metadata (RFC 8414, OpenID Connect Discovery): ask, then judge what came back. */

import type { ServerMetadata } from 'openid-client';
import { tenantPlaceholder } from '../config/addresses.ts';
import type { Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Fetch } from '../outside/http.ts';
import { quote } from '../text/quote.ts';
import { isUrl } from '../text/url.ts';
import type { Exceptions } from './exceptions.ts';
import { askFollowing, movedElsewhere, readJson } from './json.ts';
import { checkEndpoints, parseServerMetadata } from './metadata.ts';
import type { ProtectedResource } from './protected-resource.ts';

declare const judged: unique symbol;

/** Metadata that was judged: its issuer is the one that was asked for and it does PKCE with S256. */
export type AuthorizationServer = ServerMetadata & {
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly [judged]: true;
};

/** What is expected of the metadata. */
export interface Expectation {
  /** The issuer, byte for byte as configured. */
  issuer: string;
  /** Another issuer that its metadata may name: only where the reviewed catalogue has both. */
  reviewedName?: string | undefined;
  /** Refuse a server that does not advertise PKCE with S256. Only the sign-in provider may be silent about it. */
  requirePkce: boolean;
  /** The reviewed file says that it does PKCE and is silent about it. What it lists without S256 is no silence. */
  pkceUnadvertised?: boolean | undefined;
  /**
   * It is asked to sign people in: the document of OpenID Connect comes first, that of OAuth second, and one that is of
   * somebody else, or says no keys, is passed over for the next.
   */
  openid?: boolean | undefined;
  /** What a review can let pass; left out for the provider of single sign-on, of which nothing is let pass. */
  exceptions?: Exceptions | undefined;
  /** There for an MCP server without resource metadata, which then speaks for itself (2025-03-26). */
  legacy?: LegacyRule | undefined;
}

/** What a service's file expects of the metadata of one of its issuers. */
export function expectationOf(
  { metadata_issuers, pkce }: Service['authorization'],
  issuer: string,
): Pick<Expectation, 'issuer' | 'reviewedName' | 'requirePkce' | 'pkceUnadvertised'> {
  return {
    issuer,
    reviewedName: metadata_issuers?.[issuer],
    requirePkce: true,
    pkceUnadvertised: pkce === 'unadvertised',
  };
}

/** Whether an authorization server of the 2025-03-26 revision may go without metadata. */
export interface LegacyRule {
  allowed: boolean;
  /** Hears what cannot be checked then. */
  warn(text: string): void;
}

/** What a client of the 2025-03-26 revision says when it asks for metadata ("Server Metadata Discovery"). */
const legacyVersion = { 'mcp-protocol-version': '2025-03-26' };

/** Finds and judges the metadata of an issuer. Throws `service_metadata` or `issuer_mismatch`. */
export async function discoverAuthorizationServer(
  expectation: Expectation,
  fetch: Fetch,
): Promise<AuthorizationServer> {
  const headers = { accept: 'application/json', ...(expectation.legacy === undefined ? {} : legacyVersion) };
  const whose = metadataOf(expectation.issuer);
  let outOfOrder: { address: string; status: number } | undefined;
  let unfit: AppError | undefined;
  for (const known of metadataAddresses(expectation.issuer, expectation.openid)) {
    const followed = await askFollowing(fetch, known, { headers, whose });
    const { response, address, elsewhere } = followed;
    if (elsewhere !== undefined) unfit ??= movedElsewhere(whose, followed, movedHint(expectation));
    // A proxy answers for forms that it leads nowhere, too: another form may be there all the same.
    if (response.status >= 500) outOfOrder = { address, status: response.status };
    const document = await readJson(response);
    if (document === undefined) continue;
    try {
      return judgeAuthorizationServer(document, expectation, address);
    } catch (error) {
      if (expectation.openid !== true || !(error instanceof AppError)) throw error;
      // Of what is wrong the first says most: it stands where the document of a provider belongs.
      unfit ??= error;
    }
  }
  const { legacy } = expectation;
  // What an old server has no address for it may send anywhere, such as to its sign-in page.
  if (unfit !== undefined && outOfOrder === undefined && legacy?.allowed !== true) throw unfit;
  // Where it may only be out of order, nothing follows from its not being there.
  if (outOfOrder !== undefined) {
    const { address, status } = outOfOrder;
    throw new AppError('service_metadata', `${whose} is not to be had: ${quote(address)} answered ${status}`, {
      hint: 'try again later',
    });
  }
  if (legacy?.allowed === true) return legacyServer(expectation.issuer, legacy);
  const legacyHint = legacy === undefined ? '' : '; if the service is that old and you trust it: --legacy-endpoints';
  throw new AppError('service_metadata', `${quote(expectation.issuer)} publishes no authorization server metadata`, {
    hint: `without metadata neither the issuer nor PKCE can be checked${legacyHint}`,
  });
}

/**
 * The endpoints that a server of the 2025-03-26 revision has where it publishes nothing ("Fallbacks for Servers without
 * Metadata Discovery"). Only for an issuer that the catalogue pins: nothing else vouches for it.
 */
function legacyServer(issuer: string, { warn }: LegacyRule): AuthorizationServer {
  const { origin, host } = new URL(issuer);
  warn(`${host} publishes no metadata: that it is the right issuer and that it supports PKCE cannot be checked`);
  const endpoints = {
    issuer,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
  };
  return endpoints as unknown as AuthorizationServer;
}

/**
 * The addresses to try, in the order of the MCP specification of 2026-07-28; for a provider that signs people in, the place
 * that OpenID Connect Discovery section 4 gives its document comes first. Throws `service_metadata`.
 */
export function metadataAddresses(issuer: string, openid = false): string[] {
  if (!isUrl(issuer)) {
    throw new AppError('service_metadata', `an authorization server is named that is not an address: ${quote(issuer)}`);
  }
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/+$/, '');
  const root = ['oauth-authorization-server', 'openid-configuration'].map(
    (name) => `${origin}/.well-known/${name}${path}`,
  );
  const appended = path === '' ? [] : [`${origin}${path}/.well-known/openid-configuration`];
  return openid ? [...appended, ...root.toReversed()] : [...root, ...appended];
}

/**
 * Judges a metadata document. Its `issuer` must be the expected one byte for byte (RFC 8414 section 3.3), else any
 * server could pass for another; the one tolerance is the final slash of an issuer without a path. A catalogue that names
 * another issuer beside the expected one has been reviewed, and is taken by its word. Throws `issuer_mismatch`,
 * `service_metadata` for what is not what it has to be, and `url_refused` for an endpoint that may not be asked.
 *
 * @param address where the document was found
 */
export function judgeAuthorizationServer(
  document: Readonly<Record<string, unknown>>,
  expectation: Expectation,
  address = expectation.issuer,
): AuthorizationServer {
  const metadata = parseServerMetadata(document, { address, whose: metadataOf(expectation.issuer) });
  const { issuer, code_challenge_methods_supported: methods } = metadata;
  if (expectation.openid === true && metadata.jwks_uri === undefined) {
    throw new AppError('service_metadata', `${quote(issuer)} does not say where its keys are (jwks_uri)`);
  }
  const { reviewedName, exceptions } = expectation;
  if (!(isSameIssuer(issuer, expectation.issuer) || issuer === reviewedName)) {
    const differs = new AppError(
      'issuer_mismatch',
      `the metadata of ${quote(expectation.issuer)} claims to be of ${quote(issuer)}`,
      {
        hint:
          exceptions === undefined
            ? 'do not sign in there; if this is your provider and it spells itself so, set identity.issuer in config/interface.yaml to that'
            : exceptions.hint({ kind: 'metadata_issuers', issuer: expectation.issuer, claimed: issuer }),
      },
    );
    if (exceptions?.draft === undefined) throw differs;
    exceptions.draft({ kind: 'metadata_issuers', issuer: expectation.issuer, claimed: issuer });
  }
  // Only in sandbox mode could the metadata itself have come over http.
  checkEndpoints(metadata, expectation.issuer.startsWith('http:'));
  const silent = methods === undefined;
  const advertised = methods?.includes('S256') === true;
  if (expectation.requirePkce && !advertised && !(silent && expectation.pkceUnadvertised === true)) {
    if (!silent || exceptions?.draft === undefined) {
      throw new AppError('service_metadata', `${quote(issuer)} does not say that it supports PKCE with S256`, {
        hint:
          silent && exceptions !== undefined
            ? exceptions.hint({ kind: 'pkce' })
            : 'without it a stolen code could be used: the MCP specification requires clients to refuse',
      });
    }
    exceptions.draft({ kind: 'pkce' });
  }
  // A pattern is nobody's name: who was asked is who it is, and an answer that names somebody else is refused.
  const named = issuer.includes(tenantPlaceholder) ? { ...metadata, issuer: expectation.issuer } : metadata;
  return named as unknown as AuthorizationServer;
}

/** What to do where the metadata is sent on to somebody else: whoever is there is another issuer, and trusted as none. */
function movedHint({ openid }: Expectation): string {
  return openid === true
    ? 'have the provider answer at its own origin; if it has moved for good, set identity.issuer in config/interface.yaml to what it calls itself there, which makes everybody somebody else'
    : 'if the service has moved its sign-in there, review it and set authorization.issuers in its file to what it calls itself there';
}

function metadataOf(issuer: string): string {
  return `the metadata of ${quote(issuer)}`;
}

/** Equal, or different only by the final slash of an issuer that has no path. */
export function isSameIssuer(claimed: string, expected: string): boolean {
  if (claimed === expected) return true;
  const bare = /^https?:\/\/[^/?#]+\/?$/;
  return bare.test(claimed) && bare.test(expected) && claimed.replace(/\/$/, '') === expected.replace(/\/$/, '');
}

/** The issuers that a catalogued service may have tokens of, under every name that its file gives them. */
export function reviewedIssuers({ issuers, metadata_issuers = {} }: Service['authorization']): string[] {
  return [...issuers, ...Object.values(metadata_issuers)];
}

/**
 * The authorization server to use: the first of those that the service names which the catalogue pins. Credentials
 * never go to one that only the service vouches for.
 */
export function chooseIssuer(
  {
    authorizationServers: offered,
    withoutMetadata,
  }: Pick<ProtectedResource, 'authorizationServers' | 'withoutMetadata'>,
  pinned: readonly string[],
  service: string,
): string {
  const chosen = pinned.find((issuer) => offered.some((candidate) => isSameIssuer(candidate, issuer)));
  if (chosen !== undefined) return chosen;
  const listed = pinned.map(quote).join(', ');
  const file = `config/services/${service}.yaml`;
  if (withoutMetadata) {
    throw new AppError(
      'issuer_mismatch',
      `${quote(service)} publishes no metadata, so that its own origin would be its authorization server, and the catalogue has ${listed}`,
      { hint: `is mcp_server_url in ${file} the whole address of the MCP server? its metadata is looked for under it` },
    );
  }
  throw new AppError(
    'issuer_mismatch',
    `${quote(service)} names the authorization server ${offered.map(quote).join(', ')}, the catalogue ${listed}`,
    { hint: `if the service moved, review it and change authorization.issuers in ${file}` },
  );
}

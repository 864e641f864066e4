/** The credentials of one vault, as far as connections are concerned. */

import { normalisedServerUrl } from '../config/addresses.ts';
import type { Service } from '../config/definitions.ts';
import type { ClientAuthMethod } from '../oauth/registration.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import { quote } from '../text/quote.ts';
import { isUrl } from '../text/url.ts';
import { isTrial } from './credential-rules.ts';

/** What we keep in a credential's metadata; all of it is readable by every holder of the workspace key, none is secret. */
export interface ConnectionRecord {
  issuer?: string | undefined;
  clientId?: string | undefined;
  redirectUri?: string | undefined;
  /** Where tokens are renewed, as it was when the connection was made. */
  tokenEndpoint?: string | undefined;
  account?: string | undefined;
  workspace?: string | undefined;
  /** The account's name once more, where only `--accept-account` let it in. */
  accountAccepted?: string | undefined;
  /** `idp` where it came through the identity provider, so that another one comes in the same way. */
  via?: string | undefined;
  /** `true` where it was connected by its address, outside the catalogue. */
  unlisted?: string | undefined;
  scopes?: string | undefined;
  /** When the first access token ends; the platform's own `expires_at` goes on with each renewal. */
  expiresAt?: string | undefined;
  /** When the secret of the client ends, where the service said so. */
  clientExpiresAt?: string | undefined;
  connectedAt?: string | undefined;
  /** The attempt that stored it, to recognise our own act when an answer was lost. */
  attempt?: string | undefined;
}

/** A connection: an active credential for an MCP server and what we know of it. */
export interface Connection {
  credentialId: string;
  mcpServerUrl: string;
  kind: 'mcp_oauth' | 'static_bearer';
  tokenEndpoint: string | undefined;
  clientId: string | undefined;
  /** How its client proves itself where the token is renewed: immutable on the platform, the secret itself is not. */
  authMethod?: ClientAuthMethod | undefined;
  /** The resource indicator (RFC 8707) that the token is renewed with: immutable too. */
  resource?: string | undefined;
  expiresAt: string | undefined;
  refreshable: boolean;
  /** The scopes that the platform renews the token with. */
  refreshScope: string | undefined;
  /** When the platform stored it: unlike the record, nobody can write that. */
  createdAt: string;
  record: ConnectionRecord;
}

const keys: Record<keyof ConnectionRecord, string> = {
  issuer: 'mai_issuer',
  clientId: 'mai_client_id',
  redirectUri: 'mai_redirect_uri',
  tokenEndpoint: 'mai_token_endpoint',
  account: 'mai_account',
  workspace: 'mai_workspace',
  accountAccepted: 'mai_account_accepted',
  via: 'mai_via',
  unlisted: 'mai_unlisted',
  scopes: 'mai_scopes',
  expiresAt: 'mai_expires_at',
  clientExpiresAt: 'mai_client_expires_at',
  connectedAt: 'mai_connected_at',
  attempt: 'mai_attempt',
};

/** The platform's limit for one metadata value. */
const longestValue = 512;

/** The record as metadata. A value that is too long is cut: it informs, it never decides. */
export function recordToMetadata(record: ConnectionRecord): Record<string, string> {
  const names = Object.keys(keys) as (keyof ConnectionRecord)[];
  return Object.fromEntries(
    names.flatMap((name) => (record[name] ? [[keys[name], record[name].slice(0, longestValue)]] : [])),
  );
}

/** Whether a value of a record may have been longer once. */
export function wasCut(value: string | undefined): boolean {
  return value !== undefined && value.length >= longestValue;
}

export async function readConnections(platform: Platform, vaultId: string): Promise<Connection[]> {
  return (await readCredentials(platform, vaultId)).connections;
}

export interface ActiveCredentials {
  connections: Connection[];
  /** How many there are, of any kind. */
  count: number;
  /** Those that a run has made for a trial and left behind. */
  trials: string[];
}

/** The active connections of a vault, and what else is active in it. */
export async function readCredentials(platform: Platform, vaultId: string): Promise<ActiveCredentials> {
  const connections: Connection[] = [];
  const trials: string[] = [];
  let count = 0;
  for await (const credential of platform.credentials.list(vaultId)) {
    if (!isLive(credential)) continue;
    const { id, auth, metadata, created_at } = credential;
    count += 1;
    if (auth.type === 'unreadable') throw unreadable(id, vaultId);
    if (!('mcp_server_url' in auth)) continue;
    if (isTrial(auth.mcp_server_url)) {
      trials.push(id);
      continue;
    }
    const refresh = auth.type === 'mcp_oauth' ? auth.refresh : undefined;
    connections.push({
      credentialId: id,
      mcpServerUrl: auth.mcp_server_url,
      kind: auth.type,
      tokenEndpoint: refresh?.token_endpoint,
      clientId: refresh?.client_id ?? metadata[keys.clientId],
      authMethod: refresh?.token_endpoint_auth,
      resource: refresh?.resource,
      expiresAt: auth.type === 'mcp_oauth' ? auth.expires_at : undefined,
      refreshable: refresh !== undefined,
      refreshScope: refresh?.scope,
      createdAt: created_at,
      record: recordOf(metadata),
    });
  }
  return { connections, count, trials };
}

/** It may be the connection that is looked for: whoever passed it over would connect a service twice. */
function unreadable(id: string, vaultId: string): PlatformError {
  return new PlatformError(
    'platform_refused',
    `the platform does not say what the credential ${quote(id)} in ${quote(vaultId)} is for`,
    {
      hint: 'nothing was done; check ANTHROPIC_BASE_URL, and what stands between you and the platform',
      cause: undefined,
    },
  );
}

/** A credential by its id: what decides whether it is the one that is to be ended. */
export interface CredentialNow {
  archivedAt: string | null;
  /** Undefined for what is for no MCP server, or does not say for which. */
  mcpServerUrl: string | undefined;
  record: ConnectionRecord;
}

/** Reads one credential; undefined where there is none of that id in the vault. */
export async function readCredential(
  platform: Platform,
  vaultId: string,
  id: string,
): Promise<CredentialNow | undefined> {
  const credential = await unlessMissing('listed', platform.credentials.retrieve(vaultId, id));
  if (credential === undefined) return undefined;
  const { auth, archived_at, metadata } = credential;
  const mcpServerUrl = 'mcp_server_url' in auth ? auth.mcp_server_url : undefined;
  return { archivedAt: archived_at, mcpServerUrl, record: recordOf(metadata) };
}

/** How many credentials a vault holds at most (platform documentation). */
export const mostCredentials = 20;

/** How many credentials of any kind a vault holds, archived ones included, and the archived ones of a service, oldest last. */
export async function countCredentials(
  platform: Platform,
  vaultId: string,
  service: Service,
): Promise<{ count: number; archived: string[] }> {
  let count = 0;
  const archived: { id: string; mcpServerUrl: string; createdAt: string }[] = [];
  for await (const credential of platform.credentials.list(vaultId, { include_archived: true })) {
    const { id, auth, created_at: createdAt } = credential;
    count += 1;
    if (!isLive(credential) && 'mcp_server_url' in auth)
      archived.push({ id, mcpServerUrl: auth.mcp_server_url, createdAt });
  }
  archived.sort((one, other) => Date.parse(other.createdAt) - Date.parse(one.createdAt));
  return { count, archived: connectionsOf(archived, service).map(({ id }) => id) };
}

/** What the metadata of a credential says of its connection. Informs, never decides. */
export function recordOf(metadata: Readonly<Record<string, string>>): ConnectionRecord {
  const names = Object.keys(keys) as (keyof ConnectionRecord)[];
  return Object.fromEntries(names.flatMap((name) => (metadata[keys[name]] ? [[name, metadata[keys[name]]]] : [])));
}

/** The connection that the platform would use for a service: it compares addresses in normalised form. */
export function connectionOf(connections: readonly Connection[], service: Service): Connection | undefined {
  return connectionsOf(connections, service)[0];
}

/** Every connection whose address is the service's in that form; the platform should let there be one only. */
export function connectionsOf<Kind extends Pick<Connection, 'mcpServerUrl'>>(
  connections: readonly Kind[],
  service: Service,
): Kind[] {
  const wanted = normalisedServerUrl(service.mcp_server_url);
  return connections.filter(({ mcpServerUrl }) => isUrl(mcpServerUrl) && normalisedServerUrl(mcpServerUrl) === wanted);
}

/** Whether a connection can still work: not expired, or able to be refreshed by the platform. */
export function isUsable(connection: Connection, now: Date): boolean {
  return (
    connection.refreshable || connection.expiresAt === undefined || Date.parse(connection.expiresAt) > now.getTime()
  );
}

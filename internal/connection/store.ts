/**
 * Puts a grant into the vault so that exactly one active credential per service is left (P8): updated in place where
 * the platform allows it, archived and created where client or token endpoint changed, which it never lets be edited.
 */
import { randomUUID } from 'node:crypto';
import type { Service } from '../config/definitions.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import type { Secret } from '../secret/secret.ts';
import type { OwnedVault } from '../vault/resolve.ts';
import type { Account } from './account.ts';
import type { Grant } from './acquire.ts';
import {
  type Connection,
  type ConnectionRecord,
  connectionOf,
  readConnections,
  recordToMetadata,
} from './credentials.ts';

/** What was done to store a grant. */
export interface Stored {
  credentialId: string;
  act: 'created' | 'updated' | 'replaced';
}

/** A token that a person made at the service by hand: no client, nothing to renew it with, and never ours to revoke. */
export interface StaticGrant {
  kind: 'static_bearer';
  accessToken: Secret;
  account: Account | undefined;
}

/** Where to put what. */
export interface StoreRequest {
  platform: Platform;
  vault: OwnedVault;
  service: Service;
  grant: Grant | StaticGrant;
  /** The grant's account does not meet the rule and was accepted by its exact name. */
  accountAccepted: boolean;
  now: Date;
}

/** How often a doubtful or contested store acts again, after having looked. */
const attempts = 3;

/** Stores a grant. A lost answer or a second run beside this one is settled by looking at the vault, then acting. */
export async function storeGrant(request: StoreRequest): Promise<Stored> {
  const attempt = randomUUID();
  let first: Connection | undefined;
  let failure: unknown;
  for (let round = 0; ; round += 1) {
    const existing = connectionOf(await readConnections(request.platform, request.vault.id), request.service);
    if (round === 0) first = existing;
    // Our own act of a round before, whose answer was lost.
    if (existing?.record.attempt === attempt)
      return { credentialId: existing.credentialId, act: actOf(first, existing) };
    if (round === attempts) throw failure;
    try {
      return await storeOnce(request, existing, attempt);
    } catch (error) {
      const unsettled =
        error instanceof PlatformError && (error.outcome === 'unknown' || error.status === 409 || error.status === 404);
      if (!unsettled) throw error;
      failure = error;
    }
  }
}

function actOf(before: Connection | undefined, after: Connection): Stored['act'] {
  if (before === undefined) return 'created';
  return before.credentialId === after.credentialId ? 'updated' : 'replaced';
}

async function storeOnce(request: StoreRequest, existing: Connection | undefined, attempt: string): Promise<Stored> {
  const { platform, vault, service, grant } = request;
  const display_name =
    `${service.title ?? service.name}${grant.account === undefined ? '' : `: ${grant.account.name}`}`.slice(0, 255);
  const metadata = recordToMetadata(recordOf(request, attempt));
  const target = `${service.name} in ${vault.displayName}`;

  if (existing !== undefined && isUpdatable(existing, grant)) {
    await platform.change({ act: 'credential.update', target }, (client) =>
      client.beta.vaults.credentials.update(existing.credentialId, {
        vault_id: vault.id,
        display_name,
        metadata: { ...cleared(existing.record), ...metadata },
        auth: changedAuthOf(grant),
      }),
    );
    return { credentialId: existing.credentialId, act: 'updated' };
  }

  if (existing !== undefined) {
    await platform.change({ act: 'credential.archive', target }, (client) =>
      client.beta.vaults.credentials.archive(existing.credentialId, { vault_id: vault.id }),
    );
  }
  const created = await platform.change({ act: 'credential.create', target }, (client) =>
    client.beta.vaults.credentials.create(vault.id, { display_name, metadata, auth: authOf(request) }),
  );
  return { credentialId: created.id, act: existing === undefined ? 'created' : 'replaced' };
}

function changedAuthOf(grant: StoreRequest['grant']) {
  if (isStatic(grant)) return { type: grant.kind, token: grant.accessToken.reveal() };
  return {
    type: 'mcp_oauth' as const,
    access_token: grant.accessToken.reveal(),
    // Left out, the platform would keep the old token's expiry for the new token.
    expires_at: grant.expiresAt?.toISOString() ?? null,
    ...(grant.refreshToken === undefined
      ? {}
      : { refresh: { refresh_token: grant.refreshToken.reveal(), scope: grant.scopes.join(' ') } }),
  };
}

function isStatic(grant: StoreRequest['grant']): grant is StaticGrant {
  return 'kind' in grant;
}

function authOf({ service, grant }: StoreRequest) {
  if (isStatic(grant)) {
    return { type: grant.kind, mcp_server_url: service.mcp_server_url, token: grant.accessToken.reveal() };
  }
  return {
    type: 'mcp_oauth' as const,
    // The catalogue's own string: agents declare the same one, so the platform finds this credential.
    mcp_server_url: service.mcp_server_url,
    access_token: grant.accessToken.reveal(),
    expires_at: grant.expiresAt?.toISOString() ?? null,
    ...(grant.refreshToken === undefined
      ? {}
      : {
          refresh: {
            refresh_token: grant.refreshToken.reveal(),
            client_id: grant.client.clientId,
            token_endpoint: grant.server.token_endpoint,
            token_endpoint_auth: clientAuthOf(grant),
            scope: grant.scopes.join(' '),
            ...(grant.resource === undefined ? {} : { resource: grant.resource }),
          },
        }),
  };
}

function clientAuthOf({ client }: Grant) {
  if (client.authMethod === 'none') return { type: 'none' as const };
  return { type: client.authMethod, client_secret: client.secret?.reveal() ?? '' };
}

/** Whether the platform lets the credential be updated: what it holds immutable is unchanged. */
function isUpdatable(existing: Connection, grant: StoreRequest['grant']): boolean {
  if (isStatic(grant)) return existing.kind === grant.kind;
  return (
    existing.kind === 'mcp_oauth' &&
    existing.refreshable === (grant.refreshToken !== undefined) &&
    (!existing.refreshable ||
      (existing.clientId === grant.client.clientId && existing.tokenEndpoint === grant.server.token_endpoint)) &&
    grant.client.authMethod === 'none'
  );
}

function recordOf({ service, grant, accountAccepted, now }: StoreRequest, attempt: string): ConnectionRecord {
  const common = {
    account: grant.account?.name,
    workspace: grant.account?.workspace,
    accountAccepted: accountAccepted ? grant.account?.name : undefined,
    unlisted: service.unlisted === true ? 'true' : undefined,
    connectedAt: now.toISOString(),
    attempt,
  };
  if (isStatic(grant)) return common;
  return {
    ...common,
    issuer: grant.server.issuer,
    clientId: grant.client.clientId,
    redirectUri: grant.redirectUri,
    tokenEndpoint: grant.server.token_endpoint,
    scopes: grant.scopes.join(' '),
  };
}

/** Null for every key that the old record has, so that nothing of the old account stays behind. */
function cleared(record: ConnectionRecord): Record<string, string | null> {
  return Object.fromEntries(Object.keys(recordToMetadata(record)).map((key) => [key, null]));
}

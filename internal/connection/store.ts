/**
 * Puts a grant into the vault so that exactly one active credential per service is left (P8): updated in place where
 * the platform allows it, archived and created where client or token endpoint changed, which it never lets be edited.
 */
import { randomUUID } from 'node:crypto';
import type { Service } from '../config/definitions.ts';
import { pause } from '../outside/pause.ts';
import { type Intent, type Platform, PlatformError } from '../platform/client.ts';
import type { Secret } from '../secret/secret.ts';
import type { OwnedVault } from '../vault/resolve.ts';
import type { Account } from './account.ts';
import type { Grant } from './acquire.ts';
import {
  type Connection,
  type ConnectionRecord,
  connectionOf,
  countCredentials,
  mostCredentials,
  readConnections,
  recordToMetadata,
} from './credentials.ts';
import type { Storing } from './journal.ts';

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
  /** Writes down what is about to be changed; when that fails, nothing is changed. */
  announce(storing: Storing): Promise<void>;
}

/** How often a doubtful or contested store acts, having looked before each. */
const attempts = 3;
/** The same where the old connection is archived by now: as long as none is stored, the person has none. */
const attemptsWithNone = 6;
const pauseMs = 250;

/** Stores a grant. A lost answer or a second run beside this one is settled by looking at the vault, then acting. */
export async function storeGrant(request: StoreRequest): Promise<Stored> {
  const attempt = randomUUID();
  let first: Connection | undefined;
  let failure: PlatformError | undefined;
  let announced: Storing['act'] | undefined;
  for (let round = 0; ; round += 1) {
    const existing = await readExisting(request, failure);
    if (round === 0) first = existing;
    // Our own act of a round before, whose answer was lost.
    if (existing?.record.attempt === attempt)
      return { credentialId: existing.credentialId, act: actOf(first, existing) };
    const none = first !== undefined && existing === undefined;
    if (failure !== undefined) {
      const again = isUnsettled(failure) || (none && failure.status === undefined);
      if (!again || round >= (none ? attemptsWithNone : attempts)) throw failure;
      if (none) await pause(pauseMs * round);
    }
    const act = actFor(request, first, existing);
    if (act !== announced) await request.announce({ act, attempt, credentialId: existing?.credentialId });
    announced = act;
    try {
      return await storeOnce(request, existing, attempt);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      failure = error;
    }
  }
}

/** The connection as it is now. Where that cannot be seen, what failed before says more than that nobody could look. */
async function readExisting(
  { platform, vault, service }: StoreRequest,
  failure: PlatformError | undefined,
): Promise<Connection | undefined> {
  try {
    return connectionOf(await readConnections(platform, vault.id), service);
  } catch (error) {
    throw error instanceof PlatformError ? (failure ?? error) : error;
  }
}

function actFor(
  { grant }: StoreRequest,
  first: Connection | undefined,
  existing: Connection | undefined,
): Storing['act'] {
  if (existing !== undefined && isUpdatable(existing, grant)) return 'update';
  return existing === undefined && first === undefined ? 'create' : 'replace';
}

/** Whether looking at the vault shows more than the answer did. */
function isUnsettled({ outcome, status }: PlatformError): boolean {
  return outcome === 'unknown' || [404, 409, 429].includes(status ?? 0);
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
  // Half of it would be less than there was: an interruption waits until the platform has answered.
  const intent = (act: Intent['act']): Intent => ({
    act,
    target: `${service.name} in ${vault.displayName}`,
    uninterrupted: true,
  });

  if (existing !== undefined && isUpdatable(existing, grant)) {
    await platform.change(intent('credential.update'), (client) =>
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
    // Whether archived credentials count towards the limit is not documented; in a vault that may be full, one that is
    // only archived could keep the new one out.
    const full = (await countCredentials(platform, vault.id)) === mostCredentials;
    // Nothing may come between these two: the person has no connection meanwhile.
    await platform.change(intent(full ? 'credential.delete' : 'credential.archive'), async ({ beta }) => {
      const { credentials } = beta.vaults;
      const where = { vault_id: vault.id };
      await (full
        ? credentials.delete(existing.credentialId, where)
        : credentials.archive(existing.credentialId, where));
    });
  }
  const created = await platform.change(intent('credential.create'), (client) =>
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
      : {
          refresh: {
            refresh_token: grant.refreshToken.reveal(),
            scope: grant.scopes.join(' '),
            ...changedClientAuthOf(grant),
          },
        }),
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

/** A secret may be another one by now; how the client proves itself may not, and a client without one says nothing. */
function changedClientAuthOf({ client }: Grant) {
  if (client.authMethod === 'none') return {};
  return { token_endpoint_auth: { type: client.authMethod, client_secret: client.secret?.reveal() ?? '' } };
}

/** Whether the platform lets the credential be updated: what it holds immutable is unchanged. */
function isUpdatable(existing: Connection, grant: StoreRequest['grant']): boolean {
  if (isStatic(grant)) return existing.kind === grant.kind;
  return (
    existing.kind === 'mcp_oauth' &&
    existing.refreshable === (grant.refreshToken !== undefined) &&
    (!existing.refreshable ||
      (existing.clientId === grant.client.clientId &&
        existing.tokenEndpoint === grant.server.token_endpoint &&
        existing.authMethod === grant.client.authMethod &&
        existing.resource === grant.resource))
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
    expiresAt: grant.expiresAt?.toISOString(),
    clientExpiresAt: grant.client.expiresAt?.toISOString(),
  };
}

/** Null for every key that the old record has, so that nothing of the old account stays behind. */
function cleared(record: ConnectionRecord): Record<string, string | null> {
  return Object.fromEntries(Object.keys(recordToMetadata(record)).map((key) => [key, null]));
}

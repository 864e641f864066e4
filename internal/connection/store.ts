/**
 * Puts a grant into the vault so that exactly one active credential per service is left (P8): updated in place where
 * the platform allows it, archived and created where client or token endpoint changed, which it never lets be edited.
 */

import { randomUUID } from 'node:crypto';
import { clock } from '../clock/clock.ts';
import type { Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { unlessMissing } from '../platform/live.ts';
import { notAsListed } from '../platform/pages.ts';
import type { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import type { OwnedVault } from '../vault/resolve.ts';
import type { Account } from './account/account.ts';
import { isTrial, type NewCredential, trialOf, whyRefused } from './credential-rules.ts';
import {
  type Connection,
  type ConnectionRecord,
  connectionOf,
  countCredentials,
  mostCredentials,
  readCredential,
  readCredentials,
  recordToMetadata,
} from './credentials.ts';
import type { Grant } from './grant.ts';
import type { Storing } from './journal/journal.ts';

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
/** The same for a replacement: once the old connection is archived, the person has none as long as none is stored. */
const attemptsToReplace = 6;
const pauseMs = 250;

/**
 * Stores a grant. A lost answer or a second run beside this one is settled by looking at the vault, then acting. Throws
 * `token_unusable` for what the platform is known to refuse, and what the platform says; the connection that was there is
 * as it was then, unless the message says that it is gone.
 */
export async function storeGrant(request: StoreRequest): Promise<Stored> {
  const attempt = randomUUID();
  let first: Connection | undefined;
  let failure: PlatformError | undefined;
  let announced: Storing['act'] | undefined;
  const progress: Progress = { tried: false, archiving: false };
  for (let round = 0; ; round += 1) {
    // Lists lag: the one that is there already may be shown a moment later.
    if (failure?.status === 409) await clock.pause(pauseMs * round);
    const existing = await readExisting(request, failure);
    if (round === 0) first = existing;
    // Our own act of a round before, whose answer was lost.
    if (existing?.record.attempt === attempt)
      return { credentialId: existing.credentialId, act: actOf(first, existing) };
    const none = progress.archiving && existing === undefined;
    const act = actFor(request, first, existing);
    if (failure !== undefined) {
      // With the old one gone nothing is lost by asking again: just now the platform took one of this very shape.
      const again = isUnsettled(failure) || none;
      if (!again || round >= (act === 'replace' ? attemptsToReplace : attempts))
        throw none ? oldOneGone(failure, request.service) : failure;
      if (act === 'replace') await clock.pause(pauseMs * round);
    }
    checkCredential(request, attempt, none);
    if (act !== announced) await request.announce({ act, attempt, credentialId: existing?.credentialId });
    announced = act;
    try {
      return await storeOnce(request, existing, attempt, progress);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      failure = error;
    }
  }
}

/** Refuses what the platform is known to refuse, before it is asked for anything. Throws `token_unusable`. */
function checkCredential(request: StoreRequest, attempt: string, none: boolean): void {
  const platformNow = new Date(clock.now().getTime() + request.platform.aheadMs());
  const why = whyRefused(credentialOf(request, attempt), platformNow);
  if (why === undefined) return;
  throw new AppError(
    'token_unusable',
    `the platform would not take the connection of ${quote(request.service.name)}: ${why}`,
    {
      hint: none
        ? gone(request.service)
        : 'nothing was changed; run the command again, and if it stays, tell whoever runs the service',
    },
  );
}

const gone = ({ name }: Service) =>
  `the old connection is archived and cannot be brought back: run service-connection ${name} again`;

function oldOneGone({ code, message, status, cause }: PlatformError, service: Service): PlatformError {
  const hint = gone(service);
  return new PlatformError(code as 'platform_refused', message, { status, hint, cause });
}

/**
 * The connection as it is now, after what a trial has left behind is gone. Where it cannot be seen, what failed before says
 * more than that nobody could look.
 */
async function readExisting(
  { platform, vault, service }: StoreRequest,
  failure: PlatformError | undefined,
): Promise<Connection | undefined> {
  try {
    const { connections, trials } = await readCredentials(platform, vault.id);
    for (const id of trials) {
      const { mcpServerUrl } = (await readCredential(platform, vault.id, id)) ?? {};
      if (mcpServerUrl !== undefined && isTrial(mcpServerUrl)) await endTrial(platform, vault, id);
    }
    return connectionOf(connections, service);
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

/** How far a replacement has come. */
interface Progress {
  /** The platform has taken a credential like the new one. */
  tried: boolean;
  /** It was asked to archive the old one; whoever else archives one has a reason. */
  archiving: boolean;
}

/** Half of it would be less than there was: an interruption waits until the platform has answered. */
const howOf = ({ vault, service }: StoreRequest) => ({
  label: `${service.name} in ${vault.displayName}`,
  uninterrupted: true,
});

async function storeOnce(
  request: StoreRequest,
  existing: Connection | undefined,
  attempt: string,
  progress: Progress,
): Promise<Stored> {
  const { platform, vault, grant } = request;

  if (existing !== undefined && isUpdatable(existing, grant)) {
    const { display_name, metadata } = credentialOf(request, attempt);
    const changed = {
      display_name,
      metadata: { ...cleared(existing.record), ...metadata },
      auth: changedAuthOf(request),
    };
    await platform.credentials.update(vault.id, existing.credentialId, changed, howOf(request));
    return { credentialId: existing.credentialId, act: 'updated' };
  }

  if (existing !== undefined) {
    const full = await proveCreate(request, attempt, progress);
    const there = await isThereStill(request, existing);
    progress.archiving = true;
    // Nothing may come between these two: the person has no connection meanwhile.
    if (there) await removeOld(request, existing, full);
  }
  const created = await platform.credentials.create(vault.id, credentialOf(request, attempt), howOf(request));
  return { credentialId: created.id, act: existing === undefined ? 'created' : 'replaced' };
}

/** Reads the old connection by its id. Throws `drift` where another run has stored something in it since it was listed. */
async function isThereStill({ platform, vault }: StoreRequest, existing: Connection): Promise<boolean> {
  const { credentialId, mcpServerUrl, record } = existing;
  const now = await readCredential(platform, vault.id, credentialId);
  if (now === undefined || now.archivedAt !== null) return false;
  if (now.mcpServerUrl !== mcpServerUrl || now.record.attempt !== record.attempt)
    throw notAsListed('credential', credentialId);
  return true;
}

async function removeOld(request: StoreRequest, { credentialId }: Connection, full: boolean): Promise<void> {
  const { credentials } = request.platform;
  await (full ? credentials.delete : credentials.archive)(request.vault.id, credentialId, howOf(request));
}

/**
 * Has the platform take a credential of the same shape before the old one is archived, which nothing undoes: whatever it
 * refuses, it refuses here. The trial has nothing secret in it and is deleted at once; one that a killed run leaves is
 * deleted by the next. Whether archived credentials count towards the limit of a vault is not documented: an archived
 * one of the same service makes room. Says whether the vault may still be full, so that there was no room for a trial, nor
 * is there for an old credential that is only archived.
 */
async function proveCreate(request: StoreRequest, attempt: string, progress: Progress): Promise<boolean> {
  const { platform, vault, service } = request;
  const { count, archived } = await countCredentials(platform, vault.id, service);
  const oldest = archived.at(-1);
  if (count >= mostCredentials && oldest === undefined) return true;
  if (progress.tried) return false;
  if (count >= mostCredentials && oldest !== undefined) await deleteArchived(request, oldest);
  const { id } = await platform.credentials.try(
    vault.id,
    trialOf(credentialOf(request, attempt), attempt),
    howOf(request),
  );
  progress.tried = true;
  await endTrial(platform, vault, id);
  return false;
}

/** Deletes a credential that was archived. */
async function deleteArchived(request: StoreRequest, id: string): Promise<void> {
  const now = await readCredential(request.platform, request.vault.id, id);
  if (now === undefined) return;
  if (now.archivedAt === null) throw notAsListed('credential', id);
  await request.platform.credentials.delete(request.vault.id, id, howOf(request));
}

/** Deletes a trial. One that is gone already is what was wanted. */
async function endTrial(platform: Platform, vault: OwnedVault, id: string): Promise<void> {
  const how = { label: `a trial in ${vault.displayName}`, uninterrupted: true };
  await unlessMissing('listed', platform.credentials.delete(vault.id, id, how));
}

/** Everything that the platform is given. */
function credentialOf(request: StoreRequest, attempt: string): NewCredential {
  const { service, grant } = request;
  const account = grant.account === undefined ? '' : `: ${grant.account.name}`;
  const display_name = `${service.title ?? service.name}${account}`.slice(0, 255);
  return { display_name, metadata: recordToMetadata(recordOf(request, attempt)), auth: authOf(request) };
}

/** Longer than the requests before the one that counts, and soon enough for a token that is about to end. */
const soonestMs = 30_000;

/**
 * When the platform is to renew the token, by its own clock. It refuses a time that is past; a token that can be renewed is
 * given the next time that it takes.
 */
function expiryFor({ platform, grant }: StoreRequest): string | null {
  if (isStatic(grant) || grant.expiresAt === undefined) return null;
  const ahead = platform.aheadMs();
  const end = grant.expiresAt.getTime() + ahead;
  const soonest = grant.refreshToken === undefined ? end : clock.now().getTime() + ahead + soonestMs;
  return new Date(Math.max(end, soonest)).toISOString();
}

function changedAuthOf(request: StoreRequest) {
  const { grant } = request;
  if (isStatic(grant)) return { type: grant.kind, token: grant.accessToken.reveal() };
  return {
    type: 'mcp_oauth' as const,
    access_token: grant.accessToken.reveal(),
    // Left out, the platform would keep the old token's expiry for the new token.
    expires_at: expiryFor(request),
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

function authOf(request: StoreRequest): NewCredential['auth'] {
  const { service, grant } = request;
  if (isStatic(grant)) {
    return { type: grant.kind, mcp_server_url: service.mcp_server_url, token: grant.accessToken.reveal() };
  }
  return {
    type: 'mcp_oauth' as const,
    // The catalogue's own string: agents declare the same one, so the platform finds this credential.
    mcp_server_url: service.mcp_server_url,
    access_token: grant.accessToken.reveal(),
    expires_at: expiryFor(request),
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
    // An end cannot be taken back: the platform would keep the old token's for one that has none, and nothing renews it.
    (existing.refreshable || existing.expiresAt === undefined || grant.expiresAt !== undefined) &&
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
    via: grant.via,
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

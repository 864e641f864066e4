/** The one act of `service-connection <service>`: a proven person's grant, stored in that person's own vault and nowhere else. */
import type { Configuration, Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Principal } from '../identity/principal.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { revokeGrant } from '../oauth/revoke.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { mayUseService } from '../policy/verdict.ts';
import { quote } from '../text/quote.ts';
import { createVault, findVault, type OwnedVault, type VaultDirectory } from '../vault/resolve.ts';
import type { Account } from './account.ts';
import { acquire, type Grant, withAccount } from './acquire.ts';
import { type Connection, connectionOf, readConnections } from './credentials.ts';
import { type AccountFlags, type Confirm, checkRuleCanBeMet, settleAccount } from './settle-account.ts';
import { type StaticGrant, type Stored, storeGrant } from './store.ts';
import { type CredentialStatus, validateCredential } from './validate.ts';

/** What connecting needs, however the token comes. */
export interface PlaceRequest {
  service: Service;
  configuration: Configuration;
  principal: Principal;
  platform: Platform;
  memory: VaultMemory;
  visit: BrowserVisit;
  accountFlags: AccountFlags;
  /** Asks before a connection changes to another account. */
  confirm: Confirm;
  detail(text: string): void;
  warn(text: string): void;
}

/** What connecting through the service's authorization server needs. */
export interface ConnectRequest extends PlaceRequest {
  newClient: boolean;
  /** Ask only for the service's reading scopes. */
  readOnly: boolean;
}

/** A connection that was made. */
export interface Connected {
  vault: OwnedVault;
  stored: Stored;
  account: Account | undefined;
  /** The account does not meet the rule of the service's file and was accepted by its exact name. */
  accountAccepted: boolean;
  scopes: readonly string[];
  expiresAt: Date | undefined;
  refreshable: boolean;
  status: CredentialStatus;
}

/** Connects one service for one person. When the vault does not take the grant, the grant is revoked, not left behind. */
export async function connectService(request: ConnectRequest): Promise<Connected> {
  const { service, visit } = request;
  const place = await openPlace(request);
  const { vault, existing } = place;

  let connected: Connected | undefined;
  await acquire({
    service,
    visit,
    existing,
    newClient: request.newClient,
    readOnly: request.readOnly,
    detail: request.detail,
    conclude: async (fresh) => {
      connected = await keepOrRevoke(request, fresh, async () => {
        const grant = await withAccount(fresh, service, visit);
        return { grant, ...(await settleAndStore(request, place, grant)) };
      }).then(async ({ grant, stored, accepted }) => ({
        vault,
        stored,
        account: grant.account,
        accountAccepted: accepted,
        scopes: grant.scopes,
        expiresAt: grant.expiresAt,
        refreshable: grant.refreshToken !== undefined,
        status: await checkedStatus(request, vault, stored),
      }));
    },
  });
  if (connected === undefined) throw new AppError('bug', 'the flow ended without a result');
  return connected;
}

/** Where a connection goes: the person's own vault, and the connection that it would replace. */
export interface Place {
  vault: OwnedVault;
  existing: Connection | undefined;
}

/** Finds or creates the vault of a person who may connect the service. Throws `not_allowed` or `account_mismatch`. */
export async function openPlace(request: PlaceRequest): Promise<Place> {
  const { service, principal, platform, memory } = request;
  if (!mayUseService(principal, request.configuration, service)) {
    throw new AppError('not_allowed', `${quote(principal.label)} may not use ${quote(service.name)}`, {
      hint: 'ask whoever reviews the people section of config/interface.yaml',
    });
  }
  checkRuleCanBeMet(service, principal, request.accountFlags);
  const vault = (await findVault(request, principal)) ?? (await createVault(request, principal));
  request.detail(`vault ${quote(vault.id)}`);
  return { vault, existing: connectionOf(await readConnections(platform, vault.id), service) };
}

/** Stores a grant whose account was read, where that account may be stored. Throws `account_mismatch`. */
export async function settleAndStore(
  request: PlaceRequest,
  { vault, existing }: Place,
  grant: Grant | StaticGrant,
): Promise<{ stored: Stored; accepted: boolean }> {
  const { service, principal, platform } = request;
  if (service.account !== undefined && grant.account === undefined) {
    request.warn(`${service.name} did not say whose account this is: check it before you rely on it`);
  }
  const { accepted } = await settleAccount({
    ...request.accountFlags,
    service,
    principal,
    account: grant.account,
    previous: accountOf(existing),
    confirm: request.confirm,
  });
  const stored = await storeGrant({ platform, vault, service, grant, accountAccepted: accepted, now: new Date() });
  return { stored, accepted };
}

function accountOf(connection: Connection | undefined): Account | undefined {
  const { account, workspace } = connection?.record ?? {};
  return account === undefined ? undefined : { name: account, workspace };
}

/** Runs the steps that need the grant; if they fail, nothing keeps it alive, so it is given back (RFC 7009). */
async function keepOrRevoke<Result>(
  request: ConnectRequest,
  grant: Grant,
  steps: () => Promise<Result>,
): Promise<Result> {
  try {
    return await steps();
  } catch (error) {
    const revoked = await revokeGrant(
      grant.server,
      grant.client,
      grant.refreshToken ?? grant.accessToken,
      request.visit,
    );
    request.warn(
      revoked
        ? `the access that ${request.service.name} had granted was given back`
        : `${request.service.name} still lists a granted access that nobody uses: remove it there, in the account's connected apps`,
    );
    throw error;
  }
}

/** The connection is stored by now: that the platform cannot try it is no reason to call it failed. */
async function checkedStatus(request: ConnectRequest, vault: OwnedVault, stored: Stored): Promise<CredentialStatus> {
  const status = await validateCredential(request.platform, vault.id, stored.credentialId).catch((error: unknown) => {
    if (error instanceof PlatformError) return 'unknown' as const;
    throw error;
  });
  if (status === 'invalid') {
    throw new AppError(
      'token_unusable',
      `the platform stored the connection, but ${quote(request.service.name)} refuses its token`,
      {
        hint: `run service-connection ${request.service.name} again; if it stays, the service may not serve the platform`,
      },
    );
  }
  return status;
}

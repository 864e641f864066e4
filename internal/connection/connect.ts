/** The one act of `service-connection <service>`: a proven person's grant, stored in that person's own vault and nowhere else. */
import { clock } from '../clock/clock.ts';
import type { Configuration, Service } from '../config/definitions.ts';
import { requireConnectable } from '../config/lookup.ts';
import { AppError } from '../errors/app-error.ts';
import { requireAssurance } from '../identity/assurance.ts';
import { type Principal, requirePerson, withMissingGroups } from '../identity/principal.ts';
import type { Outcome } from '../markup/callback-page.ts';
import type { AuthorizationServer } from '../oauth/authorization-server.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { PlatformError } from '../platform/client.ts';
import type { CredentialStatus } from '../platform/credentials.ts';
import { mayUseService } from '../policy/verdict.ts';
import { quote } from '../text/quote.ts';
import { createVault, findVault, type OwnedVault, type VaultDirectory } from '../vault/resolve.ts';
import type { Account } from './account/account.ts';
import { requireAudience } from './account/audience.ts';
import { type AccountFlags, type Confirm, checkRuleCanBeMet, confirmAccount } from './account/confirm-account.ts';
import { acquire, withAccount } from './acquire.ts';
import { isClientUnknown, tryCredential, validateCredential } from './check/validate.ts';
import type { ClientSource } from './client/client-source.ts';
import { type Connection, connectionOf, mostCredentials, readConnections, readCredentials } from './credentials.ts';
import { giveBack } from './give-back.ts';
import type { Grant } from './grant.ts';
import { leftClient, type RegisteredClient, replacedAccessLeft, tellLeft } from './journal/journal.ts';
import type { Journals } from './journal/journals.ts';
import { type RunJournal, runJournal } from './journal/run-journal.ts';
import type { ScopeChoice } from './scopes.ts';
import { type StaticGrant, type Stored, storeGrant } from './store.ts';

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
  /** Whether it came through the identity provider, which the next one comes through as well. */
  throughIdp: boolean;
  status: CredentialStatus;
  /** Why nobody knows yet whether it works; undefined where that is known. */
  notTried?: string | undefined;
}

/** What connecting needs, however the token comes. */
export interface VaultPlaceRequest extends VaultDirectory {
  service: Service;
  configuration: Configuration;
  principal: Principal;
  visit: BrowserVisit;
  /** What is written down for the next run, should this one be killed. */
  journals: Journals;
  accountFlags: AccountFlags;
  /** Asks before a connection changes to another account. */
  confirm: Confirm;
  /** Asks whether an account is to be stored that the rule of the service's file does not want; left out, it is refused. */
  acceptOther?: Confirm;
  detail(text: string): void;
  warn(text: string): void;
}

/** What connecting through the service's authorization server needs. */
export interface ConnectRequest extends VaultPlaceRequest {
  newClient: boolean;
  /** Where clients come from, beside the service itself. */
  clients: ClientSource;
  scopeChoice: ScopeChoice;
  /** Let a server of the 2025-03-26 revision go without metadata. */
  legacyEndpoints: boolean;
  /** Store a token although it says that it is for somebody else. */
  acceptAudience: boolean;
  /** How the access comes, where that is not as the service's file says. */
  via?: 'idp' | undefined;
  /** Judges the authorization server of a service that nobody catalogued. */
  judgeServer?: (server: AuthorizationServer) => void;
}

/** Connects one service for one person. When the vault does not take the grant, the grant is revoked, not left behind. */
export async function connectService(request: ConnectRequest): Promise<Connected> {
  requireConnectable(request.service);
  requirePerson(request.principal, `connect ${quote(request.service.name)} through a browser`);
  return await withVaultPlace(request, (place) => connectIn(request, place));
}

async function connectIn(request: ConnectRequest, place: Place): Promise<Connected> {
  const { service, visit } = request;
  const { vault, existing, journal } = place;

  let connected: Connected | undefined;
  await acquire({
    service,
    visit,
    existing,
    left: place.left,
    newClient: request.newClient,
    clients: request.clients,
    isClientForgotten: () => isClientForgotten(request, place),
    scopeChoice: request.scopeChoice,
    legacyEndpoints: request.legacyEndpoints,
    via: request.via,
    judgeServer: request.judgeServer,
    detail: request.detail,
    asking: journal.asking,
    giveBack: async (grant) => {
      await journal.granted(grant);
      await giveBackUnstored(request, place, grant, undefined);
    },
    conclude: async (fresh) => {
      const made: Connected = await keepOrGiveBack(request, place, fresh, async (read) => {
        await journal.granted(fresh);
        requireAudience(fresh, service, request);
        const grant = await withAccount(fresh, service, visit);
        read(grant.account);
        return { grant, ...(await confirmAndStore(request, place, grant)) };
      }).then(async ({ grant, stored, accepted }) => ({
        vault,
        stored,
        account: grant.account,
        accountAccepted: accepted,
        scopes: grant.scopes,
        expiresAt: grant.expiresAt,
        refreshable: grant.refreshToken !== undefined,
        throughIdp: grant.via === 'idp',
        ...(await checkedStatus(request, vault, stored)),
      }));
      connected = made;
      return outcomeOf(service, request.principal, made);
    },
  });
  if (connected === undefined) throw new AppError('bug', 'the flow ended without a result');
  return connected;
}

/** Has the platform try to renew the old token: its answer is all that tells us whether the service knows the client. */
async function isClientForgotten({ platform }: ConnectRequest, { vault, existing }: Place): Promise<boolean> {
  if (existing?.refreshable !== true) return false;
  try {
    return isClientUnknown(await tryCredential(platform, vault.id, existing.credentialId));
  } catch (error) {
    if (error instanceof PlatformError) return false;
    throw error;
  }
}

/** Where a connection goes: the person's own vault, and the connection that it would replace. */
export interface Place {
  vault: OwnedVault;
  existing: Connection | undefined;
  /** The client that an interrupted run registered. */
  left: RegisteredClient | undefined;
  journal: RunJournal;
}

/**
 * Finds or creates the vault of a person who may connect the service, says what an interrupted run left, and acts while no
 * other run on this machine does. Throws `not_allowed`, `account_mismatch`, `already_running`, `vault_full`, `file_system`
 * where nothing could be written down, and what the act throws.
 */
export async function withVaultPlace<Result>(
  request: VaultPlaceRequest,
  act: (place: Place) => Promise<Result>,
): Promise<Result> {
  const { service, principal, platform } = request;
  if (!mayUseService(principal, request.configuration, service)) {
    throw new AppError('not_allowed', `${quote(principal.label)} may not use ${quote(service.name)}`, {
      hint: withMissingGroups(principal, 'ask whoever reviews the people section of config/interface.yaml'),
    });
  }
  requireAssurance(principal, service.require, `service-connection ${service.name}`);
  checkRuleCanBeMet(service, principal, request.accountFlags);
  const file = await request.journals.open(principal, service);
  try {
    const vault = (await findVault(request, principal)) ?? (await createVault(request, principal));
    request.detail(`vault ${quote(vault.id)}`);
    const { connections, count } = await readCredentials(platform, vault.id);
    const existing = connectionOf(connections, service);
    if (file.left !== undefined) request.warn(tellLeft(file.left, service, connections));
    if (existing === undefined && count >= mostCredentials) throw vaultFull(vault, service);
    const journal = runJournal(file, service, vault.id, connections);
    // Before the service is asked for anything.
    await journal.begin();
    const left = file.left && leftClient(file.left, clock.now());
    return await endingWell(request, { vault, existing, left, journal }, act);
  } finally {
    await file.close();
  }
}

/** Whatever goes wrong, the journal says no more than is left, and the person learns it where that is less than before. */
async function endingWell<Result>(
  request: VaultPlaceRequest,
  place: Place,
  act: (place: Place) => Promise<Result>,
): Promise<Result> {
  try {
    return await act(place);
  } catch (error) {
    const { service } = request;
    const { vault, existing, journal } = place;
    if (error instanceof AppError && error.code === 'access_denied') journal.withdrawn();
    const connected = journal.isReplacing() ? await isConnected(request, vault) : existing !== undefined;
    if (connected === false && existing !== undefined) {
      request.warn(
        `the old connection of ${service.name} is archived and the new one is not stored: ${service.name} is not connected now`,
      );
    }
    await journal.endedEarly(connected);
    throw error;
  }
}

/** Undefined where nobody can look. */
async function isConnected({ platform, service }: VaultPlaceRequest, vault: OwnedVault): Promise<boolean | undefined> {
  const connections = await readConnections(platform, vault.id).catch(() => undefined);
  return connections && connectionOf(connections, service) !== undefined;
}

function vaultFull(vault: OwnedVault, { name }: Service): AppError {
  return new AppError(
    'vault_full',
    `the vault ${quote(vault.id)} holds ${mostCredentials} credentials, which is all that it can: there is no room for ${quote(name)}`,
  );
}

/** Stores a grant whose account was read, where that account may be stored. Throws `account_mismatch`. */
export async function confirmAndStore(
  request: VaultPlaceRequest,
  { vault, existing, journal }: Place,
  grant: Grant | StaticGrant,
): Promise<{ stored: Stored; accepted: boolean }> {
  const { service, principal, platform } = request;
  if (service.account !== undefined && grant.account === undefined) {
    request.warn(`${service.name} did not say whose account this is: check it before you rely on it`);
  }
  const { accepted } = await confirmAccount({
    ...request.accountFlags,
    service,
    principal,
    account: grant.account,
    previous: accountOf(existing),
    confirm: request.confirm,
    acceptOther: request.acceptOther,
  });
  const stored = await storeGrant({
    platform,
    vault,
    service,
    grant,
    accountAccepted: accepted,
    now: clock.now(),
    announce: (storing) => journal.storing(grant.account?.name, storing),
  });
  if (stored.act === 'replaced' && existing?.kind !== 'static_bearer') {
    request.warn(replacedAccessLeft(service.title ?? service.name));
  }
  await journal.stored();
  return { stored, accepted };
}

function accountOf(connection: Connection | undefined): Account | undefined {
  const { account, workspace } = connection?.record ?? {};
  return account === undefined ? undefined : { name: account, workspace };
}

/** Runs the steps that need the grant; if they fail, nothing keeps it alive, so it is given back (RFC 7009). */
async function keepOrGiveBack<Result>(
  request: ConnectRequest,
  place: Place,
  grant: Grant,
  steps: (read: (account: Account | undefined) => void) => Promise<Result>,
): Promise<Result> {
  let account: Account | undefined;
  try {
    return await steps((found) => {
      account = found;
    });
  } catch (error) {
    await giveBackUnstored(request, place, grant, account);
    throw error;
  }
}

async function giveBackUnstored(
  { platform, service, visit, warn }: ConnectRequest,
  { vault, existing, journal }: Place,
  grant: Grant,
  account: Account | undefined,
): Promise<void> {
  // Where nobody can look, such as after Ctrl-C, what was there before has to do.
  const connections = await readConnections(platform, vault.id).catch(() => (existing === undefined ? [] : [existing]));
  if (await giveBack({ service, grant, account, connections, visit, warn })) journal.withdrawn();
}

/** The connection is stored by now: that the platform cannot try it is no reason to call it failed. */
async function checkedStatus(
  request: ConnectRequest,
  vault: OwnedVault,
  stored: Stored,
): Promise<Pick<Connected, 'status' | 'notTried'>> {
  let notTried: string | undefined;
  const status = await validateCredential(request.platform, vault.id, stored.credentialId).catch((error: unknown) => {
    if (!(error instanceof PlatformError)) throw error;
    notTried = error.message;
    return 'unknown' as const;
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
  if (status === 'unknown') notTried ??= 'the platform got no answer from the service';
  return { status, notTried };
}

/** What follows for a connection that the platform cannot renew. */
export function renewalWords(throughIdp: boolean): string {
  return throughIdp
    ? 'setup-session renews it through the identity provider'
    : 'the service gave nothing to renew it with';
}

/** What a page says of a connection that was made: which account is now in whose vault, and what is left to know. */
export function outcomeOf(service: Service, principal: Principal, connected: Connected): Outcome {
  const { account, accountAccepted, vault, expiresAt, refreshable, throughIdp, notTried } = connected;
  const accepted = accountAccepted ? ' (accepted by name)' : '';
  return {
    ok: true,
    title: `${service.title ?? service.name} is connected`,
    facts: [
      ['Account', `${account?.name ?? 'not named by the service'}${accepted}`],
      ...(account?.workspace === undefined ? [] : [['Workspace', account.workspace] as const]),
      ['In the vault of', `${principal.label} (${vault.id})`],
      ...(refreshable || expiresAt === undefined
        ? []
        : [['Until', `${expiresAt.toISOString()}: ${renewalWords(throughIdp)}`] as const]),
      ...(notTried === undefined ? [] : [['Tried', `not yet: ${notTried}`] as const]),
    ],
    next: 'Sessions that are yours can use it now. You can close this tab and go back to the terminal.',
  };
}

/**
 * Takes a service's connection out of the person's vault. The platform purges its secrets then. The tokens cannot be
 * read back (P3), so nobody can revoke them from here: what the service granted is ended at the service, by hand.
 */
import { clock } from '../clock/clock.ts';
import type { Service } from '../config/definitions.ts';
import type { Principal } from '../identity/principal.ts';
import { PlatformError } from '../platform/client.ts';
import { notAsListed } from '../platform/pages.ts';
import { findVault, type OwnedVault, type VaultDirectory } from '../vault/resolve.ts';
import { type Connection, connectionsOf, readConnections, readCredential } from './credentials.ts';
import { type Journal, tellLeft } from './journal/journal.ts';
import type { Journals, OpenJournal } from './journal/journals.ts';

/** What disconnecting needs. */
export interface DisconnectRequest extends VaultDirectory {
  service: Service;
  principal: Principal;
  journals: Journals;
  warn(text: string): void;
}

/** What was there and is archived now; nothing when nothing was connected. */
export interface Disconnected {
  vault: OwnedVault | undefined;
  removed: Connection[];
  /** To be called when the person knows what is left to be ended by hand: until then the next run says it. */
  told(): Promise<void>;
}

/** What {@link disconnectService} would archive; nothing is written down and nothing is changed. */
export async function planDisconnect({
  service,
  principal,
  ...directory
}: Omit<DisconnectRequest, 'journals'>): Promise<Pick<Disconnected, 'vault' | 'removed'>> {
  const vault = await findVault(directory, principal);
  const removed =
    vault === undefined ? [] : connectionsOf(await readConnections(directory.platform, vault.id), service);
  return { vault, removed };
}

/** How often a doubtful or contested archive is asked for again, after having looked. */
const attempts = 3;

/** Archives every credential that the platform would use for the service. A lost answer is settled by looking (P8). */
export async function disconnectService(request: DisconnectRequest): Promise<Disconnected> {
  const { service, principal } = request;
  const journal = await request.journals.open(principal, service);
  try {
    const vault = await findVault(request, principal);
    if (journal.left !== undefined) {
      const there = vault === undefined ? [] : await readConnections(request.platform, vault.id);
      request.warn(tellLeft(journal.left, service, there));
    }
    const removed = vault === undefined ? [] : await archiveAll(request, vault, journal);
    return { vault, removed, told: () => journal.clear() };
  } finally {
    await journal.close();
  }
}

async function archiveAll(
  { service, platform }: DisconnectRequest,
  vault: OwnedVault,
  journal: OpenJournal,
): Promise<Connection[]> {
  const removed = new Map<string, Connection>();
  let failure: PlatformError | undefined;
  for (let round = 0; ; round += 1) {
    const there = connectionsOf(await readConnections(platform, vault.id), service);
    if (there.length === 0) return [...removed.values()];
    if (failure !== undefined && (round === attempts || !isUnsettled(failure))) throw failure;
    failure = undefined;
    for (const connection of there) removed.set(connection.credentialId, connection);
    await journal.write(removalOf(service, vault, [...removed.values()]));
    for (const connection of there) {
      try {
        const now = await readCredential(platform, vault.id, connection.credentialId);
        if (now === undefined || now.archivedAt !== null) continue;
        if (now.mcpServerUrl !== connection.mcpServerUrl) throw notAsListed('credential', connection.credentialId);
        const label = `${service.name} in ${vault.displayName}`;
        await platform.credentials.archive(vault.id, connection.credentialId, { label });
      } catch (error) {
        if (!(error instanceof PlatformError)) throw error;
        failure = error;
      }
    }
    // Every archive was confirmed: nothing is left to look for.
    if (failure === undefined) return [...removed.values()];
  }
}

function removalOf({ name, mcp_server_url }: Service, vault: OwnedVault, removed: readonly Connection[]): Journal {
  return {
    version: 1,
    service: name,
    mcpServerUrl: mcp_server_url,
    vaultId: vault.id,
    at: clock.now().toISOString(),
    next: 'disconnect',
    grants: [],
    removing: {
      credentialIds: removed.map(({ credentialId }) => credentialId),
      account: removed.find(({ record }) => record.account !== undefined)?.record.account,
    },
  };
}

function isUnsettled({ outcome, status }: PlatformError): boolean {
  return outcome === 'unknown' || status === 404 || status === 409;
}

/**
 * Takes a service's connection out of the person's vault. The platform purges its secrets then. The tokens cannot be
 * read back (P3), so nobody can revoke them from here: what the service granted is ended at the service, by hand.
 */
import type { Service } from '../config/definitions.ts';
import type { Principal } from '../identity/principal.ts';
import { PlatformError } from '../platform/client.ts';
import { findVault, type OwnedVault, type VaultDirectory } from '../vault/resolve.ts';
import { type Connection, connectionsOf, readConnections } from './credentials.ts';

/** What disconnecting needs. */
export interface DisconnectRequest extends VaultDirectory {
  service: Service;
  principal: Principal;
}

/** What was there and is archived now; nothing when nothing was connected. */
export interface Disconnected {
  vault: OwnedVault | undefined;
  removed: Connection[];
}

/** How often a doubtful or contested archive is asked for again, after having looked. */
const attempts = 3;

/** Archives every credential that the platform would use for the service. A lost answer is settled by looking (P8). */
export async function disconnectService(request: DisconnectRequest): Promise<Disconnected> {
  const { service, principal, platform } = request;
  const vault = await findVault(request, principal);
  if (vault === undefined) return { vault, removed: [] };
  const removed = new Map<string, Connection>();
  let failure: PlatformError | undefined;
  for (let round = 0; ; round += 1) {
    const there = connectionsOf(await readConnections(platform, vault.id), service);
    if (there.length === 0) return { vault, removed: [...removed.values()] };
    if (failure !== undefined && (round === attempts || !isUnsettled(failure))) throw failure;
    failure = undefined;
    for (const connection of there) {
      removed.set(connection.credentialId, connection);
      try {
        await platform.change(
          { act: 'credential.archive', target: `${service.name} in ${vault.displayName}` },
          (client) => client.beta.vaults.credentials.archive(connection.credentialId, { vault_id: vault.id }),
        );
      } catch (error) {
        if (!(error instanceof PlatformError)) throw error;
        failure = error;
      }
    }
    // Every archive was confirmed: nothing is left to look for.
    if (failure === undefined) return { vault, removed: [...removed.values()] };
  }
}

function isUnsettled({ outcome, status }: PlatformError): boolean {
  return outcome === 'unknown' || status === 404 || status === 409;
}

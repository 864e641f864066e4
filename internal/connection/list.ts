/** What is connected: every catalogued service and the state of this person's connection to it. */
import type { Configuration } from '../config/definitions.ts';
import type { Principal } from '../identity/principal.ts';
import type { Platform } from '../platform/client.ts';
import { findVault, type OwnedVault, type VaultMemory } from '../vault/resolve.ts';
import { type Connection, connectionOf, readConnections } from './credentials.ts';
import { type CredentialStatus, validateCredential } from './validate.ts';

/** One service as `list` shows it. */
export interface ServiceState {
  service: string;
  title: string;
  connection: Connection | undefined;
  /** `unchecked` for a connection that the platform cannot try. */
  status: CredentialStatus | 'unchecked' | 'not connected';
}

/** The state of every catalogued service for one person; without a vault nothing is connected, and none is created. */
export async function listServices(
  platform: Platform,
  configuration: Configuration,
  principal: Principal,
  memory: VaultMemory,
): Promise<{ vault: OwnedVault | undefined; services: ServiceState[] }> {
  const vault = await findVault(platform, principal, memory);
  const connections = vault === undefined ? [] : await readConnections(platform, vault.id);
  const services = await Promise.all(
    [...configuration.services.values()].map(async (service): Promise<ServiceState> => {
      const connection = connectionOf(connections, service);
      const title = service.title ?? service.name;
      if (vault === undefined || connection === undefined) {
        return { service: service.name, title, connection, status: 'not connected' };
      }
      const status =
        connection.kind === 'mcp_oauth'
          ? await validateCredential(platform, vault.id, connection.credentialId)
          : 'unchecked';
      return { service: service.name, title, connection, status };
    }),
  );
  return { vault, services };
}

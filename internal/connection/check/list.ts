/** What is connected: services and the state of this person's connection to each. */
import { clock } from '../../clock/clock.ts';
import type { Service } from '../../config/definitions.ts';
import { aboutVaultOf, type Principal } from '../../identity/principal.ts';
import { type Platform, PlatformError } from '../../platform/client.ts';
import type { CredentialTrial } from '../../platform/credentials.ts';
import { findVault, findVaultToShow, type VaultDirectory } from '../../vault/resolve.ts';
import { type Connection, connectionOf, connectionsOf, readConnections } from '../credentials.ts';
import type { Journals } from '../journal/journals.ts';
import type { RefreshFailures } from '../refresh-failures.ts';
import { type Judgement, judgeStatus } from './status.ts';
import { tryCredential } from './validate.ts';

/** One service with its connection and what that is worth. */
export interface ServiceState extends Judgement {
  service: Service;
  connection: Connection | undefined;
}

/** Whose services are looked at, and where. */
export interface Lookup extends VaultDirectory {
  principal: Principal;
  journals: Journals;
  refreshFailures: RefreshFailures;
  services: Iterable<Service>;
  /** Of which services the connection is tried; of all where undefined. Of the others everything else is judged. */
  tries?: readonly string[] | undefined;
}

/** Has the platform try each connection; without a vault nothing is connected, and none is created. */
export async function examineServices(request: Lookup): Promise<ServiceState[]> {
  return (await examineConnections(request)).states;
}

/** The same, and the connections that are of no service: no agent can use them, and nobody tries them. */
export async function examineConnections(request: Lookup): Promise<{ states: ServiceState[]; unlisted: Connection[] }> {
  const { platform, principal, journals, refreshFailures, tries } = request;
  const services = [...request.services];
  // Who has connections tried wants to know what is so now.
  const vault = await (tries === undefined ? findVault : findVaultToShow)(request, principal);
  const connections = vault === undefined ? [] : await readConnections(platform, vault.id);
  const unlisted = connections.filter(
    (connection) => !services.some((service) => connectionsOf([connection], service).length > 0),
  );
  const states = await Promise.all(
    services.map(async (service): Promise<ServiceState> => {
      const connection = connectionOf(connections, service);
      const isTriable = vault !== undefined && connection?.kind === 'mcp_oauth';
      const isTried = tries === undefined || tries.includes(service.name);
      const [trial, refreshFailedAt] = isTriable
        ? await Promise.all([
            isTried ? trialOf(platform, vault.id, connection) : undefined,
            refreshFailures.read(connection.credentialId),
          ])
        : [];
      const left = connection === undefined ? await journals.read(principal, service) : undefined;
      const judged = judgeStatus({
        service,
        connection,
        verifiedEmail: principal.verifiedEmail,
        left,
        refreshFailedAt,
        trial,
        now: clock.now(),
      });
      return { service, connection, ...judged, next: judged.next && aboutVaultOf(principal, judged.next) };
    }),
  );
  return { states, unlisted };
}

/** One connection that the platform cannot try leaves the others to be shown. */
async function trialOf(
  platform: Platform,
  vaultId: string,
  { credentialId }: Connection,
): Promise<CredentialTrial | string> {
  try {
    return await tryCredential(platform, vaultId, credentialId);
  } catch (error) {
    if (error instanceof PlatformError) return error.message;
    throw error;
  }
}

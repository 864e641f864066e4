/** What becomes of access that was granted and not stored: nobody holds it, so it is given back where that harms nobody. */
import type { Service } from '../config/definitions.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { revokeGrant } from '../oauth/revoke.ts';
import type { Account } from './account/account.ts';
import { type Connection, connectionsOf } from './credentials.ts';
import type { Grant } from './grant.ts';
import { byHand } from './journal/journal.ts';

/** A grant that was not stored. */
export interface UnstoredGrant {
  service: Service;
  grant: Grant;
  /** As far as it was read. */
  account: Account | undefined;
  /** The vault's connections as they are now. */
  connections: readonly Connection[];
  visit: BrowserVisit;
  warn(text: string): void;
}

/** Revokes a grant (RFC 7009) where the service offers that, says what became of it, and whether it is gone. */
export async function giveBack(unstored: UnstoredGrant): Promise<boolean> {
  const { service, grant, visit, warn } = unstored;
  const title = service.title ?? service.name;
  if (mayEndAnother(unstored)) {
    warn(
      `the access that ${service.name} granted just now was not given back: a connection in your vault was made with the same client, and ${title} may end both; connecting again takes its place, otherwise ${byHand}`,
    );
    return false;
  }
  const revoked = await revokeGrant(grant.server, grant.client, grant.refreshToken ?? grant.accessToken, visit);
  warn(
    revoked
      ? `the access that ${service.name} had granted was given back`
      : `${service.name} still lists a granted access that nobody uses: ${byHand}`,
  );
  return revoked;
}

/**
 * Whether revoking could end a connection that is in use: many services keep one grant for each client and person, and
 * end all of it. Only what is of another client, or certainly of another account, is out of reach.
 */
export function mayEndAnother({
  service,
  grant,
  account,
  connections,
}: Pick<UnstoredGrant, 'service' | 'grant' | 'account' | 'connections'>): boolean {
  return connectionsOf(connections, service).some(
    ({ kind, clientId, record }) =>
      kind === 'mcp_oauth' &&
      (clientId ?? record.clientId ?? grant.client.clientId) === grant.client.clientId &&
      (account === undefined || record.account === undefined || isSameAccount(account, record)),
  );
}

function isSameAccount(account: Account, record: Connection['record']): boolean {
  return account.name === record.account && account.workspace === record.workspace;
}

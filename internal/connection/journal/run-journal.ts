/** What one run writes into its journal: each time before the step that it announces, and nothing of it is a secret. */
import { clock } from '../../clock/clock.ts';
import type { Service } from '../../config/definitions.ts';
import type { Connection } from '../credentials.ts';
import type { Asking, Grant } from '../grant.ts';
import { type GrantNote, type Journal, type RegisteredClient, type Storing, unheldGrants } from './journal.ts';
import type { OpenJournal } from './journals.ts';

/** The journal of a run that connects. Every method that writes throws `file_system`. */
export interface RunJournal {
  /** Nothing was asked of the service yet. */
  begin(): Promise<void>;
  /** The client is known, and the person is about to be asked. */
  asking(asking: Asking): Promise<void>;
  /** The service granted access, which nobody but this run holds. */
  granted(grant: Pick<Grant, 'scopes'>): Promise<void>;
  /** The vault is about to be changed. */
  storing(account: string | undefined, storing: Storing): Promise<void>;
  /** The vault holds the connection: nothing is left to tell. */
  stored(): Promise<void>;
  /** The access that was asked for last does not exist: it was denied, or given back. */
  withdrawn(): void;
  /** Whether the old connection may be archived by now and the new one not there yet. */
  isReplacing(): boolean;
  /**
   * The run ends without having stored anything: what may be left is kept for the next run, if anything is. `connected`
   * is undefined where nobody could look into the vault.
   */
  endedEarly(connected: boolean | undefined): Promise<void>;
}

/** The journal of a run whose vault held these connections when it began. */
export function runJournal(
  file: OpenJournal,
  service: Service,
  vaultId: string,
  connections: readonly Connection[],
): RunJournal {
  const carried = file.left === undefined ? [] : unheldGrants(file.left, connections);
  let journal: Journal = {
    version: 1,
    service: service.name,
    mcpServerUrl: service.mcp_server_url,
    vaultId,
    at: clock.now().toISOString(),
    next: 'register',
    client: file.left?.client,
    grants: carried,
  };
  const write = async (change: Partial<Journal>) => {
    journal = { ...journal, ...change, at: clock.now().toISOString() };
    await file.write(journal);
  };
  /** What is known of the access that was asked for last. */
  const lastGrant = (change: Partial<GrantNote>): GrantNote[] => {
    const last = journal.grants.at(-1);
    return last === undefined || journal.grants.length <= carried.length
      ? journal.grants
      : [...journal.grants.slice(0, -1), { ...last, ...change }];
  };
  const isReplacing = () => journal.storing?.act === 'replace';
  return {
    begin: () => write({}),
    async asking({ client: { clientId, authMethod }, server: { issuer }, redirectUri }) {
      const now = clock.now().toISOString();
      // One that has a secret is of no use without it, and the secret is not written down.
      const { client_id: ours, client_metadata_url: document } = service.authorization;
      const reusable = authMethod === 'none' && clientId !== ours && clientId !== document;
      const known = journal.client?.clientId === clientId ? journal.client.registeredAt : now;
      const client: RegisteredClient | undefined =
        reusable && redirectUri !== undefined ? { issuer, clientId, redirectUri, registeredAt: known } : undefined;
      const note: GrantNote = { issuer, clientId, at: now, certain: false };
      await write({ next: 'authorize', client, grants: [...journal.grants, note] });
    },
    granted: ({ scopes }) =>
      write({ next: 'account', grants: lastGrant({ certain: true, scopes: scopes.join(' ') || undefined }) }),
    storing: (account, storing) => write({ next: 'store', storing, grants: lastGrant({ account }) }),
    stored: () => file.clear(),
    withdrawn() {
      if (journal.grants.length > carried.length) journal = { ...journal, grants: journal.grants.slice(0, -1) };
    },
    isReplacing,
    async endedEarly(connected) {
      const lost = isReplacing() && connected !== true;
      await (journal.grants.length > 0 || lost ? file.write(journal) : file.clear());
    },
  };
}

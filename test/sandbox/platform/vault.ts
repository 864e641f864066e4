import type { BetaManagedAgentsVault } from '@anthropic-ai/sdk/resources/beta/vaults/vaults';
import { notFound } from './api-error.ts';
import { Collection } from './collection.ts';
import type { CredentialRecord } from './credential.ts';
import { newId } from './identifier.ts';
import type { Metadata } from './metadata.ts';
import type { Workspace } from './workspace.ts';

/** A stored vault. Documented: it has no owner; any key of the workspace may do anything with it. */
export interface VaultRecord {
  readonly id: string;
  shown: BetaManagedAgentsVault;
  readonly credentials: Collection<CredentialRecord>;
}

/** Finds a vault of the workspace, or throws the documented error. */
export function findVault(workspace: Workspace, id: string): VaultRecord {
  const vault = workspace.vaults.find(id);
  if (vault === undefined) throw notFound('vault', id);
  return vault;
}

/** Adds a vault. Documented: names need not be unique, so two racing creates make two vaults. */
export function addVault(workspace: Workspace, display_name: string, metadata: Metadata): VaultRecord {
  const id = newId('vlt');
  const now = workspace.clock.timestamp();
  return workspace.vaults.add({
    id,
    credentials: new Collection(),
    shown: { id, type: 'vault', display_name, metadata, created_at: now, updated_at: now, archived_at: null },
  });
}

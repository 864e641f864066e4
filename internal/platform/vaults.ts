/** Vaults: what the platform answers, and what it can be asked for. */
import type { Grounds } from './change.ts';
import { type Door, eachOf, type How } from './door.ts';
import { tellUnknown } from './known-members.ts';
import { fieldsOf, metadataOf, type Reading, text, textOrNull, thingOf } from './reading.ts';

export interface Vault {
  id: string;
  display_name: string;
  metadata: Readonly<Record<string, string>>;
  /** Whether the platform said any metadata at all. Where it did not, the vault is nobody's, and may be anybody's. */
  saysMetadata: boolean;
  /** RFC 3339; empty where it was not said. */
  created_at: string;
  updated_at: string;
  archived_at: string | null;
}

export function readVault(value: unknown, reading: Reading): Vault {
  const vault = thingOf(value, 'a vault');
  tellUnknown('vault', vault, reading);
  return {
    id: vault.id,
    display_name: text(vault['display_name']) ?? '',
    metadata: metadataOf(vault['metadata']),
    saysMetadata: fieldsOf(vault['metadata']) !== undefined,
    created_at: text(vault['created_at']) ?? '',
    updated_at: text(vault['updated_at']) ?? '',
    archived_at: textOrNull(vault['archived_at']),
  };
}

/** What is asked of vaults. */
export const vaultVerbs = ({ read, pages, change }: Door) => {
  const update =
    (act: 'vault.mark' | 'vault.sign' | 'vault.unmark') =>
    (id: string, metadata: Record<string, string | null>, how: How = {}) =>
      change(act, id, how, readVault, ({ vaults }) => vaults.update(id, { metadata }));
  return {
    list: (query: { include_archived?: boolean; limit?: number } = {}) =>
      eachOf(pages('list vaults', readVault, ({ vaults }, page) => vaults.list({ limit: 100, ...query, ...page }))),
    retrieve: (id: string) => read('read vault', readVault, ({ vaults }) => vaults.retrieve(id)),
    create: (
      label: string,
      vault: { display_name: string; metadata?: Record<string, string> },
      grounds: Grounds = {},
    ) => change('vault.create', undefined, { label, grounds }, readVault, ({ vaults }) => vaults.create(vault)),
    mark: update('vault.mark'),
    unmark: update('vault.unmark'),
    sign: update('vault.sign'),
    archive: (id: string, how: How = {}) =>
      change('vault.archive', id, how, readVault, ({ vaults }) => vaults.archive(id)),
  };
};

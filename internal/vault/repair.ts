/**
 * What a person does about several vaults that claim to be theirs: sees each with the evidence, and archives the ones
 * that they say. Nothing is merged, because nobody can read credentials back, and nothing is chosen for them.
 */
import type { Principal } from '../identity/principal.ts';
import { PlatformError } from '../platform/client.ts';
import { isLive } from '../platform/live.ts';
import { type Choice, chooseVault, isOlder, isProven } from './claims.ts';
import type { VaultAnswer } from './owner.ts';
import { isOwnedBy } from './owner.ts';
import { type HeldVault, holdings, readHeld, vaultsOf } from './persons-vaults.ts';
import type { VaultDirectory } from './resolve.ts';
import { isOffboarded, offboardedError } from './tombstone.ts';

export type RepairDirectory = Pick<VaultDirectory, 'platform' | 'ownership'>;

/** Every vault that claims to be the person's. */
export interface ClaimedVaults {
  active: readonly HeldVault[];
  archived: readonly VaultAnswer[];
  choice: Choice['kind'];
  /** The one that would be kept: the oldest that is proven, as with two first runs at once. */
  keep: HeldVault | undefined;
}

/** Looks at them. Throws `offboarded` for a person who has no vault any more because of that. */
export async function readClaimedVaults(directory: RepairDirectory, principal: Principal): Promise<ClaimedVaults> {
  const { platform, ownership } = directory;
  const vaults = await vaultsOf(platform, principal);
  const active = await holdings(directory, principal, vaults);
  const proven = active.filter(isProven);
  const marked = (proven.length > 0 ? proven.map(({ vault }) => vault) : vaults).find(({ metadata }) =>
    isOffboarded(metadata),
  );
  if (marked !== undefined) throw await offboardedError(marked, principal, ownership);
  return {
    active,
    archived: vaults.filter((vault) => !isLive(vault)),
    choice: chooseVault(active).kind,
    keep: proven.reduce<HeldVault | undefined>(
      (oldest, held) => (oldest === undefined || isOlder(held.vault, oldest.vault) ? held : oldest),
      undefined,
    ),
  };
}

/** What became of a vault that was to be archived. */
export type Archived = 'archived' | 'changed' | 'not the same owner';

/**
 * Archives a vault that somebody has said yes to, unless it holds something else by now than it did when they were asked.
 * A lost answer is settled by looking (P8).
 */
export async function archiveClaimed(
  { platform }: RepairDirectory,
  principal: Principal,
  { vault: { id }, credentials }: HeldVault,
): Promise<Archived> {
  const read = () => platform.vaults.retrieve(id);
  const [now, held] = await Promise.all([read(), readHeld(platform, id)]);
  if (!isLive(now)) return 'archived';
  if (!isOwnedBy(now.metadata, principal)) return 'not the same owner';
  const same = new Set(credentials.map((credential) => credential.id));
  if (held.length !== same.size || held.some((credential) => !same.has(credential.id))) return 'changed';
  try {
    await platform.vaults.archive(id);
  } catch (error) {
    if (!(error instanceof PlatformError) || isLive(await read())) throw error;
  }
  return 'archived';
}

/** Finds exactly one vault for a principal, or says why not (P1). A remembered id is a hint, never a proof. */
import { AppError } from '../errors/app-error.ts';
import type { Principal } from '../identity/principal.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { quote } from '../text/quote.ts';
import { isOwnedBy, type Metadata, ownerRecord } from './owner.ts';

/** A vault whose owner record names the principal it was resolved for. */
export interface OwnedVault {
  id: string;
  displayName: string;
}

/** Remembers ids of vaults between runs. */
export interface VaultMemory {
  recall(principal: Principal): Promise<string | undefined>;
  remember(principal: Principal, vaultId: string): Promise<void>;
}

/** What is looked at of a vault. */
interface VaultAnswer {
  id: string;
  display_name: string;
  metadata: Metadata;
  created_at: string;
  archived_at: string | null;
}

/**
 * The principal's vault, or undefined when there is none. Asks once for a remembered one; otherwise reads every page.
 * Throws `ownership_ambiguous` when several vaults claim to be this person's.
 */
export async function findVault(
  platform: Platform,
  principal: Principal,
  memory: VaultMemory,
): Promise<OwnedVault | undefined> {
  const recalled = await memory.recall(principal);
  if (recalled !== undefined) {
    const vault = await readOwnedVault(platform, recalled, principal);
    if (vault !== undefined) return vault;
  }
  const claimed = await claimedVaults(platform, principal);
  const [vault, ...others] = claimed;
  if (vault === undefined) return undefined;
  if (others.length > 0) throw ambiguous(claimed, principal);
  await memory.remember(principal, vault.id);
  return owned(vault);
}

/**
 * Creates the vault of a principal who has none. A lost answer is not repeated: the vault is looked for first. When
 * another run created one at the same moment, the older one stays, and this run archives its own, empty as it is (P8).
 */
export async function createVault(platform: Platform, principal: Principal, memory: VaultMemory): Promise<OwnedVault> {
  const displayName = `Connections of ${principal.label}`.slice(0, 255);
  let created: VaultAnswer;
  try {
    created = await platform.change({ act: 'vault.create', target: principal.label }, (client) =>
      client.beta.vaults.create({ display_name: displayName, metadata: ownerRecord(principal) }),
    );
  } catch (error) {
    if (!(error instanceof PlatformError) || error.outcome !== 'unknown') throw error;
    const vault = await findVault(platform, principal, memory);
    if (vault === undefined) throw error;
    return vault;
  }
  if (!isUsable(created, principal)) throw unproven(created.id);
  const { id } = created;
  const older = (await claimedVaults(platform, principal)).filter((vault) => isOlder(vault, created));
  if (older.length > 0) {
    await platform.change({ act: 'vault.archive', target: id }, (client) => client.beta.vaults.archive(id));
  }
  const [vault = created, ...others] = older;
  if (others.length > 0) throw ambiguous(older, principal);
  await memory.remember(principal, vault.id);
  return owned(vault);
}

/** Every active vault whose record names the principal, wherever it stands in the list. */
async function claimedVaults(platform: Platform, principal: Principal): Promise<VaultAnswer[]> {
  const claimed: VaultAnswer[] = [];
  for await (const vault of platform.readPages('list vaults', (client) => client.beta.vaults.list({ limit: 100 }))) {
    if (isUsable(vault, principal)) claimed.push(vault);
  }
  return claimed;
}

/** Whether one vault was made before another; of two made in the same instant the smaller id counts as older. */
function isOlder(vault: VaultAnswer, other: VaultAnswer): boolean {
  const [a, b] = [Date.parse(vault.created_at), Date.parse(other.created_at)];
  return a < b || (a === b && vault.id < other.id);
}

/** One vault by id, if it exists, is active and names the principal. */
async function readOwnedVault(platform: Platform, id: string, principal: Principal): Promise<OwnedVault | undefined> {
  try {
    const vault = await platform.read('read vault', (client) => client.beta.vaults.retrieve(id));
    return isUsable(vault, principal) ? owned(vault) : undefined;
  } catch (error) {
    if (error instanceof PlatformError && (error.status === 404 || error.status === 400)) return undefined;
    throw error;
  }
}

function isUsable(vault: VaultAnswer, principal: Principal): boolean {
  return vault.archived_at === null && isOwnedBy(vault.metadata, principal);
}

function owned(vault: VaultAnswer): OwnedVault {
  return { id: vault.id, displayName: vault.display_name };
}

function ambiguous(vaults: readonly VaultAnswer[], principal: Principal): AppError {
  const ids = vaults.map(({ id }) => quote(id)).join(', ');
  return new AppError(
    'ownership_ambiguous',
    `${vaults.length} vaults claim to be those of ${quote(principal.label)}: ${ids}`,
    {
      hint: 'find out which one is wrong and archive it on the platform; nothing was chosen',
    },
  );
}

function unproven(id: string): AppError {
  return new AppError(
    'ownership_unproven',
    `the platform did not store the owner record of the vault it created (${quote(id)})`,
    {
      hint: 'archive that vault on the platform and try again',
    },
  );
}

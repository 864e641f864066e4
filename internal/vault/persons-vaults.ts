/** All vaults that name one person, and what is in the active ones: what is looked at before any of them is archived. */

import { inParallel } from '../async/in-parallel.ts';
import type { Platform } from '../platform/client.ts';
import { isLive } from '../platform/live.ts';
import type { Claim } from './claims.ts';
import type { VaultAnswer } from './owner.ts';
import { isOwnedBy, type ownerOf } from './owner.ts';
import { judgeClaim, type VaultDirectory } from './resolve.ts';

/** Whom a record names. */
export type Owner = NonNullable<ReturnType<typeof ownerOf>>;

/** An active credential of a vault. */
export interface HeldCredential {
  id: string;
  /** `other` is of a kind that this version does not know, `unreadable` does not say what it is for. */
  kind: 'mcp_oauth' | 'static_bearer' | 'environment_variable' | 'other' | 'unreadable';
  mcpServerUrl: string | undefined;
  /** What its metadata says; it informs, it never decides. */
  metadata: Readonly<Record<string, string>>;
}

/** An active vault that names the person, and what is in it. */
export interface HeldVault extends Claim {
  credentials: readonly HeldCredential[];
}

const readsAtOnce = 10;

/** Every vault of the workspace, archived ones too, page by page. */
export function everyVault(platform: Platform): AsyncGenerator<VaultAnswer, void, undefined> {
  return platform.vaults.list({ include_archived: true });
}

/** Every vault that names the person, archived ones too. */
export async function vaultsOf(platform: Platform, owner: Owner): Promise<VaultAnswer[]> {
  const vaults: VaultAnswer[] = [];
  for await (const vault of everyVault(platform)) if (isOwnedBy(vault.metadata, owner)) vaults.push(vault);
  return vaults;
}

/** What the active ones of these vaults hold, and what their claims are worth. */
export async function holdings(
  { platform, ownership }: Pick<VaultDirectory, 'platform' | 'ownership'>,
  owner: Owner,
  vaults: readonly VaultAnswer[],
): Promise<HeldVault[]> {
  const claims = await Promise.all(vaults.map((vault) => judgeClaim(vault, owner, ownership)));
  return await inParallel(
    claims.filter((claim) => claim !== undefined),
    readsAtOnce,
    async (claim) => ({ ...claim, credentials: await readHeld(platform, claim.vault.id) }),
  );
}

/** The active credentials of a vault, of every kind. */
export async function readHeld(platform: Platform, vaultId: string): Promise<HeldCredential[]> {
  const held: HeldCredential[] = [];
  for await (const credential of platform.credentials.list(vaultId)) {
    if (!isLive(credential)) continue;
    const { id, auth, metadata } = credential;
    const mcpServerUrl = 'mcp_server_url' in auth ? auth.mcp_server_url : undefined;
    held.push({ id, kind: auth.type, mcpServerUrl, metadata });
  }
  return held;
}

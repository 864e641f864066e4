/** Remembers which vault was found for whom, so that the next run asks once instead of reading every page. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Principal } from '../identity/principal.ts';
import { readText, writeText } from '../outside/files.ts';
import type { VaultMemory } from './resolve.ts';

/**
 * A memory in a cache folder: one file per platform and principal, named by a digest and holding an id. Losing or
 * changing such a file costs a slower run at most, because what is recalled is verified like any other vault.
 */
export function vaultMemory(cacheFolder: string, stateFolder: string, platformAddress: string): VaultMemory {
  const fileOf = (folder: string, { kind, issuer, subject }: Principal) => {
    const digest = createHash('sha256')
      .update(JSON.stringify([platformAddress, kind, issuer, subject]))
      .digest('hex');
    return join(folder, digest);
  };
  const vaults = join(cacheFolder, 'vaults');
  const creations = join(stateFolder, 'creations');
  const recall = async (path: string) => {
    const text = (await readText(path).catch(() => undefined))?.trim();
    return text !== undefined && /^[A-Za-z0-9_-]{1,128}$/.test(text) ? text : undefined;
  };
  return {
    recall: (principal) => recall(fileOf(vaults, principal)),
    // A folder that cannot be written costs a slower next run, never this one.
    remember: (principal, vaultId) => writeText(fileOf(vaults, principal), `${vaultId}\n`, 'private').catch(() => {}),
    recallCreation: (principal) => recall(fileOf(creations, principal)),
    rememberCreation: (principal, mark) => writeText(fileOf(creations, principal), `${mark}\n`, 'private'),
  };
}

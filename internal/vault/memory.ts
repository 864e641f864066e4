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
export function vaultMemory(cacheFolder: string, platformAddress: string): VaultMemory {
  const fileOf = ({ kind, issuer, subject }: Principal) => {
    const digest = createHash('sha256')
      .update(JSON.stringify([platformAddress, kind, issuer, subject]))
      .digest('hex');
    return join(cacheFolder, 'vaults', digest);
  };
  return {
    async recall(principal) {
      const id = (await readText(fileOf(principal)).catch(() => undefined))?.trim();
      return id !== undefined && /^[A-Za-z0-9_-]{1,128}$/.test(id) ? id : undefined;
    },
    // A folder that cannot be written costs a slower next run, never this one.
    remember: (principal, vaultId) => writeText(fileOf(principal), `${vaultId}\n`, 'private').catch(() => {}),
  };
}

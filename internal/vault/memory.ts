/** Remembers which vault was found for whom, so that the next run asks once instead of reading every page. */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Principal } from '../identity/principal.ts';
import { writeText } from '../outside/files.ts';
import { Exposed, ownFile, readTrusted, requireOwnFolder } from '../outside/trusted-file.ts';
import type { VaultMemory } from './resolve.ts';

/** An id or a mark, and nothing else, is kept in such a file. */
const longestBytes = 256;

/**
 * A memory in two folders: one file per platform and principal, named by a digest and holding an id. What is recalled is
 * verified like any other vault, so a cache that is lost, cut short or garbage costs a slower run at most. Both throw
 * `file_system` where somebody else could have written there: whoever can has more in mind than to slow us down.
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
  const recall = async (folder: string, principal: Principal) => {
    for (const each of [dirname(folder), folder]) await requireOwnFolder(each);
    const text = (await readTrusted(fileOf(folder, principal), ownFile(longestBytes)))?.trim();
    return text !== undefined && /^[A-Za-z0-9_-]{1,128}$/.test(text) ? text : undefined;
  };
  return {
    recall: (principal) => recall(vaults, principal).catch(unlessExposed),
    // A folder that cannot be written costs a slower next run, never this one.
    remember: (principal, vaultId) => writeText(fileOf(vaults, principal), `${vaultId}\n`, 'private').catch(() => {}),
    recallCreation: (principal) => recall(creations, principal),
    async rememberCreation(principal, mark) {
      for (const each of [stateFolder, creations]) await requireOwnFolder(each);
      await writeText(fileOf(creations, principal), `${mark}\n`, 'private');
    },
  };
}

function unlessExposed(error: unknown): undefined {
  if (error instanceof Exposed) throw error;
}

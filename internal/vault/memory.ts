/** Remembers which vault was found for whom, so that the next run asks once instead of reading every page. */
import { Exposed } from '../outside/trusted-file.ts';
import type { KeptText, Stores, Workspace } from '../stores/kept-text.ts';
import type { VaultMemory } from './resolve.ts';

/**
 * The memory of one workspace: an id, or a mark, per principal. What is recalled is verified like any other vault, so one
 * that is lost, cut short or garbage costs a slower run at most. Both throw `file_system` where somebody else could have
 * written there: whoever can has more in mind than to slow us down.
 */
export function vaultMemory(
  { vaults, creations }: Pick<Stores, 'vaults' | 'creations'>,
  workspace: Workspace,
): VaultMemory {
  const recall = async (kept: KeptText) => {
    const text = (await kept.read())?.trim();
    return text !== undefined && /^[A-Za-z0-9_-]{1,128}$/.test(text) ? text : undefined;
  };
  return {
    recall: (person) => recall(vaults.at({ workspace, person })).catch(unlessExposed),
    // What cannot be written costs a slower next run, never this one.
    remember: (person, vaultId) =>
      vaults
        .at({ workspace, person })
        .write(`${vaultId}\n`)
        .catch(() => {}),
    recallCreation: (person) => recall(creations.at({ workspace, person })),
    rememberCreation: (person, mark) => creations.at({ workspace, person }).write(`${mark}\n`),
  };
}

function unlessExposed(error: unknown): undefined {
  if (error instanceof Exposed) throw error;
}

/** Remembers which vault was found for whom, so that the next run asks once instead of reading every page. */
import { clock } from '../clock/clock.ts';
import type { Principal } from '../identity/principal.ts';
import { Exposed } from '../outside/trusted-file.ts';
import type { KeptText, Stores, Workspace } from '../stores/kept-text.ts';
import type { VaultMemory } from './resolve.ts';

/** How long it is worth something that somebody had no vault. */
const noneForMs = 60_000;

/**
 * The memory of one workspace: an id, or a mark, per principal. What is recalled is verified like any other vault, so one
 * that is lost, cut short or garbage costs a slower run at most. Both throw `file_system` where somebody else could have
 * written there: whoever can has more in mind than to slow us down.
 */
export function vaultMemory(
  { vaults, creations }: Pick<Stores, 'vaults' | 'creations'>,
  workspace: Workspace,
): VaultMemory {
  // What cannot be written costs a slower next run, never this one.
  const keep = async (person: Principal, text: string) =>
    await vaults
      .at({ workspace, person })
      .write(`${text}\n`)
      .catch(() => {});
  const recall = async (kept: KeptText) => {
    const text = (await kept.read())?.trim();
    return text !== undefined && /^[A-Za-z0-9_-]{1,128}$/.test(text) ? text : undefined;
  };
  return {
    recall: (person) => recall(vaults.at({ workspace, person })).catch(unlessExposed),
    remember: keep,
    async recallNone(person) {
      const text = await vaults.at({ workspace, person }).read().catch(unlessExposed);
      const at = Date.parse(/^none (\S+)\n$/.exec(text ?? '')?.[1] ?? '');
      const age = clock.now().getTime() - at;
      return age >= 0 && age < noneForMs;
    },
    async rememberNone(person) {
      // Somebody may have made one while it was looked for.
      const recalled = await recall(vaults.at({ workspace, person })).catch(unlessExposed);
      if (recalled === undefined) await keep(person, `none ${clock.now().toISOString()}`);
    },
    recallCreation: (person) => recall(creations.at({ workspace, person })),
    rememberCreation: (person, mark) => creations.at({ workspace, person }).write(`${mark}\n`),
  };
}

function unlessExposed(error: unknown): undefined {
  if (error instanceof Exposed) throw error;
}

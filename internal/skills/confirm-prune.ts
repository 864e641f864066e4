/** The second yes: what takes away all of a lock, or more than half of it, is more often a checkout that is not whole. */
import { AppError } from '../errors/app-error.ts';
import { visible } from '../text/quote.ts';
import type { SkillsPlan } from './skills-plan.ts';

/** Who may say yes to many deletions at once. */
export interface PruneConsent {
  /** The most deletions that were agreed to beforehand; undefined where nothing was said. */
  yesPrune?: number;
  /** Asks somebody; undefined where nobody is there to be asked. */
  confirmPrune?: (question: string) => Promise<boolean>;
}

/** How many skills a plan deletes, and of which locks, in words, it takes all or more than half. Pure. */
function largeDeletions({ parts }: Pick<SkillsPlan, 'parts'>): { deleted: number; large: string[] } {
  let deleted = 0;
  const large: string[] = [];
  for (const { lockFile, lock, changes } of parts) {
    const count = changes.filter(({ kind }) => kind === 'prune').length;
    deleted += count;
    if (count > 0 && count * 2 > lock.size) {
      const share = `${count} of the ${lock.size} skills`;
      large.push(
        `${count < lock.size ? share : lock.size === 1 ? 'the one skill' : `all ${count} skills`} in ${visible(lockFile)}`,
      );
    }
  }
  return { deleted, large };
}

/**
 * Has many deletions at once agreed to, before anything is changed; `say` tells of them where only a plan is wanted.
 * Throws `prune_unconfirmed`.
 */
export async function confirmPrune(
  plan: SkillsPlan,
  { apply, say, yesPrune, confirmPrune }: PruneConsent & { apply: boolean; say(text: string): void },
): Promise<void> {
  const { deleted, large } = largeDeletions(plan);
  // A run that was killed has less to delete when it comes again, so the number is the most and not the exact one.
  if (yesPrune !== undefined && deleted > yesPrune) {
    throw new AppError('prune_unconfirmed', `${deleted} skills would be deleted, --yes-prune says ${yesPrune}`, {
      hint: `look at what went: skill-sync --prune --dry-run; if all of it is right: --yes-prune ${deleted}`,
    });
  }
  if (large.length === 0 || yesPrune !== undefined) return;
  const what = `deletes ${large.join(' and ')}`;
  if (!apply) return say(`it ${what}: that will need a second yes (at a terminal, or --yes-prune ${deleted})`);
  if (confirmPrune === undefined) {
    throw new AppError('prune_unconfirmed', `this run ${what}, and nobody is here to say yes to that`, {
      hint: `look whether the checkout is whole; if it is: --yes-prune ${deleted}`,
    });
  }
  if (await confirmPrune(`this run ${what}, for everybody who uses them. Is that right?`)) return;
  throw new AppError('prune_unconfirmed', 'the deletions were not agreed to', { hint: 'nothing was changed' });
}

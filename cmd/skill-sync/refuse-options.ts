import { AppError } from '../../internal/errors/app-error.ts';
import type { SkillSyncOptions } from './run.ts';

/** What a push can be told, with its flag. Commander takes these before and behind a command. */
const ofPush = {
  dryRun: '--dry-run',
  check: '--check',
  lock: '--lock',
  out: '--out',
  diff: '--diff',
  overwrite: '--overwrite',
  prune: '--prune',
  report: '--report',
  sarif: '--sarif',
  codeQuality: '--code-quality',
} as const satisfies Record<keyof SkillSyncOptions, string>;

/** Refuses the options of a push that another command would pass over in silence. Throws `usage`. */
export function refuseOptions(
  command: string,
  options: SkillSyncOptions,
  taken: readonly (keyof SkillSyncOptions)[],
): void {
  for (const [option, flag] of Object.entries(ofPush) as [keyof SkillSyncOptions, string][]) {
    if (options[option] === undefined || taken.includes(option)) continue;
    throw new AppError('usage', `${flag} is no option of skill-sync ${command}`);
  }
}

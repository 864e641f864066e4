import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { platformFromEnvironment } from '../../internal/run/platform.ts';
import { readLockFile } from '../../internal/skills/lock.ts';
import { meantOf } from '../../internal/skills/planning.ts';
import { verificationError, verifySkills } from '../../internal/skills/verify.ts';
import { bar } from '../../internal/text/bar.ts';
import { quote } from '../../internal/text/quote.ts';
import { configurationIfAny, foldersOf } from './run.ts';
import { showVerified } from './supply-chain-output.ts';

/** The options of `verify`. */
export interface VerifyOptions {
  lock?: string;
}

/** Verifies every skill of one or more locks. Throws `skill_altered` where one is not what its lock says. */
export async function runVerify(
  context: CommandContext,
  words: readonly string[],
  options: VerifyOptions,
): Promise<CommandResult> {
  const configuration = await configurationIfAny(context);
  const folders = await foldersOf(context, configuration, words, { lock: options.lock });
  const locks = await Promise.all(
    folders.map(async ({ lockFile, ...place }) => {
      const { folder } = place;
      const lock = meantOf(await readLockFile(lockFile), place);
      // An empty one proves nothing, and must not look as if all were well.
      if (lock.size > 0) return { folder, lock };
      throw new AppError('config_missing', `there is no skill in a lock ${quote(lockFile)}`, {
        hint: 'name the folder that skills.lock.json is in, or the file with --lock; a push writes it: skill-sync',
      });
    }),
  );
  const platform = await platformFromEnvironment(context, configuration?.interface.platform);
  const waiting = context.progress.wait('downloading the pinned versions');
  try {
    const verification = await verifySkills(platform, locks, (looked, all) =>
      waiting.update(`${bar(looked, all)} downloading the pinned versions`),
    );
    const error = verificationError(verification);
    if (error !== undefined) throw error;
    return showVerified(verification.verified);
  } finally {
    waiting.done();
  }
}

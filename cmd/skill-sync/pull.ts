import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { Configuration } from '../../internal/config/definitions.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { platformFromEnvironment } from '../../internal/run/platform.ts';
import type { Waiting } from '../../internal/run/ports.ts';
import { lockFileOf, readLockFile, refuseNobodysLock } from '../../internal/skills/lock.ts';
import { pullSkills } from '../../internal/skills/pull.ts';
import { visible } from '../../internal/text/quote.ts';
import { chooseMeant, configurationIfAny } from './run.ts';
import { showPulled } from './supply-chain-output.ts';

/** The options of `pull`. */
export interface PullOptions {
  dryRun?: boolean;
  lock?: string;
  overwrite?: boolean;
  folder?: string;
  skillVersion?: string;
}

/** Pulls skills from the platform into their folders. */
export async function runPull(
  context: CommandContext,
  names: readonly string[],
  options: PullOptions,
): Promise<CommandResult> {
  const { overwrite = false, skillVersion, dryRun = false } = options;
  const configuration = await configurationIfAny(context);
  const folder = options.folder ?? (await folderHolding(context, configuration, names));
  if (options.lock === undefined) await refuseNobodysLock(folder, configuration?.workspace);
  const lock = options.lock ?? lockFileOf(folder, configuration?.workspace);
  let waiting: Waiting | undefined;
  try {
    const pulled = await pullSkills({
      names,
      folder,
      lockFile: lock,
      overwrite: overwrite,
      planIn: dryRun ? (await context.directories()).cache : undefined,
      ...(skillVersion !== undefined && { versionId: skillVersion }),
      async openPlatform() {
        const platform = await platformFromEnvironment(context, configuration?.interface.platform);
        waiting = context.progress.wait(`downloading ${names.join(', ')}`);
        return platform;
      },
      signal: context.signal,
      say: (text) => context.progress.note(text),
    });
    return showPulled(folder, pulled, dryRun);
  } finally {
    waiting?.done();
  }
}

/** Of several folders of skills the one whose lock has all these skills. Throws `usage` where that is not one of them. */
async function folderHolding(
  { signal, progress }: CommandContext,
  configuration: Configuration | undefined,
  names: readonly string[],
): Promise<string> {
  if (configuration?.interface.skills === undefined) return 'skills';
  const chosen = await chooseMeant([], configuration, { signal, say: progress.note });
  const [first, ...others] = chosen.map(({ folder }) => folder);
  if (first !== undefined && others.length === 0) return first;
  const locks = await Promise.all(
    chosen.map(async ({ folder }) => ({
      folder,
      lock: await readLockFile(lockFileOf(folder, configuration.workspace)),
    })),
  );
  const [holding, ...more] = locks.filter(({ lock }) => names.every((name) => lock.has(name)));
  if (holding !== undefined && more.length === 0) return holding.folder;
  const places = chosen.map(({ folder }) => visible(folder)).join(', ');
  throw new AppError('usage', `no one of the locks in ${places} has ${names.map(visible).join(' and ')}`, {
    hint: 'name the folder that they are to be in: --folder <folder>',
  });
}

import { platformFromEnvironment } from '../../internal/cli/platform.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { Waiting } from '../../internal/cli/terminal.ts';
import { lockFileOf } from '../../internal/skills/lock.ts';
import { pullSkills } from '../../internal/skills/pull.ts';
import { configurationIfAny } from './run.ts';
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
  const { folder = 'skills', lock = lockFileOf(folder), overwrite = false, skillVersion, dryRun = false } = options;
  const configuration = await configurationIfAny(context);
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

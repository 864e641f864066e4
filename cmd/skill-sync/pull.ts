import { platformFromEnvironment } from '../../internal/cli/platform.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { Waiting } from '../../internal/cli/terminal.ts';
import { lockFileOf } from '../../internal/skills/lock.ts';
import { pullSkills } from '../../internal/skills/pull.ts';
import { refuseOptions } from './refuse-options.ts';
import { configurationIfAny, type SkillSyncOptions } from './run.ts';
import { showPulled } from './supply-chain-output.ts';

/** The options of `pull`: its own, and of those of `skill-sync`, `--lock` and `--overwrite`. */
export interface PullOptions extends SkillSyncOptions {
  folder?: string;
  skillVersion?: string;
}

/** Pulls skills from the platform into their folders. */
export async function runPull(
  context: CommandContext,
  names: readonly string[],
  options: PullOptions,
): Promise<CommandResult> {
  refuseOptions('pull', options, ['lock', 'overwrite']);
  const folder = options.folder ?? 'skills';
  const configuration = await configurationIfAny(context);
  let waiting: Waiting | undefined;
  try {
    const pulled = await pullSkills({
      names,
      folder,
      lockFile: options.lock ?? lockFileOf(folder),
      overwrite: options.overwrite === true,
      ...(options.skillVersion !== undefined && { versionId: options.skillVersion }),
      async openPlatform() {
        const platform = await platformFromEnvironment(context, configuration?.interface.platform.workspace_id);
        waiting = context.progress.wait(`downloading ${names.join(', ')}`);
        return platform;
      },
      signal: context.signal,
      say: (text) => context.progress.note(text),
    });
    return showPulled(folder, pulled);
  } finally {
    waiting?.done();
  }
}

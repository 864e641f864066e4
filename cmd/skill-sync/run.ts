import { resolve } from 'node:path';
import { platformFromEnvironment } from '../../internal/cli/platform.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { loadProject } from '../../internal/cli/project.ts';
import type { Waiting } from '../../internal/cli/terminal.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { lockFileOf } from '../../internal/skills/lock.ts';
import { syncSkills } from '../../internal/skills/sync.ts';
import { showSynced } from './output.ts';

/** The options of `skill-sync` beside the common ones. */
export interface SkillSyncOptions {
  dryRun?: boolean;
  check?: boolean;
  lock?: string;
}

/** Runs `skill-sync` once. */
export async function runSkillSync(
  context: CommandContext,
  words: readonly string[],
  options: SkillSyncOptions,
): Promise<CommandResult> {
  const given = words.length === 0 ? ['skills'] : words;
  // The same folder twice is one folder; the first spelling is shown.
  const folders = given.filter(
    (folder, index) => given.findIndex((other) => resolve(other) === resolve(folder)) === index,
  );
  if (options.lock !== undefined && folders.length > 1) {
    throw new AppError('usage', '--lock names one file, but there are several folders', {
      hint: 'give one folder, or leave --lock out: each folder then has its own skills.lock.json',
    });
  }
  let waiting: Waiting | undefined;
  try {
    const synced = await syncSkills({
      folders: folders.map((folder) => ({ folder, lockFile: options.lock ?? lockFileOf(folder) })),
      apply: options.dryRun !== true && options.check !== true,
      async openPlatform() {
        const platform = await platformFromEnvironment(context, await configuredWorkspace(context));
        waiting = context.progress.wait('comparing the skills with the platform');
        return platform;
      },
      say: (text) => context.progress.note(text),
    });
    return showSynced(synced, { check: options.check === true });
  } finally {
    waiting?.done();
  }
}

/** The workspace that agents are made in, so that they find the skills there. Without a configuration it is the key's. */
async function configuredWorkspace(context: CommandContext): Promise<string | undefined> {
  try {
    return (await loadProject(context)).interface.platform.workspace_id;
  } catch (error) {
    const named = context.options.config ?? context.environment.MAI_CONFIG;
    if (named === undefined && error instanceof AppError && error.code === 'config_missing') return undefined;
    throw error;
  }
}

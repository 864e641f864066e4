/** The words of `skill-sync`. Everything heavier is loaded when a command line has been understood. */
import { baseCommand } from '../../internal/cli/command.ts';
import { addCompletion } from '../../internal/cli/completion.ts';
import type { Executable } from '../../internal/cli/program.ts';
import type { SkillSyncOptions } from './run.ts';

/** Validates local skills and pushes what changed, as pinned versions. */
export const skillSync: Executable = {
  name: 'skill-sync',
  async build(run) {
    const program = baseCommand('skill-sync', 'bring the skills on the platform in line with folders of skills')
      .argument('[folder...]', 'folders that hold one folder per skill (default: skills)')
      .option('--dry-run', 'say what would be done, change nothing')
      .option('--check', 'as --dry-run, and exit with 7 when changes are pending')
      .option('--lock <file>', 'the lock file (default: skills.lock.json in the folder)')
      .addHelpText(
        'after',
        `
Each skill is a folder with a SKILL.md. A new or changed one is uploaded as a new
version and written into the lock file, which agents pin their versions from.

Examples:
  skill-sync                     push what changed in ./skills
  skill-sync --check             in CI: fail with 7 when something was not pushed
  skill-sync team/skills --json  the result as one JSON value`,
      )
      .action(
        run(async (context, folders: string[], options: SkillSyncOptions) => {
          const { runSkillSync } = await import('./run.ts');
          return await runSkillSync(context, folders, options);
        }),
      );
    addCompletion(program, run);
    return program;
  },
};

/** The words of `skill-sync verify` and `skill-sync pull`. */
import { Argument, type Command } from 'commander';
import { addConfig, addDryRun, naming } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';

/** The options of `pull`. */
interface PullOptions {
  dryRun?: boolean;
  lock?: string;
  overwrite?: boolean;
  folder?: string;
  skillVersion?: string;
}

/** Adds the commands that hold the platform against the lock. */
export function addSupplyChain(program: Command, run: Run): void {
  addConfig(
    program
      .command('verify')
      .description('download each pinned version and prove that it is what the lock says; ends with 3 where one is not')
      .argument('[folder...]', 'folders that hold a lock (default: skills)')
      .option('--lock <file>', 'the lock file (default: skills.lock.json in the folder)'),
  ).action(
    run(async (context, folders: string[], { lock }: { lock?: string }) => {
      const { verifySkills } = await import('../../internal/run/use-cases/verify-skills.ts');
      const { showVerified } = await import('./output.ts');
      return showVerified(await context.perform(verifySkills, { folders, lock }));
    }),
  );
  addDryRun(
    addConfig(
      program
        .command('pull')
        .description("restore skills from the platform: the lock's version, or the latest of one that no lock knows")
        .addArgument(naming('skills', new Argument('<skill...>', 'names of skills')))
        .option('--folder <folder>', 'the folder of skills (default: skills)')
        .option('--skill-version <id>', 'another version than the one in the lock')
        .option('--lock <file>', 'the lock file (default: skills.lock.json in the folder)')
        .option('--overwrite', 'replace a folder that holds something else'),
    ),
  ).action(
    run(async (context, skills: string[], options: PullOptions) => {
      const { pullSkills } = await import('../../internal/run/use-cases/pull-skills.ts');
      const { showPulled } = await import('./output.ts');
      const { folder, skillVersion, lock, overwrite = false, dryRun = false } = options;
      return showPulled(await context.perform(pullSkills, { skills, folder, skillVersion, lock, overwrite, dryRun }));
    }),
  );
}

/** The words of `skill-sync`. Everything heavier is loaded when a command line has been understood. */
import { InvalidArgumentError, Option } from 'commander';
import { addConfig, addDryRun, baseCommand } from '../../internal/cli/command.ts';
import { addCompletion } from '../../internal/cli/completion.ts';
import type { Executable } from '../../internal/cli/program.ts';
import {
  type ApplyOptions,
  addDiff,
  addReports,
  addSelection,
  type ScanOptions,
  type SkillSyncOptions,
} from './report-options.ts';
import { addSupplyChain } from './supply-chain-commands.ts';

/** Validates local skills and pushes what changed, as pinned versions. */
export const skillSync: Executable = {
  name: 'skill-sync',
  async build(run) {
    const program = addReports(
      addSelection(
        addDiff(
          addDryRun(
            baseCommand('skill-sync', 'bring the skills on the platform in line with folders of skills').argument(
              '[folder...]',
              'folders of skills, skills, patterns or lists of plugins (default: skills)',
            ),
          )
            .option('--check', 'as --dry-run, and exit with 7 when changes are pending')
            .option('--lock <file>', 'the lock file (default: skills.lock.json in the folder)')
            .option('--out <file>', 'as --dry-run, and write the plan, which `apply` carries out')
            .addOption(keepGoing())
            .option('--overwrite', 'upload over versions that the lock does not know')
            .option('--prune', 'delete skills whose folder is gone, unless an agent pins them')
            .addOption(yesPrune()),
        ),
      ),
    )
      .addHelpText(
        'after',
        `
Each skill is a folder with a SKILL.md. A new or changed one is uploaded as a new
version and written into the lock file, which agents pin their versions from.

Examples:
  skill-sync                     push what changed in ./skills
  skill-sync --check             in CI: fail with 7 when something was not pushed
  skill-sync team/skills --json  the result as one JSON value
  skill-sync --out plan.json     a plan to review, then: skill-sync apply plan.json`,
      )
      .action(
        run(async (context, folders: string[], options: SkillSyncOptions) => {
          const { refuseMisspelled } = await import('../../internal/cli/misspelled.ts');
          await refuseMisspelled(
            folders,
            program.commands.map((command) => command.name()),
          );
          const { syncSkills } = await import('../../internal/run/use-cases/sync-skills.ts');
          const { showSkills } = await import('./output.ts');
          const { only, changedSince, check = false, lock, overwrite = false, prune = false } = options;
          const {
            report,
            sarif,
            codeQuality,
            dryRun = false,
            diff = false,
            yesPrune,
            out,
            keepGoing = false,
          } = options;
          const meant = { folders, only, changedSince, lock };
          const how = { check, overwrite, prune, out, keepGoing, dryRun, diff, yesPrune };
          return showSkills(await context.perform(syncSkills, { ...meant, ...how, report, sarif, codeQuality }));
        }),
      );
    addReports(
      addDiff(
        addDryRun(
          addConfig(
            program
              .command('apply')
              .description('carry out a plan that --out wrote, if nothing moved since')
              .argument('<plan>', 'the file')
              .addOption(yesPrune()),
          ),
        ),
      ),
    ).action(
      run(async (context, file: string, options: ApplyOptions) => {
        const { readPlanFile } = await import('../../internal/skills/plan-file.ts');
        const { applySkillsPlan } = await import('../../internal/run/use-cases/sync-skills.ts');
        const { showSkills } = await import('./output.ts');
        const { report, sarif, codeQuality, dryRun = false, diff = false, yesPrune } = options;
        const plan = await readPlanFile(file);
        const how = { dryRun, diff, yesPrune, report, sarif, codeQuality };
        return showSkills(await context.perform(applySkillsPlan, { plan, ...how }));
      }),
    );
    addReports(
      addSelection(
        addConfig(
          program
            .command('scan')
            .description(
              'look for what skills would bring to an agent unseen; offline, ends with 3 where something may not be',
            )
            .argument('[folder...]', 'folders of skills, skills, patterns or lists of plugins (default: skills)'),
        ),
      ),
    ).action(
      run(async (context, folders: string[], options: ScanOptions) => {
        const { scanSkills } = await import('../../internal/run/use-cases/scan-skills.ts');
        const { showScanned } = await import('./output.ts');
        const { only, changedSince, report, sarif, codeQuality } = options;
        const request = { folders, only, changedSince, report, sarif, codeQuality };
        return showScanned(await context.perform(scanSkills, request));
      }),
    );
    addSupplyChain(program, run);
    addCompletion(program, run);
    return program;
  },
};

/** A plan is reviewed as a whole, and deletions need everything else to be right. */
function keepGoing(): Option {
  return new Option(
    '--keep-going',
    'push the skills that nothing is wrong with, also where others are refused',
  ).conflicts(['prune', 'out']);
}

/** The yes that is said beforehand to many deletions at once. */
function yesPrune(): Option {
  return new Option('--yes-prune <number>', 'yes to deleting up to so many, where that is most of a lock').argParser(
    (text) => {
      if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It is not a number from 1 on.');
      return Number(text);
    },
  );
}

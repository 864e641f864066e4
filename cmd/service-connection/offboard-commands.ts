/** The words of `service-connection offboard` and `service-connection vault`. */
import { type Command, Option } from 'commander';
import { addOperator } from '../../internal/cli/browser-options.ts';
import { addDryRun, addForAgent, addGroup } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import { addTokenKey } from '../shared/token-key.ts';
import { addOwnershipKey } from './ownership-commands.ts';

/** Written out: every start loads this file, and only the type of what belongs to a principal. */
const kinds = { sso: true, os: true, workload: true, agent: true } satisfies Record<Principal['kind'], true>;

/** The options of `offboard`. */
interface OffboardOptions {
  issuer?: string;
  kind?: string;
  dryRun?: boolean;
  includeUnproven?: boolean;
  yesOffboard?: string;
  undo?: boolean;
  yesUndo?: string;
}

/** The options of `vault repair`. */
interface RepairOptions {
  keep?: string;
  forAgent?: string;
  dryRun?: boolean;
}

/** Adds what operators do to the things of others, and what people do about several vaults of their own. */
export function addOffboarding(program: Command, run: Run): void {
  const offboard = program
    .command('offboard')
    .description(
      'end everything that acts for a person, a job or an agent itself, for operators: connections, sessions, vault',
    )
    .argument('<subject>', 'exactly the subject of the person: the sub claim, or the uid; of an agent its name')
    .option('--issuer <issuer>', 'where several people have that subject: the one of exactly this issuer')
    .addOption(new Option('--kind <kind>', 'and of this kind').choices(Object.keys(kinds)))
    .option('--include-unproven', 'archive vaults as well that are not proven to be theirs')
    .option('--yes-offboard <subject>', 'do it without a question if exactly this is the subject')
    .addOption(
      new Option('--undo', 'let them in again, with an empty vault').conflicts(['includeUnproven', 'yesOffboard']),
    )
    .option('--yes-undo <subject>', 'let them in without a question if exactly this is the subject');
  addTokenKey(addOwnershipKey(addOperator(addDryRun(offboard)))).action(
    run(async (context, subject: string, options: OffboardOptions) => {
      const { issuer, kind, includeUnproven = false, undo = false, yesOffboard, yesUndo, dryRun = false } = options;
      if (!undo && yesUndo !== undefined) {
        const { AppError } = await import('../../internal/errors/app-error.ts');
        throw new AppError('usage', '--yes-undo goes with --undo only');
      }
      const { offboardPerson } = await import('../../internal/run/use-cases/offboard.ts');
      const { showOffboarding } = await import('./offboard-output.ts');
      const confirmed = yesOffboard ?? yesUndo;
      const request = { subject, issuer, kind, includeUnproven, undo, confirmed, dryRun };
      return showOffboarding(await context.perform(offboardPerson, request));
    }),
  );
  const vault = addGroup(program, 'vault', 'your own vaults, where there are several');
  addForAgent(
    addOperator(
      addDryRun(
        vault
          .command('repair')
          .description('show every vault that claims to be yours, and archive those that you say')
          .option('--keep <vault>', 'keep this one instead of the oldest'),
      ),
    ),
  ).action(
    run(async (context, { keep, forAgent, dryRun = false }: RepairOptions) => {
      const { repairVaults } = await import('../../internal/run/use-cases/repair-vaults.ts');
      const { showRepair } = await import('./offboard-output.ts');
      return showRepair(await context.perform(repairVaults, { keep, forAgent, dryRun }));
    }),
  );
}

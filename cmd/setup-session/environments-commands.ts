/** The words of `setup-session environments`. */
import { type Command, Option } from 'commander';
import { addConfig, addDryRun, addGroup, naming } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';

/** The options of `environments adopt`. */
interface AdoptEnvironmentOptions {
  dryRun?: boolean;
  name?: string;
}

/** Adds what environments need beside `agents plan` and `apply`, which keep them. */
export function addEnvironments(program: Command, run: Run): void {
  const environments = addGroup(
    program,
    'environments',
    'environments that are on the platform already; agents plan and apply keep those of config/environments/',
  );
  addConfig(
    addDryRun(
      environments
        .command('adopt')
        .description(
          'have a file stand for an environment that is on the platform already; a file that is missing is written',
        )
        .argument('<environment id>', 'as agents apply names it where its name is taken')
        .addOption(
          naming(
            'environments',
            new Option('--name <name>', 'which file of config/environments/ it is (default: its own name)'),
          ),
        ),
    ),
  ).action(
    run(async (context, id: string, { name, dryRun = false }: AdoptEnvironmentOptions) => {
      const { adoptEnvironment } = await import('../../internal/run/use-cases/adopt.ts');
      const { showAdoptedEnvironment } = await import('./agents-output.ts');
      return showAdoptedEnvironment(await context.perform(adoptEnvironment, { id, name, dryRun }), dryRun);
    }),
  );
}

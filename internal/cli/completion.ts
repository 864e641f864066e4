/** The `completion` command of every executable. */
import { Argument, type Command, Option } from 'commander';
import { type NameKind, nameKinds } from '../config/names.ts';
import { takeOnly } from './command.ts';
import type { CommonOptions, Run } from './program.ts';
import { type Shell, shells } from './shells.ts';

/**
 * Adds `completion <shell>`, which prints a script made from the commands and options of the whole program. `--names` is how
 * the script asks for what is configured when tab is pressed.
 */
export function addCompletion(program: Command, run: Run): void {
  const completion = program
    .command('completion')
    .description('print a script that completes commands, options and names in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .addOption(new Option('--names <kind>', 'print the names that are there').choices(nameKinds).hideHelp())
    .addOption(new Option('--config <folder>', 'of which configuration').hideHelp());
  completion.action(
    run(async (context, shell: Shell, { names: kind }: CommonOptions & { names?: NameKind }) => {
      if (kind !== undefined) {
        const { namesThere } = await import('../run/use-cases/names-there.ts');
        const result = await context.perform(namesThere, { kind });
        return { text: result.names.join('\n'), json: result };
      }
      const { AppError } = await import('../errors/app-error.ts');
      takeOnly(
        completion,
        [],
        (flag) => new AppError('usage', `${flag} has no say in a script: it asks anew each time`),
      );
      const { completionScript } = await import('./completion-script.ts');
      const script = completionScript(program, shell);
      return { text: script, json: { shell, script } };
    }),
  );
}

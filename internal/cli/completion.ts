/** The `completion` command of every executable. */
import { Argument, type Command } from 'commander';
import type { Run } from './program.ts';
import { type Shell, shells } from './shells.ts';

/** Adds `completion <shell>`, which prints a script made from the commands and options of the whole program. */
export function addCompletion(program: Command, run: Run): void {
  program
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action(
      run(async (_context, shell: Shell) => {
        const { completionScript } = await import('./completion-script.ts');
        const script = completionScript(program, shell);
        return { text: script, json: { shell, script } };
      }),
    );
}

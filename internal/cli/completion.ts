/** The `completion` command of every executable. */
import { Argument, type Command } from 'commander';
import type { Run } from './program.ts';

/** The shells that a completion script can be written for. */
export const shells = ['bash', 'zsh', 'fish', 'pwsh'] as const;

/** One of {@link shells}. */
export type Shell = (typeof shells)[number];

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

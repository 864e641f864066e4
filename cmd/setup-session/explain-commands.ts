/** The words of `setup-session explain`. */
import type { Command } from 'commander';
import type { Run } from '../../internal/cli/program.ts';
import type { ExplainOptions } from './explain.ts';

/** Adds the command that shows who says what about each tool. It changes nothing. */
export function addExplain(program: Command, run: Run): void {
  program
    .command('explain')
    .description('with --agent: show who says what about each tool, and which rule decided; changes nothing')
    .option('--tool <name>', 'only tools of this name, and what would have to change for a wider verdict')
    .option('--for <group>', 'for somebody who is in this group alone; asks neither a person nor the platform')
    .action(
      run(async (context, options: ExplainOptions) => {
        const { runExplain } = await import('./explain.ts');
        return await runExplain(context, options);
      }),
    );
}

/** The words of `setup-session explain`. */
import { type Command, Option } from 'commander';
import { addOperator } from '../../internal/cli/browser-options.ts';
import { naming } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import type { ExplainOptions } from './explain.ts';

/** Adds the command that shows who says what about each tool. It changes nothing. */
export function addExplain(program: Command, run: Run): void {
  addOperator(
    program
      .command('explain')
      .description('show who says what about each tool of an agent, and which rule decided; changes nothing')
      .addOption(naming('agents', new Option('--agent <name>', 'an agent of config/agents/')))
      .option('--tool <name>', 'only tools of this name, and what would have to change for a wider verdict'),
  )
    .addOption(
      new Option(
        '--for <group>',
        'for somebody who is in this group alone; asks neither a person nor the platform',
      ).conflicts(['browser', 'paste', 'timeout']),
    )
    .action(
      run(async (context, options: ExplainOptions) => {
        const { runExplain } = await import('./explain.ts');
        return await runExplain(context, options);
      }),
    );
}

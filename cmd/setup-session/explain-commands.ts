/** The words of `setup-session explain`. */
import { type Command, Option } from 'commander';
import { addOperator } from '../../internal/cli/browser-options.ts';
import { naming } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import type { BrowserOptions } from '../../internal/cli/terminal-browser.ts';
import { AppError } from '../../internal/errors/app-error.ts';

/** The options of `setup-session explain`. */
type ExplainOptions = BrowserOptions & { agent?: string; tool?: string; for?: string; asAgent?: boolean };

/** Adds the command that shows who says what about each tool. It changes nothing. */
export function addExplain(program: Command, run: Run): void {
  addOperator(
    program
      .command('explain')
      .description('show who says what about each tool of an agent, and which rule decided; changes nothing')
      .addOption(naming('agents', new Option('--agent <name>', 'an agent of config/agents/')))
      .option('--as-agent', 'for the agent itself, where its file names you in autonomous.run_by')
      .option('--tool <name>', 'only tools of this name, and what would have to change for a wider verdict'),
  )
    .addOption(
      new Option(
        '--for <group>',
        'for somebody who is in this group alone; asks neither a person nor the platform',
      ).conflicts(['browser', 'paste', 'timeout', 'asAgent']),
    )
    .action(
      run(async (context, { agent, tool, for: group, asAgent }: ExplainOptions) => {
        if (agent === undefined) {
          throw new AppError('usage', 'no agent named', { hint: 'setup-session explain --agent <name>' });
        }
        const { explainVerdicts } = await import('../../internal/run/use-cases/explain.ts');
        const { showExplained } = await import('./explain-output.ts');
        return showExplained(await context.perform(explainVerdicts, { agent, tool, group, asAgent }), tool);
      }),
    );
}

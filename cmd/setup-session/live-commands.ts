/** The words of `setup-session list`, `verify`, `attach` and `stop`. */
import type { Command } from 'commander';
import { addOperator } from '../../internal/cli/browser-options.ts';
import type { BrowserOptions } from '../../internal/cli/browser-visit.ts';
import { addDryRun } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import type { ListOptions, VerifyOptions } from './live.ts';

const everybody = "everybody's, for operators (people.operators in interface.yaml)";

/** Adds the commands that look at sessions that run. */
export function addLive(program: Command, run: Run): void {
  addOperator(
    program
      .command('list')
      .description('show your sessions that run: whose, with which agent, and what their tools may do')
      .option('--all', everybody),
  ).action(
    run(async (context, options: ListOptions) => {
      const { runList } = await import('./live.ts');
      return await runList(context, options);
    }),
  );
  addOperator(
    addDryRun(
      program
        .command('verify')
        .description('compare your sessions that run with what was started; ends with 3 where one was changed')
        .argument('[session]', 'only this one')
        .option('--all', everybody)
        .option('--stop', 'interrupt and archive what was changed'),
    ),
  ).action(
    run(async (context, session: string | undefined, options: VerifyOptions) => {
      const { runVerify } = await import('./live.ts');
      return await runVerify(context, session, options);
    }),
  );
  addOperator(
    program
      .command('attach')
      .description('show what was said in a session of yours, and follow it until its turn ends')
      .argument('<session>', 'its id'),
  ).action(
    run(async (context, session: string, options: BrowserOptions) => {
      const { runAttach } = await import('./live.ts');
      return await runAttach(context, session, options);
    }),
  );
  addOperator(
    program
      .command('stop')
      .description('end a session of yours: interrupt it where it runs, and archive it')
      .argument('<session>', 'its id'),
  ).action(
    run(async (context, session: string, options: BrowserOptions) => {
      const { runStop } = await import('./live.ts');
      return await runStop(context, session, options);
    }),
  );
}

/** The words of `setup-session tools`. */
import { Argument, type Command } from 'commander';
import { addClientOptions, addOperator } from '../../internal/cli/browser-options.ts';
import { addConfig, addDryRun, addGroup, naming } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import type { RefreshOptions, ReviewOptions } from './tools.ts';

/** Adds the commands of whoever reviews the catalogue. */
export function addTools(program: Command, run: Run): void {
  const tools = addGroup(
    program,
    'tools',
    'what services say of their tools, and who reviewed it: config/tools.lock.json',
  );
  addClientOptions(
    addOperator(
      addDryRun(
        tools
          .command('refresh')
          .description('ask services which tools they have; what is new or changed is off until it is reviewed')
          .addArgument(naming('services', new Argument('[service]', 'only this one')))
          .option('--sign-in', 'sign in also where a service shows its tools to anybody: some show more then'),
        ['device', 'callbackPort', 'clientSecretFd'],
      ),
    ),
  ).action(
    run(async (context, service: string | undefined, options: RefreshOptions) => {
      const { runRefresh } = await import('./tools.ts');
      return await runRefresh(context, service, options);
    }),
  );
  addConfig(
    tools
      .command('diff')
      .description('show what is off because nobody reviewed it as it is; exits with 7 where there is anything')
      .addArgument(naming('services', new Argument('[service]', 'only this one'))),
  ).action(
    run(async (context, service: string | undefined) => {
      const { runDiff } = await import('./tools.ts');
      return await runDiff(context, service);
    }),
  );
  addOperator(
    addDryRun(
      tools
        .command('review')
        .description('review what is new, changed or gone, one tool at a time')
        .addArgument(naming('services', new Argument('[service]', 'only this one')))
        .option('--accept <name...>', 'accept these tools as tools diff shows them, without a question'),
      // Nobody signs in for a plan.
      ['browser', 'paste', 'timeout'],
    ),
  ).action(
    run(async (context, service: string | undefined, options: ReviewOptions) => {
      const { runReview } = await import('./tools.ts');
      return await runReview(context, service, options);
    }),
  );
}

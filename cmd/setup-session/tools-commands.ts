/** The words of `setup-session tools`. */
import { Argument, type Command } from 'commander';
import { addClientOptions, addOperator } from '../../internal/cli/browser-options.ts';
import { addConfig, addDryRun, addGroup, naming } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';

/** The options of `tools refresh`. */
interface RefreshOptions {
  signIn?: boolean;
  dryRun?: boolean;
}

/** The options of `tools review`. */
interface ReviewOptions {
  accept?: string[];
  reason?: string;
  dryRun?: boolean;
}

/** The options of `tools accept`. */
interface AcceptOptions {
  from: string;
  dryRun?: boolean;
}

/** Far more than a sheet about all the tools that there can be. */
const longestSheetBytes = 8 * 1024 * 1024;

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
      const { refreshTools } = await import('../../internal/run/use-cases/tools.ts');
      const { showRefreshed } = await import('./tools-output.ts');
      const { signIn = false, dryRun = false } = options;
      return showRefreshed(await context.perform(refreshTools, { service, signIn, dryRun }));
    }),
  );
  addConfig(
    tools
      .command('diff')
      .description('show what is off because nobody reviewed it as it is; exits with 7 where there is anything')
      .addArgument(naming('services', new Argument('[service]', 'only this one'))),
  ).action(
    run(async (context, service: string | undefined) => {
      const { diffTools } = await import('../../internal/run/use-cases/tools.ts');
      const { showDiff } = await import('./tools-output.ts');
      return showDiff(await context.perform(diffTools, { service }));
    }),
  );
  addOperator(
    addDryRun(
      tools
        .command('review')
        .description('review what is new, changed or gone: the worst first, what reads by all accounts together')
        .addArgument(naming('services', new Argument('[service]', 'only this one')))
        .option(
          '--accept <name...>',
          'accept these tools as tools diff shows them; several, or suspicious ones, after one question at a terminal',
        )
        .option(
          '--reason <text>',
          'why a router that is accepted may count as what its file lists, and not as destructive',
        ),
      // Nobody signs in for a plan.
      ['browser', 'paste', 'timeout'],
    ),
  ).action(
    run(async (context, service: string | undefined, options: ReviewOptions) => {
      const { reviewTools } = await import('../../internal/run/use-cases/review-tools.ts');
      const { showReview } = await import('./tools-output.ts');
      const { accept, reason, dryRun = false } = options;
      return showReview(await context.perform(reviewTools, { service, accept, reason, dryRun }));
    }),
  );
  addConfig(
    tools
      .command('export')
      .description('write what waits for a review as a Markdown sheet to tick, for a pull request')
      .addArgument(naming('services', new Argument('[service]', 'only this one'))),
  ).action(
    run(async (context, service: string | undefined) => {
      const { exportToolSheet } = await import('../../internal/run/use-cases/tools.ts');
      const { showSheet } = await import('./tools-output.ts');
      return showSheet(await context.perform(exportToolSheet, { service }));
    }),
  );
  addOperator(
    addDryRun(
      tools
        .command('accept')
        .description('accept what is ticked in a sheet, as long as it is still what was exported')
        .requiredOption('--from <sheet>', 'the file that tools export wrote'),
      ['browser', 'paste', 'timeout'],
    ),
  ).action(
    run(async (context, options: AcceptOptions) => {
      const { namedFile } = await import('../../internal/cli/named-file.ts');
      const { acceptToolSheet } = await import('../../internal/run/use-cases/review-tools.ts');
      const { showAccepted } = await import('./tools-output.ts');
      const { from, dryRun = false } = options;
      const sheet = (await namedFile(from, longestSheetBytes)).toString('utf8');
      return showAccepted(await context.perform(acceptToolSheet, { sheet, dryRun }));
    }),
  );
}

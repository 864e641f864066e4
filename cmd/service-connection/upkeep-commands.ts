/** The words of `service-connection list`, `check`, `disconnect` and `doctor`. */
import { Argument, type Command } from 'commander';
import { addOperator } from '../../internal/cli/browser-options.ts';
import { addDryRun, addForAgent, naming } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';

/** The option of each of them. */
interface ForAgentOption {
  forAgent?: string;
}

/** The options of `disconnect`. */
interface DisconnectOptions extends ForAgentOption {
  url?: string;
  dryRun?: boolean;
}

/** Adds what a person does with connections that are there. */
export function addUpkeep(program: Command, run: Run): void {
  addForAgent(
    addOperator(program.command('list').description('show each catalogued service and its connection')),
  ).action(
    run(async (context, { forAgent }: ForAgentOption) => {
      const { listConnections } = await import('../../internal/run/use-cases/connections.ts');
      const { showServices } = await import('./connections-output.ts');
      return showServices(await context.perform(listConnections, { forAgent }));
    }),
  );
  addForAgent(
    addOperator(
      program
        .command('check')
        .description('try connections now: what is wrong and what to do about it')
        .addArgument(naming('services', new Argument('[service]', 'only this one'))),
    ),
  ).action(
    run(async (context, service: string | undefined, { forAgent }: ForAgentOption) => {
      const { checkConnections } = await import('../../internal/run/use-cases/connections.ts');
      const { showChecked } = await import('./connections-output.ts');
      return showChecked(await context.perform(checkConnections, { service, forAgent }));
    }),
  );
  addForAgent(
    addOperator(
      addDryRun(
        program
          .command('disconnect')
          .description('take a connection out of your vault; with --url one that is in no catalogue')
          .addArgument(naming('services', new Argument('[service]', 'a service of config/services/')))
          .option('--url <url>', 'the address of a server outside the catalogue'),
      ),
    ),
  ).action(
    run(async (context, service: string | undefined, { url, forAgent, dryRun = false }: DisconnectOptions) => {
      const { disconnect } = await import('../../internal/run/use-cases/connections.ts');
      const { showDisconnected } = await import('./connections-output.ts');
      return showDisconnected(await context.perform(disconnect, { service, url, forAgent, dryRun }));
    }),
  );
  addForAgent(
    addOperator(
      program
        .command('doctor')
        .description('compare your vault with the catalogue and with what the services say today'),
    ),
  ).action(
    run(async (context, { forAgent }: ForAgentOption) => {
      const { examineConnections } = await import('../../internal/run/use-cases/connections.ts');
      const { showExamination } = await import('./connections-output.ts');
      return showExamination(await context.perform(examineConnections, { forAgent }));
    }),
  );
}

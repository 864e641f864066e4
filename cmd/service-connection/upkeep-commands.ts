/** The words of `service-connection list`, `check`, `disconnect` and `doctor`. */
import { Argument, type Command } from 'commander';
import { addOperator } from '../../internal/cli/browser-options.ts';
import { addDryRun, naming } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import type { DisconnectOptions } from './upkeep.ts';

/** Adds what a person does with connections that are there. */
export function addUpkeep(program: Command, run: Run): void {
  addOperator(program.command('list').description('show each catalogued service and its connection')).action(
    run(async (context) => {
      const { runList } = await import('./upkeep.ts');
      return await runList(context);
    }),
  );
  addOperator(
    program
      .command('check')
      .description('try connections now: what is wrong and what to do about it')
      .addArgument(naming('services', new Argument('[service]', 'only this one'))),
  ).action(
    run(async (context, service: string | undefined) => {
      const { runCheck } = await import('./upkeep.ts');
      return await runCheck(context, service);
    }),
  );
  addOperator(
    addDryRun(
      program
        .command('disconnect')
        .description('take a connection out of your vault; with --url one that is in no catalogue')
        .addArgument(naming('services', new Argument('[service]', 'a service of config/services/')))
        .option('--url <url>', 'the address of a server outside the catalogue'),
    ),
  ).action(
    run(async (context, service: string | undefined, options: DisconnectOptions) => {
      const { runDisconnect } = await import('./upkeep.ts');
      return await runDisconnect(context, service, options);
    }),
  );
  addOperator(
    program.command('doctor').description('compare your vault with the catalogue and with what the services say today'),
  ).action(
    run(async (context) => {
      const { runDoctor } = await import('./upkeep.ts');
      return await runDoctor(context);
    }),
  );
}

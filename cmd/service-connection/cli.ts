/** The words of `service-connection`. Everything heavier is loaded when a command line has been understood. */
import { Argument, Option } from 'commander';
import { addBrowserOptions, addClientOptions, addOperator } from '../../internal/cli/browser-options.ts';
import { addForAgent, baseCommand, naming, takeOnly } from '../../internal/cli/command.ts';
import { addCompletion } from '../../internal/cli/completion.ts';
import type { Executable } from '../../internal/cli/program.ts';
import { addSignIn } from '../shared/sign-in-commands.ts';
import { addHeaders } from './headers-commands.ts';
import { addOffboarding } from './offboard-commands.ts';
import { addOwnership, addOwnershipKey } from './ownership-commands.ts';
import { addServe } from './serve-commands.ts';
import { addUpkeep } from './upkeep-commands.ts';
import type { ConnectOptions } from './ways.ts';
import { addWrap } from './wrap-commands.ts';

/** Connects services to the vault of the person who runs it. */
export const serviceConnection: Executable = {
  name: 'service-connection',
  namesServices: true,
  async build(run) {
    const program = addForAgent(
      addClientOptions(
        addOwnershipKey(
          addBrowserOptions(
            baseCommand('service-connection', 'connect a service to your own vault')
              .addArgument(
                naming(
                  'services',
                  new Argument('[service]', 'a service of config/services/; without one, a page of buttons opens'),
                ),
              )
              .option('--read-only', 'ask only for the scopes that read, where the service has such scopes')
              .option('--scope <scope...>', 'ask for exactly these scopes, of those that the file of the service lists')
              .option('--add-scope <scope...>', 'ask for these scopes beside those that the connection has')
              .option('--new-client', 'register a new client at the service instead of using the known one again')
              .option('--expect-account <name>', 'store nothing unless exactly this account was connected')
              .option('--accept-account <name>', 'store exactly this account although it is not shown to be yours')
              .option('--accept-audience', 'store the token although it says that it is for somebody else')
              .addOption(
                new Option(
                  '--via <way>',
                  'take the access through the identity provider, without a consent page',
                ).choices(['idp']),
              )
              .option('--legacy-endpoints', 'sign in at a service of 2025-03-26 that publishes no metadata')
              .option('--token-stdin', 'store a token that you made at the service, read from stdin or entered unseen')
              .option('--url <url>', 'connect a server outside the catalogue, where the configuration lets you'),
          ),
        ),
      ),
    )
      .addHelpText(
        'after',
        `
You sign in, the service asks you to allow access, and its tokens go into your
own vault, where only sessions that are bound to you use them.

Examples:
  service-connection                     open a page with a button for everything
  service-connection notion              connect Notion, or connect it again
  service-connection login               sign in, once for what follows
  service-connection list                what is connected, as whom, and whether it works
  service-connection check notion        try it now, and say what to do
  service-connection disconnect notion   take it out of your vault
  service-connection doctor              is anything not as it should be?`,
      )
      .action(
        run(async (context, service: string | undefined, options: ConnectOptions) => {
          const { optionsOfWay, performWay, wayOf, wrongWay } = await import('./ways.ts');
          const way = wayOf(service, options);
          takeOnly(program, optionsOfWay[way], (flag) => wrongWay(way, flag));
          return await performWay(context, service, options);
        }),
      );
    addClientOptions(
      addOperator(
        program
          .command('add')
          .description('draft the file of a new service from what its server says; nothing in it is on')
          .argument('<url>', 'the address of the MCP server')
          .option('--name <name>', 'the name of the service (default: the word of its domain)'),
      ),
    )
      .addOption(
        new Option('--no-sign-in', 'do not sign in there to see its tools').conflicts([
          'browser',
          'paste',
          'device',
          'callbackPort',
          'clientSecretFd',
        ]),
      )
      .action(
        run(async (context, url: string, { name, signIn = true }: { name?: string; signIn?: boolean }) => {
          const { draftService } = await import('../../internal/run/use-cases/draft-service.ts');
          const { showDraft } = await import('./connections-output.ts');
          return showDraft(await context.perform(draftService, { url, name, signIn }));
        }),
      );
    addUpkeep(program, run);
    addHeaders(program, run);
    addSignIn(program, run);
    addOwnership(program, run);
    addOffboarding(program, run);
    addServe(program, run);
    addWrap(program, run);
    addCompletion(program, run);
    return program;
  },
};

/** The words of `service-connection headers`. */
import { Argument, type Command, Option } from 'commander';
import { addClientOptions, addOperator } from '../../internal/cli/browser-options.ts';
import { naming, takeOnly } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import type { HeadersOptions } from './headers.ts';

/** Adds what agents on a person's own machine, and their people, ask for. */
export function addHeaders(program: Command, run: Run): void {
  const command = addClientOptions(
    addOperator(
      program
        .command('headers')
        .description('print the header with which an agent of yours, on this machine, reaches a service')
        .addArgument(
          naming(
            'services',
            new Argument('[service]', 'a service of config/services/; left out, the one that Claude Code asks for'),
          ),
        )
        .addOption(
          new Option('--authorize', 'sign in and allow what is missing, instead of printing').conflicts([
            'end',
            'install',
          ]),
        )
        .addOption(new Option('--end', 'take the access away again, instead of printing').conflicts(['install']))
        .option('--install', 'write the entries of .mcp.json that call this, instead of printing')
        .option('--to <file>', 'the file that --install writes (default: .mcp.json)')
        .option('--expect-account <name>', 'keep nothing unless exactly this account was connected')
        .option('--accept-account <name>', 'keep exactly this account although it is not shown to be yours'),
    ),
  ).addHelpText(
    'after',
    `
Claude Code runs it as headersHelper before it connects (docs/claude-code.md).
Nobody is asked for anything: what is missing ends it with 4 and the command.

Examples:
  service-connection headers --install           every service that is open to local agents
  service-connection headers notion --authorize  sign in, and allow your local agents Notion
  service-connection headers notion              {"Authorization":"Bearer ..."}
  service-connection headers notion --end        take it out of the keychain, and revoke it`,
  );
  command.action(
    run(async (context, service: string | undefined, options: HeadersOptions) => {
      const { optionsOf, performHeaders, wayOf, wrongWay } = await import('./headers.ts');
      const way = wayOf(options);
      takeOnly(command, optionsOf[way], (flag) => wrongWay(way, flag));
      return await performHeaders(context, way, service, options);
    }),
  );
}

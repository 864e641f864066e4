/** The words of `service-connection wrap`. */
import type { Command } from 'commander';
import type { Run } from '../../internal/cli/program.ts';
import { collect, type ListenPlace, listenPlace } from './serve-commands.ts';
import type { WrapOptions } from './wrap.ts';

/** Adds the protected remote server that a server of stdio becomes. */
export function addWrap(program: Command, run: Run): void {
  program
    .command('wrap')
    .description('make an MCP server that speaks stdio a remote one for those with a token (docs/wrap.md)')
    .argument('<command...>', 'the server and its arguments, behind --')
    .requiredOption('--trust <file>', 'whose tokens count, what they let be called, and the limits')
    .option('--listen <host:port>', 'where to listen', listenPlace, { host: '127.0.0.1', port: 8788 } as ListenPlace)
    .option('--tls-cert <file>', 'its certificate with the chain, in PEM')
    .option('--tls-key <file>', 'the private key of it, in PEM')
    .option('--trusted-proxy <address>', 'a proxy that has TLS and says for whom it asks (repeatable)', collect)
    .addHelpText(
      'after',
      `
Example:
  service-connection wrap --trust tickets.yaml -- node tickets-server.js`,
    )
    .action(
      run(async (context, command: string[], options: WrapOptions) => {
        const { runWrap } = await import('./wrap.ts');
        return await runWrap(context, command, options);
      }),
    );
}

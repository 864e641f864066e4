/** The words of `service-connection serve`. */
import { type Command, InvalidArgumentError } from 'commander';
import { descriptor } from '../../internal/cli/browser-options.ts';
import { addConfig } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';

/** The options of `serve`. */
interface ServeOptions {
  listen: ListenPlace;
  data?: string;
  tlsCert?: string;
  tlsKey?: string;
  trustedProxy?: string[];
  databaseUrlFile?: string;
  databaseUrlFd?: number;
  import?: string;
}

/** Where to listen. */
export interface ListenPlace {
  host: string;
  port: number;
}

/** Adds the console: the process that holds the key for people who have none. */
export function addServe(program: Command, run: Run): void {
  addConfig(
    program
      .command('serve')
      .description('hold the key for people who have none: their commands ask this process (docs/console.md)')
      .option('--listen <host:port>', 'where to listen', listenPlace, { host: '127.0.0.1', port: 8787 })
      .option('--data <folder>', 'the folder for what it keeps, its own alone (default: console in the state folder)')
      .option('--tls-cert <file>', 'its certificate with the chain, in PEM')
      .option('--tls-key <file>', 'the private key of it, in PEM')
      .option('--trusted-proxy <address>', 'a proxy that has TLS and says for whom it asks (repeatable)', collect)
      .option('--database-url-file <file>', 'the file with the address of the database (default: DATABASE_URL)')
      .option('--database-url-fd <n>', 'read it from this file descriptor instead', descriptor)
      .option('--import <folder>', 'first move there what a console kept in this folder (docs/console.md)'),
  ).action(
    run(async (context, options: ServeOptions) => {
      const { runServe } = await import('./serve.ts');
      return await runServe(context, options);
    }),
  );
}

/** Takes an option that stands several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Throws `InvalidArgumentError` for what is no host with a port. */
export function listenPlace(text: string): ListenPlace {
  const [, host = '', port = ''] = /^(?:\[?([0-9a-zA-Z.:-]+?)\]?):(\d{1,5})$/.exec(text) ?? [];
  if (host === '' || Number(port) > 65_535) throw new InvalidArgumentError('expected such as 127.0.0.1:8787');
  return { host, port: Number(port) };
}

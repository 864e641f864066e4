/** What `service-connection serve` is asked: one console, until it is ended. */
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { databaseAddress } from '../../internal/console/database-address.ts';
import { serve } from '../../internal/console/serve.ts';
import { AppError } from '../../internal/errors/app-error.ts';

/** The options that say how a console is served. */
interface Options {
  listen: { host: string; port: number };
  data?: string;
  tlsCert?: string;
  tlsKey?: string;
  trustedProxy?: string[];
  databaseUrlFile?: string;
  databaseUrlFd?: number;
  import?: string;
}

/** Serves; its lines go to stdout as they come. */
export async function runServe({ ports }: CommandContext, options: Options): Promise<CommandResult> {
  const { listen, data, tlsCert, tlsKey, trustedProxy = [], databaseUrlFile, databaseUrlFd } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new AppError('usage', '--tls-cert and --tls-key go together');
  }
  const { state } = await ports.directories();
  const served = await serve(ports, {
    ...listen,
    data: data ?? `${state}/console`,
    tls: tlsCert === undefined || tlsKey === undefined ? undefined : { certificate: tlsCert, key: tlsKey },
    trustedProxies: trustedProxy,
    database: await databaseAddress(ports, { file: databaseUrlFile, descriptor: databaseUrlFd }),
    importFrom: options.import,
  });
  return { text: '', json: served };
}

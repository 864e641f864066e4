/** What `service-connection wrap` is asked: one server, until it is ended. */
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { wrap } from '../../internal/wrap/serve.ts';

/** The options of `wrap`. */
export interface WrapOptions {
  trust: string;
  listen: { host: string; port: number };
  tlsCert?: string;
  tlsKey?: string;
  trustedProxy?: string[];
}

/** Serves; its lines go to stdout as they come. */
export async function runWrap(
  { ports }: CommandContext,
  command: readonly string[],
  options: WrapOptions,
): Promise<CommandResult> {
  const { trust, listen, tlsCert, tlsKey, trustedProxy = [] } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new AppError('usage', '--tls-cert and --tls-key go together');
  }
  const wrapped = await wrap(ports, {
    ...listen,
    trust,
    command,
    tls: tlsCert === undefined || tlsKey === undefined ? undefined : { certificate: tlsCert, key: tlsKey },
    trustedProxies: trustedProxy,
  });
  return { text: '', json: wrapped };
}

import type { BrowserOptions } from '../../internal/cli/browser-visit.ts';
import { confirm } from '../../internal/cli/confirm.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { loadProject, openOperatorRun } from '../../internal/cli/project.ts';
import { serviceNamed } from '../../internal/config/lookup.ts';
import { configuredScopes } from '../../internal/connection/acquire.ts';
import { connectService } from '../../internal/connection/connect.ts';
import { listServices } from '../../internal/connection/list.ts';
import { checkAccountFlags } from '../../internal/connection/settle-account.ts';
import { showConnected, showServices } from './output.ts';

/** The options of `service-connection <service>`. */
export type ConnectOptions = BrowserOptions & {
  newClient?: boolean;
  readOnly?: boolean;
  expectAccount?: string;
  acceptAccount?: string;
};

/** The options of `service-connection list`. */
export type ListOptions = BrowserOptions;

/** Connects one service. */
export async function runConnect(
  context: CommandContext,
  name: string,
  options: ConnectOptions,
): Promise<CommandResult> {
  const configuration = await loadProject(context);
  const service = serviceNamed(configuration, name);
  // Before anybody is sent to sign in: a wrong option is known to be wrong now.
  configuredScopes(service, options.readOnly === true);
  const accountFlags = { expected: options.expectAccount, accepted: options.acceptAccount };
  checkAccountFlags(service, accountFlags);
  const run = await openOperatorRun(context, configuration, options, `service-connection ${name}`);
  const connected = await connectService({
    ...run,
    service,
    newClient: options.newClient === true,
    readOnly: options.readOnly === true,
    accountFlags,
    confirm: context.interactive ? (question) => confirm(context, question, run.visit.timeoutMs) : undefined,
    detail: context.progress.detail,
    warn: context.progress.warn,
  });
  return showConnected(service, run.principal, connected);
}

/** Lists the services and their connections. */
export async function runList(context: CommandContext, options: ListOptions): Promise<CommandResult> {
  const configuration = await loadProject(context);
  const { platform, principal, memory } = await openOperatorRun(
    context,
    configuration,
    options,
    'service-connection list',
  );
  const waiting = context.progress.wait('the platform tries each connection');
  const { services } = await listServices(platform, configuration, principal, memory).finally(() => waiting.done());
  return showServices(services, principal);
}

import type { BrowserOptions } from '../../internal/cli/browser-visit.ts';
import { confirm } from '../../internal/cli/confirm.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { loadProject, openOperatorRun } from '../../internal/cli/project.ts';
import { serviceNamed } from '../../internal/config/lookup.ts';
import { connectService } from '../../internal/connection/connect.ts';
import { configuredScopes } from '../../internal/connection/scopes.ts';
import { checkAccountFlags } from '../../internal/connection/settle-account.ts';
import { showConnected } from './output.ts';

/** The options of `service-connection <service>`. */
export type ConnectOptions = BrowserOptions & {
  newClient?: boolean;
  readOnly?: boolean;
  expectAccount?: string;
  acceptAccount?: string;
};

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

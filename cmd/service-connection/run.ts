import { confirm } from '../../internal/cli/confirm.ts';
import { refuseMisspelledService } from '../../internal/cli/misspelled.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { BrowserOptions, ClientOptions } from '../../internal/cli/terminal-browser.ts';
import { serviceNamed } from '../../internal/config/lookup.ts';
import { type AccountFlags, checkAccountFlags } from '../../internal/connection/account/confirm-account.ts';
import { checkSecretIsOfUse } from '../../internal/connection/client/enter-client.ts';
import { connectService } from '../../internal/connection/connect.ts';
import { checkScopeChoice, type ScopeFlags, scopeChoiceOf } from '../../internal/connection/scopes.ts';
import { clientSource } from '../../internal/run/client-source.ts';
import { servicesThere } from '../../internal/run/names-there.ts';
import { loadProject, openOperatorRun } from '../../internal/run/project.ts';
import { showConnected, storedEvent } from './output.ts';

/** The options of `service-connection <service>`. */
export type ConnectOptions = BrowserOptions &
  ClientOptions &
  ScopeFlags & {
    newClient?: boolean;
    legacyEndpoints?: boolean;
    acceptAudience?: boolean;
    expectAccount?: string;
    acceptAccount?: string;
    /** The token is entered, not asked for at an authorization server. */
    tokenStdin?: boolean;
    /** A server outside the catalogue. */
    url?: string;
  };

/** Which account a person expects, or accepts. */
export function accountFlagsOf({ expectAccount, acceptAccount }: ConnectOptions): AccountFlags {
  return { expected: expectAccount, accepted: acceptAccount };
}

/** Connects one service. `commands` is what may have been meant where no service has that name. */
export async function runConnect(
  context: CommandContext,
  name: string,
  options: ConnectOptions,
  commands: readonly string[],
): Promise<CommandResult> {
  const { newClient = false, legacyEndpoints = false, acceptAudience = false, clientSecretFd } = options;
  const scopeChoice = scopeChoiceOf(options);
  const accountFlags = accountFlagsOf(options);
  refuseMisspelledService(name, commands, await servicesThere(context));
  const configuration = await loadProject(context);
  const service = serviceNamed(configuration, name);
  // Before anybody is sent to sign in: a wrong option is known to be wrong now.
  checkScopeChoice(service, scopeChoice);
  checkAccountFlags(service, accountFlags);
  if (clientSecretFd !== undefined) checkSecretIsOfUse(service);
  const clients = await clientSource(context);
  const run = await openOperatorRun(context, configuration, `service-connection ${name}`, {
    requirement: service.require,
    opensService: true,
  });
  const connected = await connectService({
    ...run,
    service,
    newClient,
    clients,
    scopeChoice,
    legacyEndpoints,
    acceptAudience,
    accountFlags,
    confirm: context.interactive ? (question) => confirm(context, question, run.visit.timeoutMs) : undefined,
    detail: context.progress.detail,
    warn: context.progress.warn,
  });
  context.progress.event(storedEvent(service, connected));
  return showConnected(service, run.principal, connected);
}

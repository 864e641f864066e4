/** `service-connection --url <url>`: a server outside the catalogue, by a person who confirms it at a terminal. */

import { confirm } from '../../internal/cli/confirm.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { Configuration } from '../../internal/config/definitions.ts';
import { checkAccountFlags } from '../../internal/connection/account/confirm-account.ts';
import { connectService } from '../../internal/connection/connect.ts';
import { checkScopeChoice, scopeChoiceOf } from '../../internal/connection/scopes.ts';
import { discoverUnlisted, toStrangers } from '../../internal/connection/unlisted/discover-unlisted.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { clientSource } from '../../internal/run/client-source.ts';
import { loadProject, openOperatorRun } from '../../internal/run/project.ts';
import { chooseOne, confirmAddress, unlistedAddress } from '../../internal/run/unlisted-address.ts';
import { quote } from '../../internal/text/quote.ts';
import { showConnected, storedEvent } from './output.ts';
import { accountFlagsOf, type ConnectOptions } from './run.ts';

const command = 'service-connection --url <url>';

/** Connects a server that nobody catalogued. */
export async function runUnlisted(
  context: CommandContext,
  name: string | undefined,
  text: string,
  options: ConnectOptions,
): Promise<CommandResult> {
  if (name !== undefined) throw new AppError('usage', `${quote(name)} and --url exclude each other`);
  const { newClient = false, timeout = 300 } = options;
  const scopeChoice = scopeChoiceOf(options);
  const accountFlags = accountFlagsOf(options);
  const configuration = await loadProject(context);
  const address = unlistedAddress(context, configuration, text);
  requireConfirmable(configuration);
  const timeoutMs = timeout * 1000;
  await confirmAddress(context, address, { purpose: 'connect it all the same', command, timeoutMs });
  const clients = await clientSource(context);
  const run = await openOperatorRun(context, configuration, command, { opensService: true });
  const visit = toStrangers(run.visit);
  const { service, judgeServer } = await discoverUnlisted({
    url: address.url,
    mcpServerUrl: text,
    catalogue: [...configuration.services.values()],
    visit,
    choose: async (issuers) =>
      (await chooseOne(context, 'several authorization servers are named:', issuers, timeoutMs)) ?? '',
  });
  checkScopeChoice(service, scopeChoice);
  checkAccountFlags(service, accountFlags);
  context.progress.warn(
    'nobody can tell whose account comes back: look at the name on the page where you allow access',
  );
  const connected = await connectService({
    ...run,
    visit,
    service,
    judgeServer,
    newClient,
    clients,
    scopeChoice,
    legacyEndpoints: false,
    acceptAudience: false,
    accountFlags,
    confirm: (question) => confirm(context, question, timeoutMs),
    detail: context.progress.detail,
    warn: context.progress.warn,
  });
  context.progress.event(storedEvent(service, connected));
  context.progress.warn(
    'no agent can use it as long as it is not in the catalogue; to draft its file for review: service-connection add <url>',
  );
  return showConnected(service, run.principal, connected);
}

/** Whoever reviews the configuration decides whether there is anything outside it at all (P4). */
function requireConfirmable({ interface: { unlisted_services: unlisted } }: Configuration): void {
  if (unlisted === 'confirm') return;
  throw new AppError('not_allowed', 'the configuration lets nobody connect a server outside the catalogue', {
    hint: 'draft a file for it with service-connection add <url>, or set unlisted_services: confirm in config/interface.yaml',
  });
}

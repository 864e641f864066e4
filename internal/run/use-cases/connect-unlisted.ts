/** `service-connection --url <url>`: a server outside the catalogue, by a person who confirms it at a terminal. */

import type { Configuration } from '../../config/definitions.ts';
import { checkAccountFlags } from '../../connection/account/confirm-account.ts';
import { connectService } from '../../connection/connect.ts';
import { checkScopeChoice, scopeChoiceOf } from '../../connection/scopes.ts';
import { discoverUnlisted, toStrangers } from '../../connection/unlisted/discover-unlisted.ts';
import { AppError } from '../../errors/app-error.ts';
import { clientSource } from '../client-source.ts';
import { connectedValue, storedEvent } from '../connected.ts';
import { type Ports, yesWithin } from '../ports.ts';
import { loadProject, openOperatorRun } from '../project.ts';
import { chooseOne, confirmAddress, unlistedAddress } from '../unlisted-address.ts';
import type { Connected, ConnectUnlistedRequest } from '../values/connections.ts';
import { accountFlagsOf } from './connect.ts';

const command = 'service-connection --url <url>';
/** How long the person may take for an answer. */
const usualSeconds = 300;

/** Connects a server that nobody catalogued. */
export async function connectUnlisted(request: ConnectUnlistedRequest, ports: Ports): Promise<Connected> {
  const { url: text, newClient } = request;
  const scopeChoice = scopeChoiceOf(request);
  const accountFlags = accountFlagsOf(request);
  const configuration = await loadProject(ports);
  const address = unlistedAddress(ports, configuration, text);
  requireConfirmable(configuration);
  const timeoutMs = (ports.timeoutSeconds ?? usualSeconds) * 1000;
  await confirmAddress(ports, address, { purpose: 'connect it all the same', command, timeoutMs });
  const clients = await clientSource(ports);
  const run = await openOperatorRun(ports, configuration, command, { opensService: true });
  const visit = toStrangers(run.visit);
  const { service, judgeServer } = await discoverUnlisted({
    url: address.url,
    mcpServerUrl: text,
    catalogue: [...configuration.services.values()],
    visit,
    choose: async (issuers) =>
      (await chooseOne(ports, 'several authorization servers are named:', issuers, timeoutMs)) ?? '',
  });
  checkScopeChoice(service, scopeChoice);
  checkAccountFlags(service, accountFlags);
  ports.tell.warn('nobody can tell whose account comes back: look at the name on the page where you allow access');
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
    confirm: yesWithin(ports, timeoutMs),
    detail: ports.tell.detail,
    warn: ports.tell.warn,
  });
  ports.tell.event(storedEvent(service, connected));
  ports.tell.warn(
    'no agent can use it as long as it is not in the catalogue; to draft its file for review: service-connection add <url>',
  );
  return connectedValue(service, run.principal, connected);
}

/** Whoever reviews the configuration decides whether there is anything outside it at all (P4). */
function requireConfirmable({ interface: { unlisted_services: unlisted } }: Configuration): void {
  if (unlisted === 'confirm') return;
  throw new AppError('not_allowed', 'the configuration lets nobody connect a server outside the catalogue', {
    hint: 'draft a file for it with service-connection add <url>, or set unlisted_services: confirm in config/interface.yaml',
  });
}

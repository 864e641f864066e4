import { serviceNamed } from '../../config/lookup.ts';
import { type AccountFlags, checkAccountFlags } from '../../connection/account/confirm-account.ts';
import { checkSecretIsOfUse } from '../../connection/client/enter-client.ts';
import { connectService } from '../../connection/connect.ts';
import { checkScopeChoice, scopeChoiceOf } from '../../connection/scopes.ts';
import { clientSource } from '../client-source.ts';
import { connectedValue, storedEvent } from '../connected.ts';
import { type Ports, yesWithin } from '../ports.ts';
import { loadProject, openOperatorRun } from '../project.ts';
import type { Connected, ConnectRequest } from '../values/connections.ts';

/** Which account a person expects, or accepts. */
export function accountFlagsOf({
  expectAccount,
  acceptAccount,
}: Pick<ConnectRequest, 'expectAccount' | 'acceptAccount'>): AccountFlags {
  return { expected: expectAccount, accepted: acceptAccount };
}

/** Connects one service of the catalogue. */
export async function connect(request: ConnectRequest, ports: Ports): Promise<Connected> {
  const { service: name, newClient, legacyEndpoints, acceptAudience } = request;
  const scopeChoice = scopeChoiceOf(request);
  const accountFlags = accountFlagsOf(request);
  const configuration = await loadProject(ports);
  const service = serviceNamed(configuration, name);
  // Before anybody is sent to sign in: a wrong option is known to be wrong now.
  checkScopeChoice(service, scopeChoice);
  checkAccountFlags(service, accountFlags);
  if (ports.descriptors.clientSecret !== undefined) checkSecretIsOfUse(service);
  const clients = await clientSource(ports);
  const run = await openOperatorRun(ports, configuration, `service-connection ${name}`, {
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
    confirm: yesWithin(ports, run.visit.timeoutMs),
    detail: ports.tell.detail,
    warn: ports.tell.warn,
  });
  ports.tell.event(storedEvent(service, connected));
  return connectedValue(service, run.principal, connected);
}

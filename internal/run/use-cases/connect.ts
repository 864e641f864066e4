import { requireConnectable, serviceNamed } from '../../config/lookup.ts';
import { type AccountFlags, checkAccountFlags } from '../../connection/account/confirm-account.ts';
import { checkSecretIsOfUse } from '../../connection/client/enter-client.ts';
import { connectService } from '../../connection/connect.ts';
import { checkScopeChoice, scopeChoiceOf } from '../../connection/scopes.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../text/quote.ts';
import { openRunFor } from '../as-agent.ts';
import { clientSource } from '../client-source.ts';
import { connectedValue, storedEvent } from '../connected.ts';
import { type Browser, type Ports, yesWithin } from '../ports.ts';
import { loadProject } from '../project.ts';
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
  const { service: name, newClient, legacyEndpoints, acceptAudience, forAgent } = request;
  const scopeChoice = scopeChoiceOf(request);
  const accountFlags = accountFlagsOf(request);
  const configuration = await loadProject(ports);
  const service = serviceNamed(configuration, name);
  requireConnectable(service);
  // Before anybody is sent to sign in: a wrong option is known to be wrong now.
  checkScopeChoice(service, scopeChoice);
  checkAccountFlags(service, accountFlags);
  if (ports.descriptors.clientSecret !== undefined) checkSecretIsOfUse(service);
  const { via = service.authorization.via } = request;
  const command = `service-connection ${name}`;
  if (forAgent !== undefined && via === 'idp') refuseThroughIdp(forAgent);
  if (via === 'idp') refuseBrowserOptions(ports.browser(command), legacyEndpoints);
  const clients = await clientSource(ports);
  const run = await openRunFor(forAgent, ports, configuration, command, {
    requirement: service.require,
    opensService: via !== 'idp',
  });
  const connected = await connectService({
    ...run,
    service,
    newClient,
    clients,
    scopeChoice,
    via,
    legacyEndpoints,
    acceptAudience,
    accountFlags,
    confirm: yesWithin(ports, run.visit.timeoutMs),
    ...(ports.ask !== undefined &&
      request.asksOther === true && {
        acceptOther: async (question: string) =>
          (await ports.ask?.yes(question, run.visit.timeoutMs, 'other account')) === true,
      }),
    detail: ports.tell.detail,
    warn: ports.tell.warn,
  });
  ports.tell.event(storedEvent(service, connected));
  return connectedValue(service, run.principal, connected);
}

/** The identity provider gives access to whoever signed in, and theirs is nothing for the vault of an agent (P1). */
function refuseThroughIdp(agent: string): never {
  throw new AppError(
    'not_allowed',
    `access through the identity provider is that of the person, not of ${quote(agent)}`,
    {
      hint: 'give the agent an account of its own at the service, where its file allows another way than via: idp',
    },
  );
}

/** Nobody is sent to the service, so nothing can be said about how. Throws `usage`. */
function refuseBrowserOptions({ showCode, callbackPort }: Browser, legacyEndpoints: boolean): void {
  const given = [
    showCode === undefined ? [] : '--device',
    callbackPort === undefined ? [] : '--callback-port',
    legacyEndpoints ? '--legacy-endpoints' : [],
  ].flat();
  if (given.length === 0) return;
  throw new AppError('usage', `${given.join(' and ')} is about a sign-in at the service, and nobody signs in there`, {
    hint: 'its access comes through the identity provider (via: idp): leave it out',
  });
}

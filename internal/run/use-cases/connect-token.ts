/** `service-connection <service> --token-stdin`: a token that a person made at the service by hand. */
import { requireConnectable, serviceNamed } from '../../config/lookup.ts';
import { checkAccountFlags } from '../../connection/account/confirm-account.ts';
import { connectWithToken, judgeEnteredToken, requireStatic } from '../../connection/static-bearer.ts';
import { openRunFor } from '../as-agent.ts';
import { connectedValue, storedEvent } from '../connected.ts';
import { type Ports, yesWithin } from '../ports.ts';
import { loadProject } from '../project.ts';
import type { Connected, ConnectTokenRequest } from '../values/connections.ts';
import { accountFlagsOf } from './connect.ts';

/** Stores a token that is entered. */
export async function connectToken(request: ConnectTokenRequest, ports: Ports): Promise<Connected> {
  const { service: name } = request;
  const accountFlags = accountFlagsOf(request);
  const configuration = await loadProject(ports);
  const service = serviceNamed(configuration, name);
  requireConnectable(service);
  requireStatic(service);
  checkAccountFlags(service, accountFlags);
  const command = `service-connection ${name} --token-stdin`;
  const entered = await ports.entered({
    what: `the token of ${service.title ?? service.name}`,
    command,
  });
  const token = judgeEnteredToken(entered, service);
  const run = await openRunFor(request.forAgent, ports, configuration, command, { requirement: service.require });
  const connected = await connectWithToken({
    ...run,
    service,
    token,
    accountFlags,
    confirm: yesWithin(ports, run.visit.timeoutMs),
    detail: ports.tell.detail,
    warn: ports.tell.warn,
  });
  ports.tell.event(storedEvent(service, connected));
  return connectedValue(service, run.principal, connected);
}

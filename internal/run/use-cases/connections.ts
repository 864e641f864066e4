/** What a person does with connections that are there: look at them, try them, take them away, have them examined. */

import { connectable, requireConnectable, serviceNamed } from '../../config/lookup.ts';
import { examineVault } from '../../connection/check/doctor.ts';
import { refuseAlarms } from '../../connection/check/findings.ts';
import { examineConnections as examineAll, examineServices, type ServiceState } from '../../connection/check/list.ts';
import { requireWorking } from '../../connection/check/status.ts';
import { disconnectService, planDisconnect } from '../../connection/disconnect.ts';
import { unlistedService } from '../../connection/unlisted/discover-unlisted.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../text/quote.ts';
import { isUrl } from '../../text/url.ts';
import { openRunFor } from '../as-agent.ts';
import { accountWords, disconnectedValue, ownerOf } from '../connected.ts';
import type { Ports } from '../ports.ts';
import { loadProject } from '../project.ts';
import type { ForAgent } from '../values/common.ts';
import type {
  CheckedConnections,
  CheckRequest,
  DisconnectRequest,
  DisconnectResult,
  ExaminedConnections,
  ListConnectionsRequest,
  ListedConnections,
  ServiceState as StateValue,
} from '../values/connections.ts';

/** Lists the services and their connections, and what else is connected. What is not tried is not known to work. */
export async function listConnections(
  { tries, forAgent }: ListConnectionsRequest,
  ports: Ports,
): Promise<ListedConnections> {
  const configuration = await loadProject(ports);
  const run = await openRunFor(forAgent, ports, configuration, 'service-connection list');
  const waiting = ports.tell.wait('the platform tries each connection');
  const { states, unlisted } = await examineAll({ ...run, services: connectable(configuration), tries }).finally(() =>
    waiting.done(),
  );
  return {
    owner: ownerOf(run.principal),
    services: states.map(stateValue),
    not_in_catalogue: unlisted.map(({ mcpServerUrl, credentialId, record }) => ({
      mcp_server_url: mcpServerUrl,
      credential_id: credentialId,
      account: record.account ?? null,
      connected_at: record.connectedAt ?? null,
      connected_by_url: record.unlisted !== undefined,
    })),
    beside: { accounts: unlisted.map(accountWords) },
  };
}

/** Tries one connection, or all there are. Fails when one does not work, so that scripts can rely on it. */
export async function checkConnections(request: CheckRequest, ports: Ports): Promise<CheckedConnections> {
  const { service: name } = request;
  const configuration = await loadProject(ports);
  const services = name === undefined ? connectable(configuration) : [serviceNamed(configuration, name)];
  if (name !== undefined) services.forEach(requireConnectable);
  const command = ['service-connection check', name].filter(Boolean).join(' ');
  const run = await openRunFor(request.forAgent, ports, configuration, command);
  const waiting = ports.tell.wait('the platform tries each connection');
  const states = await examineServices({ ...run, services }).finally(() => waiting.done());
  const checked = states.filter(
    ({ connection, status }) => connection !== undefined || name !== undefined || status === 'needs-reconnect',
  );
  requireWorking(checked);
  return { owner: ownerOf(run.principal), services: checked.map(stateValue) };
}

/** Disconnects one service, or what was connected by its address. */
export async function disconnect(request: DisconnectRequest, ports: Ports): Promise<DisconnectResult> {
  const { service: name, url, dryRun } = request;
  if ((name === undefined) === (url === undefined)) {
    throw new AppError('usage', 'what is to be disconnected? Name one service, or one address with --url');
  }
  if (url !== undefined && !isUrl(url)) throw new AppError('usage', `not a URL: ${quote(url)}`);
  const configuration = await loadProject(ports);
  const service = url === undefined ? serviceNamed(configuration, name ?? '') : unlistedService(new URL(url), url, []);
  const command = `service-connection disconnect ${name ?? '--url <url>'}`;
  const run = await openRunFor(request.forAgent, ports, configuration, command);
  if (!dryRun) {
    const done = await disconnectService({ ...run, service, warn: ports.tell.warn });
    ports.afterwards(done.told);
    return disconnectedValue(service, run.principal, done);
  }
  const { vault, removed } = await planDisconnect({ ...run, service });
  return {
    service: service.name,
    owner: ownerOf(run.principal),
    vault_id: vault?.id ?? null,
    would_archive: removed.map(({ credentialId }) => credentialId),
    beside: {
      title: service.title ?? service.name,
      label: run.principal.label,
      removed: removed[0] === undefined ? null : accountWords(removed[0]),
    },
  };
}

/** Examines the vault. Fails on an alarm. */
export async function examineConnections({ forAgent }: ForAgent, ports: Ports): Promise<ExaminedConnections> {
  const configuration = await loadProject(ports);
  const run = await openRunFor(forAgent, ports, configuration, 'service-connection doctor');
  const waiting = ports.tell.wait('the vault is compared with what the services say today');
  const { vault, connectionCount, credentialCount, findings } = await examineVault({
    ...run,
    services: connectable(configuration),
    fetch: run.visit.fetch,
  }).finally(() => waiting.done());
  refuseAlarms(findings);
  return {
    owner: ownerOf(run.principal),
    vault_id: vault?.id ?? null,
    connections: connectionCount,
    credentials: credentialCount,
    findings: findings.map(({ level, service, credentialId, what, next }) => ({
      level,
      service: service ?? null,
      credential_id: credentialId ?? null,
      what,
      next,
    })),
  };
}

/** One service, the same wherever it is shown. */
function stateValue({ service, status, reason, next, connection }: ServiceState): StateValue {
  return {
    service: service.name,
    title: service.title ?? service.name,
    status,
    reason,
    next: next ?? null,
    account: connection?.record.account ?? null,
    account_accepted: connection?.record.accountAccepted !== undefined,
    workspace: connection?.record.workspace ?? null,
    connected_at: connection?.record.connectedAt ?? null,
    scopes: connection?.record.scopes?.split(' ').filter(Boolean) ?? [],
    expires_at: connection?.expiresAt ?? null,
    credential_id: connection?.credentialId ?? null,
  };
}

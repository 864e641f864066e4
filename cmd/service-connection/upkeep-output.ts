import type { CommandResult } from '../../internal/cli/program.ts';
import type { Service } from '../../internal/config/definitions.ts';
import type { Examination } from '../../internal/connection/check/doctor.ts';
import type { ServiceState } from '../../internal/connection/check/list.ts';
import type { Connection } from '../../internal/connection/credentials.ts';
import type { Disconnected } from '../../internal/connection/disconnect.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import { visible } from '../../internal/text/quote.ts';

/** Each catalogued service: connected as whom, since when, with which scopes, and whether it works. */
export function showServices(
  services: readonly ServiceState[],
  unlisted: readonly Connection[],
  principal: Principal,
): CommandResult {
  const rows = services.map(({ service, status, connection }) => [
    service.name,
    status,
    accountOf(connection),
    connection?.record.connectedAt?.slice(0, 16).replace('T', ' ') ?? '-',
    visible(connection?.record.scopes ?? '') || '-',
  ]);
  const strangers = unlisted.map((connection) => [
    visible(connection.mcpServerUrl),
    accountOf(connection),
    connection.record.connectedAt?.slice(0, 16).replace('T', ' ') ?? '-',
  ]);
  const listed = { heading: ['service', 'state', 'account', 'since (UTC)', 'scopes'], rows };
  const outside = { heading: ['not in the catalogue', 'account', 'since (UTC)'], rows: strangers };
  return {
    text: strangers.length === 0 ? [listed] : [listed, '', outside],
    json: {
      owner: ownerOf(principal),
      services: services.map(stateOf),
      not_in_catalogue: unlisted.map(({ mcpServerUrl, credentialId, record }) => ({
        mcp_server_url: mcpServerUrl,
        credential_id: credentialId,
        account: record.account ?? null,
        connected_at: record.connectedAt ?? null,
        connected_by_url: record.unlisted !== undefined,
      })),
    },
  };
}

/** What was tried and works. */
export function showChecked(services: readonly ServiceState[], principal: Principal): CommandResult {
  const rows = services.map(({ service, status, connection, reason }) => [
    service.name,
    status,
    accountOf(connection),
    visible(reason),
  ]);
  return {
    text: rows.length === 0 ? 'nothing is connected' : [{ heading: ['service', 'state', 'account', 'why'], rows }],
    json: { owner: ownerOf(principal), services: services.map(stateOf) },
  };
}

/** What `disconnect` would take away. */
export function showDisconnectPlan(
  service: Service,
  principal: Principal,
  { vault, removed }: Pick<Disconnected, 'vault' | 'removed'>,
): CommandResult {
  const title = service.title ?? service.name;
  const vaultName = `the vault of ${visible(principal.label)}${vault === undefined ? '' : ` (${visible(vault.id)})`}`;
  return {
    text:
      removed.length === 0
        ? `${title}: nothing is connected in ${vaultName}`
        : `${title}: would take ${accountOf(removed[0])} out of ${vaultName}, and its tokens would be destroyed`,
    json: {
      service: service.name,
      owner: ownerOf(principal),
      vault_id: vault?.id ?? null,
      would_archive: removed.map(({ credentialId }) => credentialId),
    },
  };
}

/** What left the vault, and what has to be ended by hand. */
export function showDisconnected(service: Service, principal: Principal, done: Disconnected): CommandResult {
  const { vault, removed } = done;
  const title = service.title ?? service.name;
  const account = removed.find(({ record }) => record.account !== undefined)?.record.account;
  const there = `there, in the connected apps of ${account === undefined ? 'the account' : visible(account)}`;
  const vaultName = `the vault of ${visible(principal.label)}${vault === undefined ? '' : ` (${visible(vault.id)})`}`;
  const text =
    removed.length === 0
      ? `${title}: nothing is connected in ${vaultName}`
      : [
          `${title}: ${accountOf(removed[0])} is no longer in ${vaultName}; its tokens are destroyed`,
          `The access that ${title} granted could not be revoked from here, as nobody can read the tokens back: remove it ${there}`,
        ].join('\n');
  return {
    text,
    json: {
      service: service.name,
      owner: ownerOf(principal),
      vault_id: vault?.id ?? null,
      change: removed.length === 0 ? 'none' : 'disconnected',
      credential_ids: removed.map(({ credentialId }) => credentialId),
      account: account ?? null,
      revoked_at_service: false,
      remove_by_hand:
        removed.length === 0 ? null : { service: title, account: account ?? null, where: 'connected apps' },
    },
  };
}

/** What `doctor` found where nothing of it is an alarm. */
export function showExamination(examination: Examination, principal: Principal): CommandResult {
  const { vault, connectionCount, credentialCount, findings } = examination;
  const rows = findings.map(({ level, service, credentialId, what, next }) => [
    level,
    service ?? '-',
    visible(credentialId ?? '-'),
    visible(what),
    visible(next),
  ]);
  const nothing = vault === undefined ? 'there is no vault yet' : `nothing to report on ${connectionCount} connections`;
  return {
    text: rows.length === 0 ? nothing : [{ heading: ['level', 'service', 'credential', 'finding', 'next'], rows }],
    json: {
      owner: ownerOf(principal),
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
    },
  };
}

/** One service as JSON, the same wherever it is shown. */
function stateOf({ service, status, reason, next, connection }: ServiceState) {
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

function accountOf(connection: Connection | undefined): string {
  const { account, workspace, accountAccepted } = connection?.record ?? {};
  const accepted = accountAccepted === undefined ? '' : ' (accepted by name)';
  return `${visible([account, workspace].filter(Boolean).join(', ')) || '-'}${accepted}`;
}

function ownerOf({ kind, issuer, subject }: Principal) {
  return { kind, issuer, subject };
}

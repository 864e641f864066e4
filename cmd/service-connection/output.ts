import type { CommandResult } from '../../internal/cli/program.ts';
import type { Service } from '../../internal/config/definitions.ts';
import type { Connected } from '../../internal/connection/connect.ts';
import type { Connection } from '../../internal/connection/credentials.ts';
import type { ServiceState } from '../../internal/connection/list.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import { visible } from '../../internal/text/quote.ts';
import { table } from '../../internal/text/table.ts';

/** One line that says which account now sits in whose vault. */
export function showConnected(service: Service, principal: Principal, connected: Connected): CommandResult {
  const { account, accountAccepted, vault, stored, status } = connected;
  const title = service.title ?? service.name;
  const who = account === undefined ? 'an account the service did not name' : visible(account.name);
  const where = account?.workspace === undefined ? '' : ` (${visible(account.workspace)})`;
  const lasting = connected.refreshable
    ? ''
    : connected.expiresAt === undefined
      ? ''
      : `, until ${connected.expiresAt.toISOString()}: the service gave nothing to renew it with`;
  const tried = status === 'unknown' ? ', not tried yet: the platform got no answer from the service' : '';
  return {
    text: `${title}: ${who}${where} is now in the vault of ${visible(principal.label)} (${visible(vault.id)})${accountAccepted ? ', as accepted with --accept-account' : ''}${lasting}${tried}`,
    json: {
      service: service.name,
      account: account?.name ?? null,
      workspace: account?.workspace ?? null,
      account_accepted: accountAccepted,
      owner: { kind: principal.kind, issuer: principal.issuer, subject: principal.subject },
      vault_id: vault.id,
      credential_id: stored.credentialId,
      change: stored.act,
      scopes: connected.scopes,
      expires_at: connected.expiresAt?.toISOString() ?? null,
      refreshable: connected.refreshable,
      status,
    },
  };
}

/** Each catalogued service: connected as whom, since when, with which scopes, and whether it works. */
export function showServices(services: readonly ServiceState[], principal: Principal): CommandResult {
  const rows = services.map(({ service, status, connection }) => [
    service,
    status,
    accountCell(connection),
    connection?.record.connectedAt?.slice(0, 16).replace('T', ' ') ?? '-',
    visible(connection?.record.scopes ?? '') || '-',
  ]);
  return {
    text: table(['service', 'state', 'account', 'since (UTC)', 'scopes'], rows),
    json: {
      owner: { kind: principal.kind, issuer: principal.issuer, subject: principal.subject },
      services: services.map(({ service, title, status, connection }) => ({
        service,
        title,
        status,
        account: connection?.record.account ?? null,
        workspace: connection?.record.workspace ?? null,
        account_accepted: connection?.record.accountAccepted !== undefined,
        connected_at: connection?.record.connectedAt ?? null,
        scopes: connection?.record.scopes?.split(' ').filter(Boolean) ?? [],
        expires_at: connection?.expiresAt ?? null,
        credential_id: connection?.credentialId ?? null,
      })),
    },
  };
}

/** Whose account it is, and for as long as it stays: that no rule let it in, but a person who named it. */
function accountCell(connection: Connection | undefined): string {
  const { account, workspace, accountAccepted } = connection?.record ?? {};
  const named = visible([account, workspace].filter(Boolean).join(', ')) || '-';
  return accountAccepted === undefined ? named : `${named} (accepted by name)`;
}

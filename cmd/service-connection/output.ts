import type { CommandResult } from '../../internal/cli/program.ts';
import type { Service } from '../../internal/config/definitions.ts';
import type { Connected } from '../../internal/connection/connect.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import type { EventOf } from '../../internal/run/event-table.ts';
import { visible } from '../../internal/text/quote.ts';

/** What `--json-events` says of a connection that was stored. */
export function storedEvent(service: Service, { account, vault, stored }: Connected): EventOf<'stored'> {
  return {
    event: 'stored',
    service: service.name,
    account: account?.name ?? null,
    vault_id: vault.id,
    credential_id: stored.credentialId,
    change: stored.act,
  };
}

/** One line that says which account now sits in whose vault. */
export function showConnected(service: Service, principal: Principal, connected: Connected): CommandResult {
  const { account, accountAccepted, vault, stored, status, notTried } = connected;
  const title = service.title ?? service.name;
  const who = account === undefined ? 'an account the service did not name' : visible(account.name);
  const where = account?.workspace === undefined ? '' : ` (${visible(account.workspace)})`;
  const lasting = connected.refreshable
    ? ''
    : connected.expiresAt === undefined
      ? ''
      : `, until ${connected.expiresAt.toISOString()}: the service gave nothing to renew it with`;
  const tried = notTried === undefined ? '' : `, not tried yet: ${visible(notTried)}`;
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
      not_tried: notTried ?? null,
    },
  };
}

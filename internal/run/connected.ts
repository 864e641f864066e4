/** A connection that was made or ended, as a value, an event, and the words that a result and the page have for it. */
import type { Service } from '../config/definitions.ts';
import { type Connected as Made, renewalWords } from '../connection/connect.ts';
import type { Connection } from '../connection/credentials.ts';
import type { Disconnected as Ended } from '../connection/disconnect.ts';
import type { Principal } from '../identity/principal.ts';
import { visible } from '../text/quote.ts';
import type { EventOf } from './event-table.ts';
import type { Owner } from './values/common.ts';
import type { Connected, Disconnected } from './values/connections.ts';

/** Who somebody is, without what is only for people to read. */
export function ownerOf({ kind, issuer, subject }: Principal): Owner {
  return { kind, issuer, subject };
}

/** What `--json-events` says of a connection that was stored. */
export function storedEvent(service: Service, { account, vault, stored }: Made): EventOf<'stored'> {
  return {
    event: 'stored',
    service: service.name,
    account: account?.name ?? null,
    vault_id: vault.id,
    credential_id: stored.credentialId,
    change: stored.act,
  };
}

/** Which account now sits in whose vault. */
export function connectedValue(service: Service, principal: Principal, connected: Made): Connected {
  const { account, accountAccepted, vault, stored, status, notTried } = connected;
  return {
    service: service.name,
    account: account?.name ?? null,
    workspace: account?.workspace ?? null,
    account_accepted: accountAccepted,
    owner: ownerOf(principal),
    vault_id: vault.id,
    credential_id: stored.credentialId,
    change: stored.act,
    scopes: [...connected.scopes],
    expires_at: connected.expiresAt?.toISOString() ?? null,
    refreshable: connected.refreshable,
    through_idp: connected.throughIdp,
    status,
    not_tried: notTried ?? null,
    beside: { title: service.title ?? service.name, label: principal.label },
  };
}

/** The same in one line. */
export function connectedText(connected: Connected): string {
  const { account, workspace, expires_at: end, not_tried: notTried, beside } = connected;
  const who = account === null ? 'an account the service did not name' : visible(account);
  const where = workspace === null ? '' : ` (${visible(workspace)})`;
  const lasting = connected.refreshable || end === null ? '' : `, until ${end}: ${renewalWords(connected.through_idp)}`;
  const tried = notTried === null ? '' : `, not tried yet: ${visible(notTried)}`;
  const accepted = connected.account_accepted ? ', as accepted with --accept-account' : '';
  return `${beside.title}: ${who}${where} is now in the vault of ${visible(beside.label)} (${visible(connected.vault_id)})${accepted}${lasting}${tried}`;
}

/** What left the vault, and what has to be ended by hand. */
export function disconnectedValue(service: Service, principal: Principal, { vault, removed }: Ended): Disconnected {
  const title = service.title ?? service.name;
  const account = removed.find(({ record }) => record.account !== undefined)?.record.account ?? null;
  return {
    service: service.name,
    owner: ownerOf(principal),
    vault_id: vault?.id ?? null,
    change: removed.length === 0 ? 'none' : 'disconnected',
    credential_ids: removed.map(({ credentialId }) => credentialId),
    account,
    revoked_at_service: false,
    remove_by_hand: removed.length === 0 ? null : { service: title, account, where: 'connected apps' },
    beside: { title, label: principal.label, removed: removed[0] === undefined ? null : accountWords(removed[0]) },
  };
}

/** The same in words. */
export function disconnectedText({ vault_id: vaultId, account, beside }: Disconnected): string {
  const { title, removed } = beside;
  const where = vaultWords(beside.label, vaultId);
  if (removed === null) return `${title}: nothing is connected in ${where}`;
  const there = `there, in the connected apps of ${account === null ? 'the account' : visible(account)}`;
  return [
    `${title}: ${removed} is no longer in ${where}; its tokens are destroyed`,
    `The access that ${title} granted could not be revoked from here, as nobody can read the tokens back: remove it ${there}`,
  ].join('\n');
}

/** Whose vault it is, in words. */
export function vaultWords(label: string, vaultId: string | null): string {
  return `the vault of ${visible(label)}${vaultId === null ? '' : ` (${visible(vaultId)})`}`;
}

export function accountWords({ record }: Pick<Connection, 'record'>): string {
  const { account, workspace, accountAccepted } = record;
  const accepted = accountAccepted === undefined ? '' : ' (accepted by name)';
  return `${visible([account, workspace].filter(Boolean).join(', ')) || '-'}${accepted}`;
}

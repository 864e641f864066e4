/** An off-boarding as values: what is planned, each step with what the platform answered, and what is left by hand. */
import type { Service } from '../config/definitions.ts';
import { connectionsOf, recordOf } from '../connection/credentials.ts';
import { byHand } from '../connection/journal/journal.ts';
import {
  isTarget,
  type Offboarded,
  type OffboardStep,
  type PersonsThings,
  sessionsToEnd,
} from '../offboarding/offboard.ts';
import { quote, visible } from '../text/quote.ts';
import type { Table } from '../text/table.ts';
import type { HeldCredential } from '../vault/persons-vaults.ts';
import { whyNot } from '../vault/resolve.ts';
import { isOffboarded, offboardingOf } from '../vault/tombstone.ts';
import type { OffboardedPerson, OffboardPlan, OffboardResult } from './values/vaults.ts';

type Services = ReadonlyMap<string, Service>;

/** What would be done, and what is there. */
export function offboardPlan(
  things: PersonsThings,
  services: Services,
  includeUnproven: boolean,
  sponsored: readonly string[],
): OffboardPlan {
  const { owner, active, archived } = things;
  const sessions = sessionsToEnd(things, includeUnproven);
  const rows = [
    ...active.map((held) => [
      'vault',
      visible(held.vault.id),
      isTarget(held, includeUnproven) ? 'mark, archive' : 'leave alone',
      held.signature.kind === 'valid' ? `signed with ${visible(held.signature.kid)}` : whyNot(held.signature),
    ]),
    ...active
      .filter((held) => isTarget(held, includeUnproven))
      .flatMap(({ credentials }) => credentials)
      .map((credential) => ['credential', visible(credential.id), 'archive', visible(nameOf(credential, services))]),
    ...sessions.map(({ id, status }) => [
      'session',
      visible(id),
      status === 'idle' ? 'archive' : 'interrupt, archive',
      status,
    ]),
    ...archived.map(({ id, metadata }) => [
      'vault',
      visible(id),
      '-',
      isOffboarded(metadata) ? 'archived, with the mark' : 'archived',
    ]),
    ...sponsored.map((name) => ['agent', name, 'needs a new sponsor', 'they are its sponsor']),
  ];
  return {
    owner,
    vaults: active.map((held) => ({
      vault_id: held.vault.id,
      created_at: held.vault.created_at,
      signature: held.signature.kind,
      offboarded: isOffboarded(held.vault.metadata),
      plan: isTarget(held, includeUnproven) ? 'archive' : 'leave',
      credentials: held.credentials.map((credential) => credentialValue(credential, services)),
    })),
    archived_vaults: archived.map(({ id, metadata }) => ({ vault_id: id, offboarded: isOffboarded(metadata) })),
    sessions: sessions.map(({ id, status }) => ({ session_id: id, status })),
    sponsor_of: [...sponsored],
    beside: { rows },
  };
}

/** A plan for people to read. */
export function offboardPlanText({ owner, beside }: OffboardPlan): [string, Table] {
  const heading = ['what', 'id', 'plan', 'state'];
  return [`${visible(owner.subject)}: ${owner.kind} ${visible(owner.issuer)}`, { heading, rows: beside.rows }];
}

export function stepLine({ act, id, done, answer, seconds }: OffboardStep): string {
  return `${act} ${quote(id)}: ${done ? '' : 'not done: '}${answer} (${seconds.toFixed(2)} s)`;
}

/** What was done, with the evidence. */
export function offboardedValue(
  { owner, steps, credentials, leftAlone, seconds }: Offboarded,
  services: Services,
  sponsored: readonly string[],
): OffboardedPerson {
  const left = credentials.filter(({ kind }) => kind !== 'environment_variable');
  return {
    owner,
    change: 'offboarded',
    seconds,
    steps: [...steps],
    not_revoked: credentials.map((credential) => credentialValue(credential, services)),
    left_alone: leftAlone.map(({ vault, signature }) => ({ vault_id: vault.id, signature: signature.kind })),
    sponsor_of: [...sponsored],
    beside: { byHand: left.map((held) => leftLine(held, services)) },
  };
}

/** Nothing had to be done. */
export function wholeValue({ owner, archived }: PersonsThings, sponsored: readonly string[]): OffboardResult {
  const marked = archived.find(({ metadata }) => isOffboarded(metadata));
  const { at, by } = offboardingOf(marked?.metadata ?? {}) ?? { at: '', by: '' };
  return {
    owner,
    change: 'unchanged',
    offboarded_at: at,
    offboarded_by: by,
    vault_id: marked?.id ?? null,
    sponsor_of: [...sponsored],
  };
}

function serviceOf({ mcpServerUrl }: HeldCredential, services: Services): Service | undefined {
  if (mcpServerUrl === undefined) return undefined;
  return [...services.values()].find((service) => connectionsOf([{ mcpServerUrl }], service).length > 0);
}

function nameOf(credential: HeldCredential, services: Services): string {
  const service = serviceOf(credential, services);
  const name = service?.title ?? service?.name ?? credential.mcpServerUrl ?? credential.kind;
  const { account } = recordOf(credential.metadata);
  return account === undefined ? name : `${name}, as ${account}`;
}

function leftLine(credential: HeldCredential, services: Services): string {
  const where = credential.kind === 'static_bearer' ? 'delete the token there, where it was made' : byHand;
  return `- ${visible(nameOf(credential, services))}: ${where}`;
}

function credentialValue(credential: HeldCredential, services: Services) {
  return {
    credential_id: credential.id,
    kind: credential.kind,
    service: serviceOf(credential, services)?.name ?? null,
    mcp_server_url: credential.mcpServerUrl ?? null,
    account: recordOf(credential.metadata).account ?? null,
  };
}

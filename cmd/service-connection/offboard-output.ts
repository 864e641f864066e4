/** How an off-boarding is shown: what is planned, each step with what the platform answered, and what is left by hand. */
import type { CommandResult } from '../../internal/cli/program.ts';
import type { Service } from '../../internal/config/definitions.ts';
import { connectionsOf, recordOf } from '../../internal/connection/credentials.ts';
import { byHand } from '../../internal/connection/journal/journal.ts';
import {
  isTarget,
  type Offboarded,
  type OffboardStep,
  type PersonsThings,
  sessionsToEnd,
} from '../../internal/offboarding/offboard.ts';
import { quote, visible } from '../../internal/text/quote.ts';
import type { HeldCredential, HeldVault } from '../../internal/vault/persons-vaults.ts';
import { type OwnedVault, whyNot } from '../../internal/vault/resolve.ts';
import { isOffboarded, offboardingOf } from '../../internal/vault/tombstone.ts';

type Services = ReadonlyMap<string, Service>;

/** What would be done, and what is there. */
export function showPlan(things: PersonsThings, services: Services, includeUnproven: boolean): CommandResult {
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
  ];
  return {
    text: [
      `${visible(owner.subject)}: ${owner.kind} ${visible(owner.issuer)}`,
      { heading: ['what', 'id', 'plan', 'state'], rows },
    ],
    json: {
      owner,
      vaults: active.map((held) => ({
        vault_id: held.vault.id,
        created_at: held.vault.created_at,
        signature: held.signature.kind,
        offboarded: isOffboarded(held.vault.metadata),
        plan: isTarget(held, includeUnproven) ? 'archive' : 'leave',
        credentials: held.credentials.map((credential) => credentialJson(credential, services)),
      })),
      archived_vaults: archived.map(({ id, metadata }) => ({ vault_id: id, offboarded: isOffboarded(metadata) })),
      sessions: sessions.map(({ id, status }) => ({ session_id: id, status })),
    },
  };
}

/** One step in one line. */
export function stepLine({ act, id, done, answer, seconds }: OffboardStep): string {
  return `${act} ${quote(id)}: ${done ? '' : 'not done: '}${answer} (${seconds.toFixed(2)} s)`;
}

/** What was done, with the evidence. */
export function showOffboarded(
  { owner, steps, credentials, leftAlone, seconds }: Offboarded,
  services: Services,
): CommandResult {
  const left = credentials
    .filter(({ kind }) => kind !== 'environment_variable')
    .map((held) => leftLine(held, services));
  return {
    text: [
      `${visible(owner.subject)} is off-boarded: ${owner.kind} ${visible(owner.issuer)}, ${seconds.toFixed(2)} s`,
      ...steps.map((step) => visible(stepLine(step))),
      ...(left.length === 0 ? [] : ['nobody can read the tokens back to revoke them; end by hand:', ...left]),
    ].join('\n'),
    json: {
      owner,
      change: 'offboarded',
      seconds,
      steps,
      not_revoked: credentials.map((credential) => credentialJson(credential, services)),
      left_alone: leftAlone.map(({ vault, signature }) => ({ vault_id: vault.id, signature: signature.kind })),
    },
  };
}

/** Nothing had to be done. */
export function showWhole({ owner, archived }: PersonsThings): CommandResult {
  const marked = archived.find(({ metadata }) => isOffboarded(metadata));
  const { at, by } = offboardingOf(marked?.metadata ?? {}) ?? { at: '', by: '' };
  return {
    text: `${visible(owner.subject)} was off-boarded already: at ${quote(at)} by ${quote(by)}, says ${quote(marked?.id)}`,
    json: { owner, change: 'unchanged', offboarded_at: at, offboarded_by: by, vault_id: marked?.id ?? null },
  };
}

/** What letting somebody in again would do. */
export function showLetInPlan({ owner }: PersonsThings, marked: readonly HeldVault[]): CommandResult {
  const ids = marked.map(({ vault }) => vault.id);
  const what = ids.length === 0 ? 'make a new, empty vault' : `take the mark off ${ids.map(visible).join(', ')}`;
  return {
    text: `would let ${visible(owner.subject)} in again: ${what}`,
    json: { owner, would: ids.length === 0 ? 'create' : 'unmark', vault_ids: ids },
  };
}

/** Somebody is let in again. */
export function showLetIn(
  { owner }: PersonsThings,
  { vault, act }: { vault: OwnedVault; act: 'unmarked' | 'created' },
): CommandResult {
  const what = act === 'created' ? 'has a new, empty vault' : 'is not marked any more';
  return {
    text: `${visible(owner.subject)} may come in again: ${visible(vault.id)} ${what}`,
    json: { owner, change: act, vault_id: vault.id },
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

function credentialJson(credential: HeldCredential, services: Services) {
  return {
    credential_id: credential.id,
    kind: credential.kind,
    service: serviceOf(credential, services)?.name ?? null,
    mcp_server_url: credential.mcpServerUrl ?? null,
    account: recordOf(credential.metadata).account ?? null,
  };
}

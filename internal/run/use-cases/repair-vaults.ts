/** What a person does about several vaults that claim to be theirs. */

import { recordOf } from '../../connection/credentials.ts';
import { AppError } from '../../errors/app-error.ts';
import { forAgentOption, type Principal } from '../../identity/principal.ts';
import { quote, visible } from '../../text/quote.ts';
import { tableText } from '../../text/table.ts';
import { isProven } from '../../vault/claims.ts';
import type { HeldVault } from '../../vault/persons-vaults.ts';
import { archiveClaimed, type ClaimedVaults, type RepairDirectory, readClaimedVaults } from '../../vault/repair.ts';
import { whyNot } from '../../vault/resolve.ts';
import { openRunFor } from '../as-agent.ts';
import type { Ask, Ports } from '../ports.ts';
import { loadProject } from '../project.ts';
import type { RepairedVaults, RepairRequest } from '../values/vaults.ts';

/** The columns of the vaults that claim to be somebody's. */
export const repairHeading = ['vault', 'made', 'signature', 'holds', 'plan'];

/** How long a question waits. */
const questionTimeoutMs = 300_000;

/** Shows the vaults, asks about each but the one that is kept, and ends with an ownership error while several remain. */
export async function repairVaults(
  { keep: named, dryRun, forAgent }: RepairRequest,
  ports: Ports,
): Promise<RepairedVaults> {
  const { ask } = ports;
  const configuration = await loadProject(ports);
  const run = await openRunFor(forAgent, ports, configuration, 'service-connection vault repair');
  const found = await readClaimedVaults(run, run.principal);
  const keep = keptOf(found, named);
  if (found.active.length < 2) return repairedValue(found, run.principal, []);
  if (dryRun) return planned(found, keep);
  if (ask === undefined) throw several(found, keep, run.principal);
  for (const line of [...linesOf(found, keep), whyNothing(found)]) ports.tell.warn(line);
  const archived: string[] = [];
  for (const held of found.active) {
    if (held === keep || !(await mayArchive(ask, held))) continue;
    if (await archiveAsked(ports, run, run.principal, held)) archived.push(held.vault.id);
  }
  const after = await readClaimedVaults(run, run.principal);
  if (after.active.length > 1) throw several(after, keptOf(after, undefined), run.principal);
  return repairedValue(after, run.principal, archived);
}

/** What would be asked. Nothing is archived without an answer, so a plan says no more. */
function planned(found: ClaimedVaults, keep: HeldVault | undefined): RepairedVaults {
  return {
    vaults: found.active.map(vaultValue),
    would_keep: keep?.vault.id ?? null,
    would_ask_about: found.active.filter((held) => held !== keep).map(({ vault }) => vault.id),
    beside: { rows: rowsOf(found, keep), why: whyNothing(found) },
  };
}

function keptOf(found: ClaimedVaults, named: string | undefined): HeldVault | undefined {
  if (named === undefined) return found.keep;
  const held = found.active.find(({ vault }) => vault.id === named);
  if (held === undefined || !isProven(held)) {
    throw new AppError('ownership_unproven', `${quote(named)} is not an active vault that is proven to be yours`, {
      hint: 'service-connection vault repair lists them; nothing was archived',
    });
  }
  return held;
}

/** A vault with connections takes two answers: their secrets are gone afterwards. */
async function mayArchive(ask: Ask, held: HeldVault): Promise<boolean> {
  const { vault, credentials } = held;
  const question = `archive ${quote(vault.id)}, made ${quote(vault.created_at)}, which holds ${contentsOf(held)}? It cannot be undone.`;
  if (!(await ask.yes(question, questionTimeoutMs))) return false;
  if (credentials.length === 0) return true;
  const count = `${credentials.length} connection${credentials.length === 1 ? '' : 's'}`;
  return await ask.yes(
    `${count} in ${quote(vault.id)} will have to be made again. Archive it all the same?`,
    questionTimeoutMs,
  );
}

async function archiveAsked(
  ports: Ports,
  directory: RepairDirectory,
  principal: Principal,
  held: HeldVault,
): Promise<boolean> {
  const outcome = await archiveClaimed(directory, principal, held);
  if (outcome !== 'archived') {
    const why = outcome === 'changed' ? 'what it holds has changed' : 'it names somebody else by now';
    ports.tell.warn(`${quote(held.vault.id)} was not archived: ${why} since you were asked`);
  }
  return outcome === 'archived';
}

function repairedValue(found: ClaimedVaults, principal: Principal, archived: string[]): RepairedVaults {
  const [only] = found.active;
  if (only !== undefined && !isProven(only)) {
    throw new AppError(
      'ownership_unproven',
      `the vault ${quote(only.vault.id)} that claims to be that of ${quote(principal.label)} is not proven: ${whyNot(only.signature)}`,
      { hint: `whoever holds the ownership key decides: service-connection ownership sign ${only.vault.id}` },
    );
  }
  return {
    vaults: found.active.map(vaultValue),
    archived_now: archived,
    archived_vaults: found.archived.map(({ id, created_at, archived_at }) => ({
      vault_id: id,
      created_at,
      archived_at: archived_at ?? null,
    })),
    beside: { rows: rowsOf(found, only) },
  };
}

function several(found: ClaimedVaults, keep: HeldVault | undefined, principal: Principal): AppError {
  return new AppError(
    'ownership_ambiguous',
    [
      `${found.active.length} vaults claim to be those of ${quote(principal.label)}`,
      ...linesOf(found, keep),
      whyNothing(found),
    ].join('\n'),
    {
      hint: `run service-connection vault repair${forAgentOption(principal)} in a terminal: it asks about each; nothing was chosen`,
    },
  );
}

function rowsOf({ active, archived }: ClaimedVaults, keep: HeldVault | undefined): string[][] {
  return [
    ...active.map((held) => [
      visible(held.vault.id),
      visible(held.vault.created_at),
      signatureOf(held),
      contentsOf(held),
      held === keep ? 'would be kept' : '-',
    ]),
    ...archived.map(({ id, created_at, archived_at }) => [
      visible(id),
      visible(created_at),
      '-',
      `archived ${visible(archived_at ?? '')}`,
      '-',
    ]),
  ];
}

function linesOf(found: ClaimedVaults, keep: HeldVault | undefined): string[] {
  const rows = rowsOf(found, keep);
  return rows.length === 0 ? [] : tableText({ heading: repairHeading, rows }).split('\n');
}

function signatureOf({ signature }: HeldVault): string {
  if (signature.kind === 'unneeded') return '-';
  return signature.kind === 'valid' ? `signed with ${visible(signature.kid)}` : whyNot(signature);
}

function contentsOf({ credentials }: HeldVault): string {
  if (credentials.length === 0) return 'nothing';
  return credentials
    .map(({ metadata, mcpServerUrl, kind }) => visible(recordOf(metadata).account ?? mcpServerUrl ?? kind))
    .join(', ');
}

function whyNothing({ choice }: ClaimedVaults): string {
  if (choice === 'one') return 'one is proven to be yours and is used; the others only claim it';
  if (choice === 'unproven') return 'none is proven to be yours, so none was chosen';
  return 'each is proven to be yours, and nothing says which one is right, so none was chosen';
}

function vaultValue(held: HeldVault): RepairedVaults['vaults'][number] {
  return {
    vault_id: held.vault.id,
    created_at: held.vault.created_at,
    signature: held.signature.kind,
    connections: held.credentials.map(({ id, mcpServerUrl, metadata }) => ({
      credential_id: id,
      mcp_server_url: mcpServerUrl ?? null,
      account: recordOf(metadata).account ?? null,
    })),
  };
}

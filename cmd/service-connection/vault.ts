/** What a person does about several vaults that claim to be theirs. */

import { confirm } from '../../internal/cli/confirm.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { linesOf } from '../../internal/cli/result-text.ts';
import type { BrowserOptions } from '../../internal/cli/terminal-browser.ts';
import { recordOf } from '../../internal/connection/credentials.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import { loadProject, openOperatorRun } from '../../internal/run/project.ts';
import { quote, visible } from '../../internal/text/quote.ts';
import type { Table } from '../../internal/text/table.ts';
import { isProven } from '../../internal/vault/claims.ts';
import type { HeldVault } from '../../internal/vault/persons-vaults.ts';
import {
  archiveClaimed,
  type ClaimedVaults,
  type RepairDirectory,
  readClaimedVaults,
} from '../../internal/vault/repair.ts';
import { whyNot } from '../../internal/vault/resolve.ts';

/** The options of `vault repair`. */
export type RepairOptions = BrowserOptions & { keep?: string; dryRun?: boolean };

/** How long a question waits. */
const questionTimeoutMs = 300_000;

/** Shows the vaults, asks about each but the one that is kept, and ends with an ownership error while several remain. */
export async function runRepair(context: CommandContext, options: RepairOptions): Promise<CommandResult> {
  const { keep: named, dryRun = false } = options;
  const configuration = await loadProject(context);
  const run = await openOperatorRun(context, configuration, 'service-connection vault repair');
  const found = await readClaimedVaults(run, run.principal);
  const keep = keptOf(found, named);
  if (found.active.length < 2) return settled(found, run.principal, []);
  if (dryRun) return planned(found, keep);
  if (!context.interactive) throw several(found, keep, run.principal);
  for (const line of [...linesOf(tableOf(found, keep)), whyNothing(found)]) context.progress.warn(line);
  const archived: string[] = [];
  for (const held of found.active) {
    if (held === keep || !(await mayArchive(context, held))) continue;
    if (await archiveAsked(context, run, run.principal, held)) archived.push(held.vault.id);
  }
  const after = await readClaimedVaults(run, run.principal);
  if (after.active.length > 1) throw several(after, keptOf(after, undefined), run.principal);
  return settled(after, run.principal, archived);
}

/** What would be asked. Nothing is archived without an answer, so a plan says no more. */
function planned(found: ClaimedVaults, keep: HeldVault | undefined): CommandResult {
  const asked = found.active.filter((held) => held !== keep);
  return {
    text: [
      ...tableOf(found, keep),
      whyNothing(found),
      `would ask whether to archive ${asked.map(({ vault }) => visible(vault.id)).join(', ')}`,
    ],
    json: {
      vaults: found.active.map(vaultJson),
      would_keep: keep?.vault.id ?? null,
      would_ask_about: asked.map(({ vault }) => vault.id),
    },
  };
}

function keptOf(found: ClaimedVaults, named: string | undefined): HeldVault | undefined {
  if (named === undefined) return found.keep;
  const held = found.active.find(({ vault }) => vault.id === named);
  if (held === undefined || !isProven(held)) {
    throw new AppError('ownership_unproven', `${quote(named)} is no active vault that is proven to be yours`, {
      hint: 'service-connection vault repair lists them; nothing was archived',
    });
  }
  return held;
}

/** A vault with connections takes two answers: their secrets are gone afterwards. */
async function mayArchive(context: CommandContext, held: HeldVault): Promise<boolean> {
  const { vault, credentials } = held;
  const question = `archive ${quote(vault.id)}, made ${quote(vault.created_at)}, which holds ${contentsOf(held)}? It cannot be undone.`;
  if (!(await confirm(context, question, questionTimeoutMs))) return false;
  if (credentials.length === 0) return true;
  const count = `${credentials.length} connection${credentials.length === 1 ? '' : 's'}`;
  return await confirm(
    context,
    `${count} in ${quote(vault.id)} will have to be made again. Archive it all the same?`,
    questionTimeoutMs,
  );
}

async function archiveAsked(
  context: CommandContext,
  directory: RepairDirectory,
  principal: Principal,
  held: HeldVault,
): Promise<boolean> {
  const outcome = await archiveClaimed(directory, principal, held);
  if (outcome !== 'archived') {
    const why = outcome === 'changed' ? 'what it holds has changed' : 'it names somebody else by now';
    context.progress.warn(`${quote(held.vault.id)} was not archived: ${why} since you were asked`);
  }
  return outcome === 'archived';
}

function settled(found: ClaimedVaults, principal: Principal, archived: readonly string[]): CommandResult {
  const [only] = found.active;
  if (only !== undefined && !isProven(only)) {
    throw new AppError(
      'ownership_unproven',
      `the vault ${quote(only.vault.id)} that claims to be that of ${quote(principal.label)} is not proven: ${whyNot(only.signature)}`,
      { hint: `whoever holds the ownership key decides: service-connection ownership sign ${only.vault.id}` },
    );
  }
  return {
    text: [...tableOf(found, only), only === undefined ? 'no vault is yours' : 'nothing is left to repair'],
    json: {
      vaults: found.active.map(vaultJson),
      archived_now: archived,
      archived_vaults: found.archived.map(({ id, created_at, archived_at }) => ({
        vault_id: id,
        created_at,
        archived_at,
      })),
    },
  };
}

function several(found: ClaimedVaults, keep: HeldVault | undefined, principal: Principal): AppError {
  return new AppError(
    'ownership_ambiguous',
    [
      `${found.active.length} vaults claim to be those of ${quote(principal.label)}`,
      ...linesOf(tableOf(found, keep)),
      whyNothing(found),
    ].join('\n'),
    { hint: 'run service-connection vault repair in a terminal: it asks about each; nothing was chosen' },
  );
}

function tableOf({ active, archived }: ClaimedVaults, keep: HeldVault | undefined): Table[] {
  const rows = [
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
  return rows.length === 0 ? [] : [{ heading: ['vault', 'made', 'signature', 'holds', 'plan'], rows }];
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

function vaultJson(held: HeldVault) {
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

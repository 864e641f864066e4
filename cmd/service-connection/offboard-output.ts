/** What is shown of an off-boarding, and of vaults that claim to be one person's. */
import type { CommandResult } from '../../internal/cli/program.ts';
import { offboardPlanText, stepLine } from '../../internal/run/offboarded.ts';
import { repairHeading } from '../../internal/run/use-cases/repair-vaults.ts';
import type { OffboardResult, RepairedVaults } from '../../internal/run/values/vaults.ts';
import { quote, visible } from '../../internal/text/quote.ts';

/** What was done, would be, or had been done already. */
export function showOffboarding(result: OffboardResult): CommandResult {
  return { text: 'vaults' in result ? offboardPlanText(result) : textOf(result), json: result };
}

function textOf(result: Exclude<OffboardResult, { vaults: unknown }>): string {
  const { owner } = result;
  const subject = visible(owner.subject);
  if ('would' in result) {
    const ids = result.vault_ids.map(visible).join(', ');
    const what = result.would === 'create' ? 'make a new, empty vault' : `take the mark off ${ids}`;
    return `would let ${subject} in again: ${what}`;
  }
  switch (result.change) {
    case 'offboarded': {
      const { steps, seconds, beside } = result;
      const left = beside.byHand;
      return [
        `${subject} is off-boarded: ${owner.kind} ${visible(owner.issuer)}, ${seconds.toFixed(2)} s`,
        ...steps.map((step) => visible(stepLine(step))),
        ...(left.length === 0 ? [] : ['nobody can read the tokens back to revoke them; end by hand:', ...left]),
      ].join('\n');
    }
    case 'unchanged': {
      const { offboarded_at: at, offboarded_by: by, vault_id: vault } = result;
      return `${subject} was off-boarded already: at ${quote(at)} by ${quote(by)}, says ${quote(vault ?? undefined)}`;
    }
    default: {
      const what = result.change === 'created' ? 'has a new, empty vault' : 'is not marked any more';
      return `${subject} may come in again: ${visible(result.vault_id)} ${what}`;
    }
  }
}

/** The vaults that are left, or what would be asked about them. */
export function showRepair(result: RepairedVaults): CommandResult {
  const { rows } = result.beside;
  const table = rows.length === 0 ? [] : [{ heading: repairHeading, rows }];
  if (!('would_keep' in result)) {
    return {
      text: [...table, result.vaults.length === 0 ? 'no vault is yours' : 'nothing is left to repair'],
      json: result,
    };
  }
  const asked = result.would_ask_about.map(visible).join(', ');
  return { text: [...table, result.beside.why, `would ask whether to archive ${asked}`], json: result };
}

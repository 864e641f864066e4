import type { CommandResult } from '../../internal/cli/program.ts';
import { piecesOf } from '../../internal/cli/result-text.ts';
import type { Principal } from '../../internal/identity/principal.ts';

/** Something that was done at the page, and how the command of the same name shows it. */
export interface PageAct {
  act: 'connected' | 'disconnected';
  result: CommandResult;
}

/** What was done at the page, in order. */
export function showPageActs({ kind, issuer, subject }: Principal, acts: readonly PageAct[]): CommandResult {
  return {
    text: acts.length === 0 ? 'nothing was changed' : acts.flatMap(({ result }) => piecesOf(result.text)),
    json: {
      owner: { kind, issuer, subject },
      acts: acts.map(({ act, result }) => ({ act, ...(result.json as object) })),
    },
  };
}

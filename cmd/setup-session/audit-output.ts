import type { CommandResult } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { Tell } from '../../internal/run/ports.ts';
import type { MadeCheckpoint, ShownRecord, VerifiedRecord } from '../../internal/run/values/record.ts';
import { quote, visible } from '../../internal/text/quote.ts';

/** A line for each act. */
export function showActs(record: ShownRecord): CommandResult {
  const rows = record.acts.map(({ at, act, actor, target, outcome, error }) => [
    at,
    act,
    visible(target.label),
    actorCell(actor),
    outcome === null
      ? 'unknown: nothing says how it ended'
      : error === null
        ? outcome
        : `${outcome}: ${visible(error)}`,
  ]);
  const none = record.acts.length === 0 ? ['nothing of this is in the record'] : [];
  const table = rows.length === 0 ? [] : [{ heading: ['at', 'act', 'to', 'by', 'outcome'], rows }];
  const faults =
    record.faults === 0
      ? []
      : [`the record is not as it was written (${record.faults} faults): setup-session audit verify`];
  return { text: [...none, ...table, ...faults], json: record };
}

function actorCell(actor: ShownRecord['acts'][number]['actor']): string {
  if ('label' in actor) return visible(actor.label);
  return actor.kind === 'key_holder' ? 'whoever holds the key' : 'not proven yet';
}

/** Where the chain ends, and what somebody should know of it. Throws `record_altered` where it is not as it was written. */
export function showVerified(verified: VerifiedRecord): CommandResult {
  const { folder, lines, head, findings, checkpoints, unknown } = verified;
  const found = findings.map(
    ({ severity, file, line, what }) => `${severity}: ${visible(file)}${line === 0 ? '' : `:${line}`}: ${what}`,
  );
  if (findings.some(({ severity }) => severity === 'fault')) {
    throw new AppError(
      'record_altered',
      `the record in ${quote(folder)} is not as it was written:\n${found.join('\n')}`,
    );
  }
  const end = head === null ? [] : [`it ends at line ${head.count} with ${head.hash}`];
  const agreeing = checkpoints.filter(({ verdict }) => verdict === 'agrees');
  const signed = agreeing.length === 0 ? [] : [`${agreeing.length} checkpoints agree with it`];
  const open = unknown.length === 0 ? [] : ['what nobody can know from this:', ...unknown.map((each) => `  ${each}`)];
  return { text: [`${lines} lines in ${visible(folder)}`, ...end, ...signed, ...found, ...open], json: verified };
}

/** The note itself, to be kept or sent elsewhere. */
export function showCheckpoint(made: MadeCheckpoint, tell: Pick<Tell, 'note'>): CommandResult {
  tell.note(`kept in ${visible(made.where)}; verify it with the key ${visible(made.key)}`);
  return { text: made.note.trimEnd().split('\n'), json: made };
}

import type { CommandResult } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { PulledCalls, ReconciledPlatform } from '../../internal/run/values/audit.ts';
import type { ExportedRecord, MadeCheckpoint, ShownRecord, VerifiedRecord } from '../../internal/run/values/record.ts';
import { counted } from '../../internal/text/counted.ts';
import { quote, visible } from '../../internal/text/quote.ts';

/** A line for each act. */
export function showActs(record: ShownRecord): CommandResult {
  const rows = record.acts.map((shown) => [
    shown.at,
    shown.act,
    visible(shown.target.label),
    actorCell(shown.actor),
    shown.agent === null ? '-' : `${visible(shown.agent.name ?? shown.agent.id)} ${visible(shown.agent.version)}`,
    visible(shown.session ?? '-'),
    outcomeCell(shown),
  ]);
  const none = record.acts.length === 0 ? ['nothing of this is in the record'] : [];
  const table = rows.length === 0 ? [] : [{ heading: ['at', 'act', 'to', 'by', 'agent', 'session', 'outcome'], rows }];
  const faults =
    record.faults === 0
      ? []
      : [`the record is not as it was written (${record.faults} faults): setup-session audit verify`];
  return { text: [...none, ...table, ...faults], json: record };
}

type ShownAct = ShownRecord['acts'][number];

function outcomeCell({ outcome, error, call, given }: ShownAct): string {
  if (given !== null) {
    const bound = given.digest === null ? '' : `, bound to ${visible(given.digest)}`;
    return `${visible(given.answer)} as ${visible(given.as)}${bound}`;
  }
  if (outcome === null) return 'unknown: nothing says how it ended';
  if (error !== null) return `${outcome}: ${visible(error)}`;
  if (call === null || call.answer === null) return outcome;
  const by = call.confirmer === null ? 'by somebody whom the record does not know' : `by ${actorCell(call.confirmer)}`;
  return `${outcome}: ${visible(call.answer)} ${by}`;
}

function actorCell(actor: ShownAct['actor']): string {
  if ('label' in actor) return visible(actor.label);
  return actor.kind === 'key_holder' ? 'whoever holds the key' : 'not proven yet';
}

/** How many calls were written, and what somebody should look at. */
export function showPulled(pulled: PulledCalls): CommandResult {
  const { sessions, calls, going_on: goingOn, foreign_answers: foreign, gone, unknown_types: unknown } = pulled;
  return {
    text: [
      `${counted(calls, 'call')} of ${counted(sessions, 'session')} in the record now${goingOn === 0 ? '' : `; ${goingOn} go on and come later`}`,
      ...foreign.map(
        ({ session, call, answer }) =>
          `somebody whom the record does not know answered ${visible(call)} of ${visible(session)}: ${answer}; setup-session audit reconcile`,
      ),
      ...gone.map((id) => `the platform does not know the session ${visible(id)} any more: its calls cannot be read`),
      ...unknown.map((type) => `this version does not know events of the type ${visible(type)}: they were passed over`),
    ],
    json: pulled,
  };
}

/** The alarms, each with its evidence; what was looked at, and what nobody can know from it. With alarms the command failed. */
export function showReconciled(reconciled: ReconciledPlatform): CommandResult {
  const { alarms, looked_at: looked, began, records, cannot_know: cannotKnow } = reconciled;
  const counts = Object.entries(looked).map(([what, many]) => `${many} ${what}`);
  const clean = alarms.length === 0 ? ['nothing is on the platform that the record does not explain'] : [];
  return {
    text: [
      ...clean,
      ...alarms.flatMap(({ what, evidence }) => [
        `alarm: ${what}`,
        ...Object.entries(evidence).flatMap(([name, value]) =>
          value === '' ? [] : [`  ${name}: ${visible(value).slice(0, 500)}`],
        ),
      ]),
      `looked at ${counts.join(', ')}, against ${records.map(visible).join(' and ')}, from ${visible(began)} on`,
      'what this cannot know:',
      ...cannotKnow.map((each) => `- ${visible(each)}`),
    ],
    json: reconciled,
    ...(alarms.length > 0 && {
      failure: new AppError(
        'unexplained',
        alarms.length === 1
          ? 'one thing on the platform is explained by no act of the record'
          : `${alarms.length} things on the platform are explained by no act of the record`,
      ),
    }),
  };
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
export function showCheckpoint(made: MadeCheckpoint): CommandResult {
  return { text: made.note.trimEnd().split('\n'), json: made };
}

/** What went to a sink; what went to stdout speaks for itself. */
export function showExported(exported: ExportedRecord): CommandResult {
  const { sink, exported: count, through } = exported;
  const text = sink === null ? [] : [`${count} copies went to ${visible(sink)}, through line ${through}`];
  return { text, json: exported };
}

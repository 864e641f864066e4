import { type Explained, readExplained } from '../../audit/explained.ts';
import { reconcile } from '../../audit/reconcile.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../text/quote.ts';
import { platformForReading } from '../platform.ts';
import type { Ports } from '../ports.ts';
import { loadProject } from '../project.ts';
import type { ReconciledPlatform, ReconcileRequest } from '../values/audit.ts';
import { workspaceOf } from '../workspace.ts';

/** What is on the platform and in no record. Changes nothing, and writes nothing. */
export async function reconcilePlatform(request: ReconcileRequest, ports: Ports): Promise<ReconciledPlatform> {
  const configuration = await loadProject(ports);
  const workspace = workspaceOf(ports, configuration);
  const platform = await platformForReading(ports, configuration.interface.platform);
  const { recordIn } = await import('../../record/log.ts');
  const records = [await ports.record(), ...request.records.map((folder) => recordIn({ folder }))];
  const waiting = ports.tell.wait('the records are read');
  try {
    const explained = await readExplained(records, workspace);
    requireRecord(explained, records.map(({ where }) => where).join(', '));
    const spans =
      request.spans === undefined ? undefined : (await import('../../audit/spans.ts')).readSpans(request.spans);
    const { alarms, looked, older, gone, unjudged } = await reconcile({
      platform,
      explained,
      spans,
      onStep: (done, of, what) => waiting.at(done, of, what),
    });
    return {
      alarms: alarms.map(({ kind, what, evidence }) => ({ kind, what, evidence: { ...evidence } })),
      looked_at: looked,
      began: explained.began,
      records: records.map(({ where }) => where),
      cannot_know: cannotKnow({ older, gone, unjudged, began: explained.began, spans: request.spans }),
    };
  } finally {
    waiting.done();
  }
}

interface Limits {
  older: Readonly<Record<'sessions' | 'vaults' | 'credentials', number>>;
  gone: readonly string[];
  unjudged: number;
  began: string;
  spans: string | undefined;
}

/** What no reconciliation can say, and this one cannot. */
function cannotKnow({ older, gone, unjudged, began, spans }: Limits): string[] {
  const { sessions, vaults, credentials } = older;
  return [
    ...(sessions + vaults + credentials === 0
      ? []
      : [
          `who made what is older than the records (${began}): ${sessions} sessions, ${vaults} vaults, ${credentials} credentials`,
        ]),
    ...(gone.length === 0
      ? []
      : [`what was sent to sessions that are not there any more: ${gone.map(quote).join(', ')}`]),
    'what was made and deleted again; what was read with the key; a secret that was overwritten in place',
    'what was done in other workspaces, and from machines whose record was not given (--record)',
    ...(spans === undefined
      ? ['what leaves traces in spans only, such as calls of the API without a session (--spans)']
      : [
          `what left no span: exporting is no log; ${unjudged} spans are of reading, or name no session, or one from before its trace was kept`,
        ]),
  ];
}

/** Throws where there is no record at all: then nothing is explained, and everything would be older. */
function requireRecord({ began }: Explained, where: string): void {
  if (began !== '') return;
  throw new AppError('usage', `there is no record in ${quote(where)} to hold the platform against`, {
    hint: 'it begins with the first change; a record of another machine: --record <folder>',
  });
}

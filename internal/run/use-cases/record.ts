import type { Actor } from '../../platform/actor.ts';
import type { Line } from '../../record/line.ts';
import { verifyRecord as verifyFiles } from '../../record/verify.ts';
import type { Ports } from '../ports.ts';
import { recordFolder } from '../recording.ts';
import type { Nothing } from '../values/common.ts';
import type { ShownRecord, ShowRecordRequest, VerifiedRecord } from '../values/record.ts';

type ShownAct = ShownRecord['acts'][number];

/** The latest acts of this machine that the record has, the earliest first. Throws `file_system`. */
export async function showRecord({ subject, act, since, last }: ShowRecordRequest, ports: Ports): Promise<ShownRecord> {
  const acts = new Map<string, ShownAct>();
  const { findings } = await verifyFiles(await recordFolder(ports), ({ at, entry }: Line) => {
    if (entry.kind === 'outcome') {
      const { outcome, attempts, error = null } = entry;
      const announced = acts.get(entry.id);
      if (announced !== undefined) Object.assign(announced, { outcome, attempts, error });
    }
    if (entry.kind !== 'intent') return;
    if (act !== undefined && entry.act !== act) return;
    if (since !== undefined && at < since) return;
    if (subject !== undefined && subjectOf(entry.actor) !== subject) return;
    acts.set(entry.id, {
      at,
      act: entry.act,
      actor:
        entry.actor.kind === 'key_holder' ? { kind: 'key_holder', account: entry.actor.account ?? null } : entry.actor,
      target: { ...entry.target, id: entry.target.id ?? null },
      platform: entry.platform,
      workspace: entry.workspace ?? null,
      outcome: null,
      attempts: null,
      error: null,
    });
    // Of a long record no more is kept than is shown.
    if (acts.size > last) acts.delete(acts.keys().next().value ?? '');
  });
  return { acts: [...acts.values()], faults: findings.filter(({ severity }) => severity === 'fault').length };
}

function subjectOf(actor: Actor): string | undefined {
  return actor.kind === 'key_holder' ? undefined : actor.subject;
}

/** Reads the whole record and says what is not as it was written. Throws `file_system`. */
export async function verifyRecord(_request: Nothing, ports: Ports): Promise<VerifiedRecord> {
  const folder = await recordFolder(ports);
  const { head = null, lines, findings } = await verifyFiles(folder);
  return { folder, lines, head, findings };
}

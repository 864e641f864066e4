import type { Actor } from '../../platform/actor.ts';
import type { Line } from '../../record/line.ts';
import type { Ports } from '../ports.ts';
import type { Nothing } from '../values/common.ts';
import type { ShownRecord, ShowRecordRequest, VerifiedRecord } from '../values/record.ts';

type ShownAct = ShownRecord['acts'][number];

/** The latest acts of this machine that the record has, the earliest first. Throws `file_system`. */
export async function showRecord({ subject, act, since, last }: ShowRecordRequest, ports: Ports): Promise<ShownRecord> {
  const acts = new Map<string, ShownAct>();
  const { findings } = await (await ports.record()).verify(({ at, entry }: Line) => {
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
      actor: actorValue(entry.actor),
      target: { ...entry.target, id: entry.target.id ?? null },
      platform: entry.platform ?? null,
      server: entry.server ?? null,
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
  return 'subject' in actor ? actor.subject : undefined;
}

function actorValue(actor: Actor): ShownAct['actor'] {
  return 'subject' in actor ? actor : { kind: actor.kind, account: actor.account ?? null };
}

/** Reads the whole record and says what is not as it was written. Throws `file_system`. */
export async function verifyRecord(_request: Nothing, ports: Ports): Promise<VerifiedRecord> {
  const record = await ports.record();
  const { head = null, lines, findings } = await record.verify();
  return { folder: record.where, lines, head, findings };
}

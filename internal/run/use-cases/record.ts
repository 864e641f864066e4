import { AppError } from '../../errors/app-error.ts';
import type { Actor } from '../../platform/actor.ts';
import { originOf } from '../../record/checkpoint.ts';
import {
  isKeyOf,
  judgeCheckpoints,
  openCheckpoints,
  whatIsWrong,
  whatStaysOpen,
} from '../../record/judge-checkpoints.ts';
import type { Line } from '../../record/line.ts';
import { type NoteKey, readVerifierKey } from '../../record/note.ts';
import { quote } from '../../text/quote.ts';
import { recorderFor } from '../actor.ts';
import { keyPlace, makeKey, readKey, sign } from '../checkpoints.ts';
import type { Ports } from '../ports.ts';
import type { Nothing } from '../values/common.ts';
import type {
  MadeCheckpoint,
  ShownRecord,
  ShowRecordRequest,
  VerifiedRecord,
  VerifyRecordRequest,
} from '../values/record.ts';

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

/**
 * Reads the whole record, holds it against checkpoints, and says what is not as it was written and what nobody can know.
 * Throws `file_system`, and `usage` for a key that is none.
 */
export async function verifyRecord(
  { keys: given, checkpoints: elsewhere }: VerifyRecordRequest,
  ports: Ports,
): Promise<VerifiedRecord> {
  const record = await ports.record();
  const beside = await record.checkpoints.key();
  const keys = given.length > 0 ? given.map(keyOf) : beside === undefined ? [] : [keyBeside(beside)].filter(isThere);
  const notes = openCheckpoints([...(await record.checkpoints.all()), ...elsewhere], keys);
  const wanted = new Set(notes.flatMap(({ checkpoint }) => checkpoint?.count ?? []));
  const { head, lines, findings, hashes } = await record.verify(undefined, wanted);
  const judged = judgeCheckpoints({ head, hashes }, notes);
  const fault = (file: string, what: string) => ({ severity: 'fault' as const, file, line: 0, what });
  const wrong = judged.flatMap((each) => {
    const what = whatIsWrong(each, head?.count ?? 0);
    return what === undefined ? [] : [fault(each.from, what)];
  });
  const strange = keys.filter((key) => head !== undefined && !isKeyOf(key, head.log));
  return {
    folder: record.where,
    lines,
    head: head ?? null,
    findings: [
      ...findings,
      ...wrong,
      ...strange.map(({ name }) => fault(name, 'this key is of another record')),
      ...(beside !== undefined && given.length > 0 && !given.includes(beside)
        ? [fault('checkpoint.vkey', 'the key beside the record is none of those that you gave')]
        : []),
    ],
    checkpoints: judged.map(({ from, count = null, verdict }) => ({ from, count, verdict })),
    unknown: whatStaysOpen({ head, judged, keysGiven: given.length > 0, notesGiven: elsewhere.length > 0 }),
  };
}

function isThere<Thing>(thing: Thing | undefined): thing is Thing {
  return thing !== undefined;
}

/** The key beside a record, which anybody may have damaged: then no checkpoint counts. */
function keyBeside(text: string): NoteKey | undefined {
  try {
    return readVerifierKey(text);
  } catch {
    return undefined;
  }
}

function keyOf(text: string): NoteKey {
  try {
    return readVerifierKey(text);
  } catch (cause) {
    throw new AppError('usage', `${quote(text)} is not a verifier key`, {
      cause,
      hint: 'it has a name, a hash and a key with "+" between them, as audit checkpoint says it',
    });
  }
}

/** Signs where the record ends, if it is whole; the key is made at the first time. Throws `record_altered`, `keychain_unavailable`. */
export async function checkpointRecord(_request: Nothing, ports: Ports): Promise<MadeCheckpoint> {
  const record = await ports.record();
  const whole = async () => {
    const { head, findings } = await record.verify();
    if (findings.some(({ severity }) => severity === 'fault')) {
      throw new AppError('record_altered', `the record in ${quote(record.where)} is not as it was written`, {
        hint: 'nothing was signed; setup-session audit verify says what was changed',
      });
    }
    if (head === undefined)
      throw new AppError('usage', 'there is nothing in the record yet', { hint: 'nothing was signed' });
    return head;
  };
  const before = await whole();
  const place = await keyPlace(ports, before.log);
  const key =
    (await readKey(place, before.log)) ??
    (await recorderFor(ports).act(
      { act: 'checkpoint_key.make', target: { kind: 'checkpoint_key', id: undefined, label: originOf(before.log) } },
      () => makeKey(record, place, before.log),
    ));
  return await sign(record, key, await whole());
}

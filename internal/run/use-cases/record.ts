import { reviewedHosts } from '../../config/hosts.ts';
import { AppError } from '../../errors/app-error.ts';
import { originOf } from '../../record/checkpoint.ts';
import {
  isKeyOf,
  judgeCheckpoints,
  openCheckpoints,
  whatIsWrong,
  whatStaysOpen,
} from '../../record/judge-checkpoints.ts';
import { type NoteKey, readVerifierKey } from '../../record/note.ts';
import { quote, visible } from '../../text/quote.ts';
import { recorderFor } from '../actor.ts';
import { actReader, byTime, isWanted, type ShownAct } from '../acts.ts';
import { browserVisit } from '../browser-visit.ts';
import { keyPlace, makeKey, readKey, sign } from '../checkpoints.ts';
import type { Ports } from '../ports.ts';
import { beginOperatorProof, loadProject } from '../project.ts';
import type { Nothing } from '../values/common.ts';
import type {
  MadeCheckpoint,
  ShownOwnRecord,
  ShownRecord,
  ShowOwnRecordRequest,
  ShowRecordRequest,
  VerifiedRecord,
  VerifyRecordRequest,
} from '../values/record.ts';

/** Those of whoever asks, and nobody else's. What the record is worth as a whole is not theirs to know. */
export async function showOwnRecord(request: ShowOwnRecordRequest, ports: Ports): Promise<ShownOwnRecord> {
  const configuration = await loadProject(ports);
  const visit = browserVisit(ports, 'setup-session audit show', reviewedHosts(configuration));
  const { principal } = await (await beginOperatorProof(ports, configuration, visit)).prove({});
  const { kind, issuer, subject } = principal;
  const { acts } = await showRecord(
    { ...request, subject, issuer, kind: kind === 'workload' ? 'job' : 'person' },
    ports,
  );
  return { acts };
}

/**
 * The latest acts that the record has, the answers that people gave, and the calls of tools that were pulled into it, the earliest first. A call is an act
 * of whom its session was started for, at the time of the call. Throws `file_system`.
 */
export async function showRecord(request: ShowRecordRequest, ports: Ports): Promise<ShownRecord> {
  const known = await ports.latestActs?.of(request);
  if (known !== undefined) return known;
  const acts = new Map<string, ShownAct>();
  const last = Math.max(0, request.last);
  const add = (id: string, act: ShownAct) => {
    if (!isWanted(act, request)) return;
    acts.set(id, act);
    // Of a long record little more is kept than is shown: the latest by their time, which of calls is before they were written.
    if (acts.size > 2 * last + 1_000) for (const [other] of byTime(acts).slice(0, -last - 1)) acts.delete(other);
  };
  const reader = actReader();
  const { findings } = await (await ports.record()).verify((line) => {
    const read = reader.take(line);
    if (read !== undefined) add(read.id, read.act);
  });
  for (const { id, act } of reader.rest()) add(id, act);
  const inTime = byTime(acts).map(([, act]) => act);
  return {
    acts: inTime.slice(Math.max(0, inTime.length - last)),
    faults: findings.filter(({ severity }) => severity === 'fault').length,
  };
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
  const made = await sign(record, key, await whole());
  ports.tell.note(`kept in ${visible(made.where)}; verify it with the key ${visible(made.key)}`);
  return made;
}

import { reviewedHosts } from '../../config/hosts.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Actor } from '../../platform/actor.ts';
import type { ActingAgent } from '../../platform/change.ts';
import { originOf } from '../../record/checkpoint.ts';
import {
  isKeyOf,
  judgeCheckpoints,
  openCheckpoints,
  whatIsWrong,
  whatStaysOpen,
} from '../../record/judge-checkpoints.ts';
import type { Entry, Line, RecordedAnswer, RecordedCall } from '../../record/line.ts';
import { type NoteKey, readVerifierKey } from '../../record/note.ts';
import { quote, visible } from '../../text/quote.ts';
import { recorderFor } from '../actor.ts';
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

type ShownAct = ShownRecord['acts'][number];

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
  const acts = new Map<string, ShownAct>();
  const last = Math.max(0, request.last);
  const add = (id: string, act: ShownAct) => {
    if (!isWanted(act, request)) return;
    acts.set(id, act);
    // Of a long record little more is kept than is shown: the latest by their time, which of calls is before they were written.
    if (acts.size > 2 * last + 1_000) for (const [other] of byTime(acts).slice(0, -last - 1)) acts.delete(other);
  };
  /** What a session was made as is known when it was made. */
  const creates = new Map<string, ShownAct>();
  const { findings } = await (await ports.record()).verify(({ at, entry }: Line) => {
    if (entry.kind === 'call') add(`call ${entry.session} ${entry.call}`, callAct(at, entry));
    if (entry.kind === 'answer') add(`answer ${entry.id}`, answerAct(at, entry));
    if (entry.kind === 'heard' && entry.target !== undefined) add(`heard ${entry.id}`, alarmAct(entry));
    if (entry.kind === 'outcome') {
      const { outcome, attempts, error = null, made } = entry;
      const announced = acts.get(entry.id) ?? creates.get(entry.id);
      if (announced === undefined) return;
      Object.assign(announced, { outcome, attempts, error });
      if (!creates.delete(entry.id)) return;
      announced.session = made ?? null;
      add(entry.id, announced);
    }
    if (entry.kind !== 'intent') return;
    const act = intentAct(at, entry);
    if (entry.act === 'session.create') creates.set(entry.id, act);
    else add(entry.id, act);
  });
  for (const [id, act] of creates) add(id, act);
  const inTime = byTime(acts).map(([, act]) => act);
  return {
    acts: inTime.slice(Math.max(0, inTime.length - last)),
    faults: findings.filter(({ severity }) => severity === 'fault').length,
  };
}

function byTime(acts: ReadonlyMap<string, ShownAct>): [id: string, act: ShownAct][] {
  return [...acts].sort(([, one], [, other]) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
}

function isWanted({ at, act, actor, agent, session, call, given }: ShownAct, wanted: ShowRecordRequest): boolean {
  if (wanted.since !== undefined && at < wanted.since) return false;
  if (wanted.before !== undefined && at >= wanted.before) return false;
  const { name, id } = agent ?? {};
  const members: [string | undefined, (string | null | undefined)[]][] = [
    [wanted.act, [act]],
    [wanted.subject, ['subject' in actor ? actor.subject : undefined]],
    [wanted.issuer, ['issuer' in actor ? actor.issuer : undefined]],
    [wanted.kind, [actor.kind]],
    [wanted.agent, [name, id]],
    [wanted.session, [session]],
    [wanted.service, [call?.service, given?.service]],
    [wanted.tool, [call?.tool, given?.tool]],
  ];
  return members.every(([said, found]) => said === undefined || found.includes(said));
}

function intentAct(at: string, entry: Extract<Entry, { kind: 'intent' }>): ShownAct {
  const { act, target } = entry;
  return {
    at,
    act,
    actor: actorValue(entry.actor),
    agent: agentValue(entry.agent),
    session: entry.session ?? (target.kind === 'session' ? (target.id ?? null) : null),
    rule: entry.delegation?.rule ?? null,
    call: null,
    given: null,
    target: { ...target, id: target.id ?? null },
    platform: entry.platform ?? null,
    server: entry.server ?? null,
    workspace: entry.workspace ?? null,
    outcome: null,
    attempts: null,
    error: null,
  };
}

/** Something that the platform told and no act explains: nobody knows whose it was. */
function alarmAct({ what, happened, from, target, workspace }: Extract<Entry, { kind: 'heard' }>): ShownAct {
  const { id, kind, label } = target ?? { kind: '', label: '' };
  return {
    at: happened,
    act: `alarm.${what}`,
    actor: { kind: 'unproven', account: null },
    agent: null,
    session: kind === 'session' ? (id ?? null) : null,
    rule: null,
    call: null,
    given: null,
    target: { kind, id: id ?? null, label },
    platform: from,
    server: null,
    workspace: workspace ?? null,
    outcome: 'success',
    attempts: null,
    error: null,
  };
}

function callAct(at: string, entry: RecordedCall): ShownAct {
  const { service, tool, permission, answer, confirmer } = entry;
  return {
    at: entry.happened === '' ? at : entry.happened,
    act: 'tool.call',
    actor: actorValue(entry.responsible),
    agent: agentValue(entry.agent),
    session: entry.session,
    rule: entry.delegation?.rule ?? null,
    call: { service, tool, permission, answer: answer ?? null, confirmer: confirmer ? actorValue(confirmer) : null },
    given: null,
    target: { kind: 'tool', id: entry.call, label: `${service}/${tool}` },
    platform: entry.platform,
    server: null,
    workspace: entry.workspace ?? null,
    outcome: entry.result,
    attempts: null,
    error: null,
  };
}

/** A yes, a no or a result, as it was given: that it was sent is an act of its own. */
function answerAct(at: string, { actor, answer, as, rule, ask, platform, workspace }: RecordedAnswer): ShownAct {
  const { session, call, digest, service, tool, agent, version } = ask;
  return {
    at,
    act: 'answer.give',
    actor: actorValue(actor),
    agent: agent === undefined ? null : { id: agent, version: version ?? '', name: null },
    session,
    rule: rule ?? null,
    call: null,
    given: { answer, as, digest: digest ?? null, service: service ?? null, tool: tool ?? null },
    target: { kind: 'call', id: call, label: service === undefined ? call : `${service}/${tool ?? ''}` },
    platform,
    server: null,
    workspace: workspace ?? null,
    outcome: null,
    attempts: null,
    error: null,
  };
}

function agentValue(agent: ActingAgent | undefined): ShownAct['agent'] {
  return agent === undefined ? null : { id: agent.id, version: agent.version, name: agent.name ?? null };
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
  const made = await sign(record, key, await whole());
  ports.tell.note(`kept in ${visible(made.where)}; verify it with the key ${visible(made.key)}`);
  return made;
}

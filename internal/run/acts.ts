/** The acts that the lines of a record tell of, as they are shown. */
import type { Actor } from '../platform/actor.ts';
import type { ActingAgent } from '../platform/change.ts';
import type { Entry, Line, RecordedAnswer, RecordedCall } from '../record/line.ts';
import type { ShownRecord, ShowRecordRequest } from './values/record.ts';

/** One act. */
export type ShownAct = ShownRecord['acts'][number];

/** An act with the id under which a later line of the same one is known. */
export interface ReadAct {
  id: string;
  act: ShownAct;
}

/** Reads acts out of lines. What became of one is put into the act that was given before. */
export interface ActReader {
  /** The act that can be shown from this line on. What a session was made as is known when it was made. */
  take(line: Pick<Line, 'at' | 'entry'>): ReadAct | undefined;
  /** Sessions of which no line says whether they were made. */
  rest(): ReadAct[];
}

/** One that has read nothing yet. With `createsAtOnce` a session that is made is shown before it is known what it was made as. */
export function actReader({ createsAtOnce = false } = {}): ActReader {
  /** Acts of which no line says yet how they ended. */
  const open = new Map<string, ShownAct>();
  return {
    take({ at, entry }) {
      if (entry.kind === 'call') return { id: `call ${entry.session} ${entry.call}`, act: callAct(at, entry) };
      if (entry.kind === 'answer') return { id: `answer ${entry.id}`, act: answerAct(at, entry) };
      if (entry.kind === 'heard' && entry.target !== undefined)
        return { id: `heard ${entry.id}`, act: alarmAct(entry) };
      if (entry.kind === 'intent') {
        const act = intentAct(at, entry);
        open.set(entry.id, act);
        return entry.act === 'session.create' && !createsAtOnce ? undefined : { id: entry.id, act };
      }
      if (entry.kind !== 'outcome') return undefined;
      const { id, outcome, attempts, error = null, made } = entry;
      const announced = open.get(id);
      if (announced === undefined) return undefined;
      open.delete(id);
      Object.assign(announced, { outcome, attempts, error });
      if (announced.act !== 'session.create') return undefined;
      announced.session = made ?? null;
      return createsAtOnce ? undefined : { id, act: announced };
    },
    rest: () => [...open].flatMap(([id, act]) => (act.act === 'session.create' ? [{ id, act }] : [])),
  };
}

/** In the order of their times. */
export function byTime(acts: ReadonlyMap<string, ShownAct>): [id: string, act: ShownAct][] {
  return [...acts].sort(([, one], [, other]) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
}

/** Whether somebody who asks so wants to see an act. */
export function isWanted(
  { at, act, actor, agent, session, call, given }: ShownAct,
  wanted: ShowRecordRequest,
): boolean {
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

/**
 * What records explain of a workspace: what was made by acts of ours and for whom, what was sent to sessions, and which tool
 * calls have their line. Reads records from their first line to the last, and asks nobody.
 */
import { AppError } from '../errors/app-error.ts';
import type { Actor } from '../platform/actor.ts';
import type { ActingAgent, Delegation, ToolDelegation } from '../platform/change.ts';
import type { Entry, Line, RecordedCall } from '../record/line.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { Workspace } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';

/** A session that an act of ours made. */
export interface OurSession {
  id: string;
  by: Actor;
  agent: ActingAgent | undefined;
  /** The verdict on each tool, by {@link toolKey}; undefined where the line does not say. */
  tools: ReadonlyMap<string, Delegation> | undefined;
  config: string | undefined;
  trace: string | undefined;
  /** The calls that have their line. */
  recorded: Set<string>;
  /** Up to when every call that was over has its line; empty where it was never read. */
  through: string;
  closed: boolean;
}

/** What has been read of a session before. */
type ReadSoFar = Pick<OurSession, 'recorded' | 'through' | 'closed'>;

/** Something that was sent to a session. */
export interface Sent {
  act: string;
  actor: Actor;
  call: string | undefined;
  answer: string | undefined;
  /** The event that it became; undefined where no answer said so. */
  event: string | undefined;
}

/** What several records explain together. */
export interface Explained {
  sessions: Map<string, OurSession>;
  /** Sessions whose create had no answer, by their mark: on the platform they may be there. */
  lost: Map<string, Omit<OurSession, 'id'>>;
  /** What lines say of sessions that no act in these records made. */
  read: Map<string, ReadSoFar>;
  /** What was sent to each session, and may have arrived. */
  sent: Map<string, Sent[]>;
  /** The ids of what else was made, and the marks by which it is known. */
  made: Set<string>;
  /** When credentials were asked for whose create had no answer, by vault. */
  lostCredentials: Map<string, string[]>;
  /** The marks of all our sessions. */
  marks: Set<string>;
  /** Calls that ran although our verdict was that somebody is asked, or that the tool is off. */
  wider: RecordedCall[];
  /** The ids of what was archived. */
  archived: Set<string>;
  traces: Set<string>;
  /** The record that began last: what is older than that may be in none. RFC 3339; empty where there is no record at all. */
  began: string;
}

/** How a tool of a service is found among those of a session. */
export function toolKey(service: string, tool: string): string {
  return JSON.stringify([service, tool]);
}

/** Reads records, as far as they are about one workspace. Throws `record_altered`, `file_system`. */
export async function readExplained(
  records: readonly Pick<RecordLog, 'where' | 'verify'>[],
  workspace: Workspace,
): Promise<Explained> {
  const reading = new Reading(workspace);
  for (const { where, verify } of records) {
    let began: string | undefined;
    const { findings } = await verify((line) => {
      began ??= line.at;
      reading.take(line);
    });
    if (findings.some(({ severity }) => severity === 'fault')) {
      throw new AppError('record_altered', `the record in ${quote(where)} is not as it was written`, {
        hint: 'it explains nothing; see what is wrong with it: setup-session audit verify',
      });
    }
    if (began !== undefined && began > reading.explained.began) reading.explained.began = began;
  }
  return reading.end();
}

/** Whether an act was done in a workspace, as far as both say which one they mean. */
export function isOf(
  { address, id }: Workspace,
  { platform, workspace }: Pick<Intent, 'platform' | 'workspace'>,
): boolean {
  return platform === address && (workspace === undefined || id === undefined || workspace === id);
}

type Intent = Extract<Entry, { kind: 'intent' }>;
/** An act with the time of its line. */
type Announced = Intent & { at: string };

class Reading {
  readonly explained: Explained = {
    sessions: new Map(),
    lost: new Map(),
    read: new Map(),
    sent: new Map(),
    made: new Set(),
    lostCredentials: new Map(),
    marks: new Set(),
    wider: [],
    archived: new Set(),
    traces: new Set(),
    began: '',
  };
  /** Acts of which nothing has said yet how they ended. */
  readonly #open = new Map<string, Announced>();
  /** Verdicts are alike in all sessions of one agent and person: each is kept once. */
  readonly #tools = new Map<string, ReadonlyMap<string, Delegation>>();
  readonly #workspace: Workspace;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  take({ at, entry }: Line): void {
    switch (entry.kind) {
      case 'intent':
        if (!isOf(this.#workspace, entry)) return;
        if (entry.trace !== undefined) this.explained.traces.add(entry.trace);
        this.#open.set(entry.id, { ...entry, at });
        return;
      case 'outcome': {
        const intent = this.#open.get(entry.id);
        this.#open.delete(entry.id);
        if (intent !== undefined && entry.outcome !== 'failure') this.#settle(intent, entry.made);
        return;
      }
      case 'call':
        this.#read(entry.session).recorded.add(entry.call);
        if (entry.permission === 'allow' && ['ask', 'off'].includes(entry.delegation?.verdict ?? 'on')) {
          this.explained.wider.push(entry);
        }
        return;
      case 'pulled': {
        const session = this.#read(entry.session);
        session.through = entry.through;
        session.closed = entry.state === 'closed';
        return;
      }
      default:
        return;
    }
  }

  end(): Explained {
    for (const intent of this.#open.values()) this.#settle(intent, undefined);
    return this.explained;
  }

  #settle(intent: Announced, made: string | undefined): void {
    const { act, target, mark, at } = intent;
    const { explained } = this;
    if (act === 'session.create') {
      if (mark !== undefined) explained.marks.add(mark);
      if (made !== undefined) addSession(explained, made, this.#sessionOf(intent));
      else if (mark !== undefined) explained.lost.set(mark, this.#sessionOf(intent));
      return;
    }
    if (act.endsWith('.archive') && target.id !== undefined) explained.archived.add(target.id);
    if (target.kind === 'session' && target.id !== undefined) {
      const { actor, call, answer } = intent;
      const sent = explained.sent.get(target.id) ?? [];
      sent.push({
        act,
        actor,
        call: call ?? (act === 'session.answer' ? target.label : undefined),
        answer,
        event: made,
      });
      explained.sent.set(target.id, sent);
      return;
    }
    if (made !== undefined) explained.made.add(made);
    else if (target.kind === 'credential') {
      if (mark !== undefined && target.id === undefined) {
        explained.lostCredentials.set(mark, [...(explained.lostCredentials.get(mark) ?? []), at]);
      }
    } else if (mark !== undefined) explained.made.add(mark);
  }

  #sessionOf({ actor: by, agent, tools, config, trace }: Intent): Omit<OurSession, 'id'> {
    return { by, agent, tools: tools && this.#toolsOf(tools), config, trace, ...nothingRead() };
  }

  #toolsOf(tools: readonly ToolDelegation[]): ReadonlyMap<string, Delegation> {
    const key = JSON.stringify(tools);
    const known =
      this.#tools.get(key) ?? new Map(tools.map(({ service, tool, ...each }) => [toolKey(service, tool), each]));
    this.#tools.set(key, known);
    return known;
  }

  #read(session: string): ReadSoFar {
    const { sessions, read } = this.explained;
    const known = sessions.get(session) ?? read.get(session) ?? nothingRead();
    if (!sessions.has(session)) read.set(session, known);
    return known;
  }
}

function nothingRead(): ReadSoFar {
  return { recorded: new Set(), through: '', closed: false };
}

/** Adds a session that is known by its id now, with what was read of it before. */
function addSession({ sessions, read }: Explained, id: string, session: Omit<OurSession, 'id'>): void {
  sessions.set(id, { ...session, ...read.get(id), id });
  read.delete(id);
}

/** Has a session whose create had no answer be one of ours: the platform has one with its mark. */
export function findLost(explained: Explained, mark: string, id: string): void {
  const session = explained.lost.get(mark);
  if (session !== undefined && !explained.sessions.has(id)) addSession(explained, id, session);
}

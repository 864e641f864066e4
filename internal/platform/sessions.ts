/**
 * Sessions and the outside of their events: what the platform answers, and what it can be asked for. What is in an event is
 * read in `session/event.ts`.
 */
import { type AgentAnswer, readAgentAnswer } from './agents.ts';
import type { ActingAgent, Grounds } from './change.ts';
import { type Door, eachOf, type How } from './door.ts';
import { tellUnknown } from './known-members.ts';
import {
  entriesOf,
  type Fields,
  fieldsOf,
  idIn,
  listOf,
  metadataOf,
  type Reading,
  shown,
  text,
  textOrNull,
  thingOf,
} from './reading.ts';
import type { Client } from './sdk.ts';

export interface Session {
  id: string;
  /** The platform's word; `idle`, as a session begins, where it was not said. */
  status: string;
  created_at: string;
  updated_at: string;
  archived_at: string | null;
  metadata: Readonly<Record<string, string>>;
  vault_ids: readonly string[];
  /** Empty where it was not said, which is no environment. */
  environment_id: string;
  resources: readonly unknown[];
  /** What it may cost and what it has used, in the platform's words (`session/event.ts`); null where it was not said. */
  budget: unknown;
  usage: unknown;
  agent: AgentAnswer & {
    /** What its snapshot leaves out of what nobody can change in a session: the pinned version of the agent says it. */
    left_out: readonly ('name' | 'model' | 'system' | 'description')[];
  };
}

export function readSession(value: unknown, reading: Reading): Session {
  const session = thingOf(value, 'a session');
  const agent = fieldsOf(session['agent']) ?? {};
  tellUnknown('session', session, reading);
  const pinned = ['name', 'model', 'system', 'description'] as const;
  // Null is a documented prompt and description: none.
  const isLeftOut = (name: (typeof pinned)[number]) =>
    agent[name] === undefined || (agent[name] === null && (name === 'name' || name === 'model'));
  return {
    id: session.id,
    status: text(session['status']) ?? 'idle',
    created_at: text(session['created_at']) ?? '',
    updated_at: text(session['updated_at']) ?? '',
    archived_at: textOrNull(session['archived_at']),
    metadata: metadataOf(session['metadata']),
    vault_ids: entriesOf(session['vault_ids']).map(shown),
    environment_id: text(session['environment_id']) ?? '',
    resources: entriesOf(session['resources']),
    budget: session['budget'] ?? null,
    usage: session['usage'] ?? null,
    agent: {
      ...readAgentAnswer(agent, 'session.agent', reading),
      left_out: pinned.filter(isLeftOut),
    },
  };
}

/** An event of a history, unread. */
export type EventAnswer = Fields & { id: string };

function readEvent(value: unknown): EventAnswer {
  return thingOf(value, 'an event');
}

/** A thread of a session: its own agent, which may be one that the model made up. */
export interface Thread {
  id: string;
  /** Whether its events are those of the session itself; undefined where that was not said. */
  primary: boolean | undefined;
  agent: ActingAgent;
}

/** Reads a thread. */
function readThread(value: unknown): Thread {
  const thread = thingOf(value, 'a thread');
  const { id, version, name, type } = fieldsOf(thread['agent']) ?? {};
  const parent = thread['parent_thread_id'];
  return {
    id: thread.id,
    primary: parent === undefined ? undefined : parent === null,
    agent: {
      id: text(id) ?? text(type) ?? 'unknown',
      version: typeof version === 'number' ? String(version) : '',
      ...(typeof name === 'string' && { name }),
    },
  };
}

/** What was taken of the one event that was sent; `made` is its id, where the platform says it. */
function readSentEvents(value: unknown): { data: readonly unknown[]; made: string | undefined } {
  const data = listOf(fieldsOf(value)?.['data']);
  return { data, made: idIn(data[0]) };
}

type Sessions = Client['sessions'];
type NewEvent = Parameters<Sessions['events']['send']>[1]['events'][number];

/** What is asked of sessions and of what happens in them. */
export const sessionVerbs = ({ read, pages, listen, change }: Door) => {
  const send = (
    act: 'session.answer' | 'session.interrupt' | 'session.message',
    id: string,
    event: NewEvent,
    how: How,
  ) => change(act, id, how, readSentEvents, ({ sessions }) => sessions.events.send(id, { events: [event] }));
  return {
    list: (query: Parameters<Sessions['list']>[0] = {}) =>
      eachOf(
        pages('list sessions', readSession, ({ sessions }, page) => sessions.list({ limit: 100, ...query, ...page })),
      ),
    retrieve: (id: string, signal?: AbortSignal) =>
      read('read session', readSession, ({ sessions }) => sessions.retrieve(id, undefined, ownSignal(signal))),
    create: (label: string, session: Parameters<Sessions['create']>[0], grounds: Grounds) =>
      change('session.create', undefined, { label, grounds }, readSession, ({ sessions }) => sessions.create(session)),
    archive: (id: string, how: How = {}) =>
      change('session.archive', id, how, readSession, ({ sessions }) => sessions.archive(id)),
    interrupt: (id: string, how: How = {}) => send('session.interrupt', id, { type: 'user.interrupt' }, how),
    message: (id: string, message: string, how: How = {}) =>
      send('session.message', id, { type: 'user.message', content: [{ type: 'text', text: message }] }, how),
    answer: (id: string, answer: NewEvent, how: How) => send('session.answer', id, answer, how),
    /** What has happened, page by page. */
    history: (id: string, query: Parameters<Sessions['events']['list']>[1], signal?: AbortSignal) =>
      pages('read the history', readEvent, ({ sessions }, page) =>
        sessions.events.list(id, { ...query, ...page }, ownSignal(signal)),
      ),
    /** Its threads; the events of a session are those of the primary one, and what others have to ask. */
    threads: (id: string) =>
      eachOf(
        pages('list the threads', readThread, ({ sessions }, page) =>
          sessions.threads.list(id, { limit: 100, ...page }),
        ),
      ),
    /** What has happened in one thread, page by page. The platform can choose nothing of it. */
    threadHistory: (id: string, threadId: string, query: { limit: number }) =>
      pages('read the history of a thread', readEvent, ({ sessions }, page) =>
        sessions.threads.events.list(threadId, { session_id: id, ...query, ...page }),
      ),
    /** What happens from now on, frame by frame (event-stream.ts). */
    listen: (id: string, signal: AbortSignal) =>
      listen('open the event stream', ({ sessions }, closed) =>
        sessions.events.stream(id, undefined, { signal: AbortSignal.any([closed, signal]) }),
      ),
  };
};

/** The SDK listens to a signal until it has parsed the answer itself, which is never: each request has one of its own. */
function ownSignal(signal: AbortSignal | undefined): { signal: AbortSignal } | undefined {
  return signal && { signal: AbortSignal.any([signal]) };
}

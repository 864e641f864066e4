/** Sessions and the outside of their events, as the platform answers them. What is in an event is read in `session/event.ts`. */
import { type AgentAnswer, readAgentAnswer } from './agent.ts';
import { tellUnknown } from './known-members.ts';
import {
  entriesOf,
  type Fields,
  fieldsOf,
  listOf,
  metadataOf,
  type Reading,
  shown,
  text,
  textOrNull,
  thingOf,
} from './reading.ts';

/** A session. */
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

/** Reads a session. */
export function readSessionAnswer(value: unknown, reading: Reading): Session {
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

/** Reads an event. */
export function readEventAnswer(value: unknown): EventAnswer {
  return thingOf(value, 'an event');
}

/** What was taken of the events that were sent. */
export function readSentEvents(value: unknown): { data: readonly unknown[] } {
  return { data: listOf(fieldsOf(value)?.['data']) };
}

/**
 * The tool calls of our sessions, from the platform into the record: a line each, once, whoever pulls and how often. What
 * is there already is known from the record itself, so a run that is cut off leaves nothing to mend.
 */
import { inParallel } from '../async/in-parallel.ts';
import { clock } from '../clock/clock.ts';
import type { Platform } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import type { Session, Thread } from '../platform/sessions.ts';
import type { Entry } from '../record/line.ts';
import type { RecordLog } from '../record/record-log.ts';
import { attemptKey } from '../session/intent.ts';
import type { Workspace } from '../stores/kept-text.ts';
import { type SeenCall, SessionCalls } from './calls.ts';
import { type Explained, findLost, type OurSession, type Sent, toolKey } from './explained.ts';

/** What a pull is made with. */
export interface PullRequest {
  platform: Platform;
  explained: Explained;
  log: Pick<RecordLog, 'append'>;
  workspace: Workspace;
  /** Only what happened from then on, RFC 3339. */
  since: string | undefined;
  /** Whether the arguments of calls are kept, and not only their digest. */
  withArguments: boolean;
  /** Hears how many sessions were read. */
  onStep(done: number, of: number): void;
}

/** What came of a pull. */
export interface Pulled {
  sessions: number;
  /** Calls that have their line now and had none before. */
  calls: number;
  /** Calls that go on: they get theirs when they are over. */
  waiting: number;
  /** Calls that somebody answered whom the record does not know. */
  foreign: { session: string; call: string; event: string; answer: string }[];
  /** Sessions of the record that the platform does not know any more. */
  gone: string[];
  unknownTypes: string[];
}

const atOnce = 4;
const pageSize = 500;
/** So many lines wait at most for the disk. */
const batch = 256;
/** How much earlier than what was read a history begins again: one event may be stored after another that happened later. */
const overlapMs = 60_000;

/** Reads every session of ours that can have something new, and writes what does. Throws a `PlatformError`, or `record_unwritable`. */
export async function pullCalls(request: PullRequest): Promise<Pulled> {
  const { platform, explained } = request;
  await findLostSessions(platform, explained);
  const open = [...explained.sessions.values()].filter(({ closed }) => !closed);
  const pulled: Pulled = { sessions: open.length, calls: 0, waiting: 0, foreign: [], gone: [], unknownTypes: [] };
  const unknown = new Set<string>();
  let done = 0;
  await inParallel(open, atOnce, async (session) => {
    await pullSession(request, session, pulled, unknown);
    done += 1;
    request.onStep(done, open.length);
  });
  return { ...pulled, gone: pulled.gone.sort(), unknownTypes: [...unknown].sort() };
}

/** Those whose create had no answer: their mark in a session of the same agent says that it was made after all. */
export async function findLostSessions(platform: Platform, explained: Explained): Promise<void> {
  if (explained.lost.size === 0) return;
  for await (const { id, metadata, agent } of platform.sessions.list({ include_archived: true })) {
    const mark = metadata[attemptKey] ?? '';
    if (explained.lost.get(mark)?.agent?.id === agent.id) findLost(explained, mark, id);
  }
}

async function pullSession(
  request: PullRequest,
  ours: OurSession,
  pulled: Pulled,
  unknown: Set<string>,
): Promise<void> {
  const { platform, log, workspace, since, withArguments } = request;
  const session = await unlessMissing('listed', platform.sessions.retrieve(ours.id));
  if (session === undefined) {
    pulled.gone.push(ours.id);
    return;
  }
  const from = [before(ours.through), since ?? ''].sort().at(-1);
  const calls = new SessionCalls(withArguments);
  const threads = await readCalls(platform, session, calls, from || undefined);
  for (const type of calls.unknownTypes) unknown.add(type);

  const now = clock.now().getTime() + platform.aheadMs();
  const ended = hasEnded(session, now);
  const { over, waiting } = calls.settled({ ended, restingSince: now - overlapMs });
  pulled.waiting += waiting.length;
  const sent = request.explained.sent.get(ours.id) ?? [];
  const fresh = over.filter(
    ({ id, at }) => !ours.recorded.has(id) && (since === undefined || at === '' || at >= since),
  );
  for (let start = 0; start < fresh.length; start += batch) {
    await Promise.all(
      fresh.slice(start, start + batch).map(async (call) => {
        const confirmer = call.answer && answererOf(call, sent);
        if (call.answer !== undefined && confirmer === undefined) {
          pulled.foreign.push({
            session: ours.id,
            call: call.id,
            event: call.answer.event,
            answer: call.answer.answer,
          });
        }
        await log.append(lineOf(call, { ours, session, threads, workspace, confirmer }));
        pulled.calls += 1;
      }),
    );
  }
  // What lies between what was read before and what was asked for now has not been read.
  if (since !== undefined && since > ours.through) return;
  const through = throughOf(calls.lastAt, waiting, now) ?? ours.through;
  if (through === ours.through && !ended) return;
  const state = ended && waiting.length === 0 ? 'closed' : 'open';
  if (through !== ours.through || state === 'closed') {
    await log.append({ kind: 'pulled', session: ours.id, through, state, platform: workspace.address });
  }
}

/** Reads the events of a session and of all its threads. Gives the threads. */
async function readCalls(
  platform: Platform,
  { id }: Session,
  calls: SessionCalls,
  from: string | undefined,
): Promise<Map<string, Thread>> {
  const query = { limit: pageSize, order: 'asc' as const };
  const later = from === undefined ? {} : { 'created_at[gte]': from };
  for await (const events of platform.sessions.history(id, { ...query, ...later })) {
    for (const event of events) calls.take(event);
  }
  const threads = new Map<string, Thread>();
  for await (const thread of platform.sessions.threads(id)) threads.set(thread.id, thread);
  for (const thread of threads.values()) {
    if (thread.primary === true) continue;
    for await (const events of platform.sessions.threadHistory(id, thread.id, { limit: pageSize })) {
      for (const event of events) calls.take(event, thread.id);
    }
  }
  return threads;
}

/** Whether a session has ended, and so long ago that its history is whole. */
function hasEnded(session: Session, now: number): boolean {
  const at = Date.parse(session.archived_at ?? session.updated_at);
  return !isLive(session) && at <= now - overlapMs;
}

function before(through: string): string {
  const time = Date.parse(through);
  return Number.isNaN(time) ? '' : new Date(time - overlapMs).toISOString();
}

/** Up to when everything is over: before the first call that goes on, and never in a future that the platform made up. */
function throughOf(lastAt: string, waiting: readonly SeenCall[], now: number): string | undefined {
  if (waiting.some(({ at }) => at === '')) return undefined;
  // The clocks agree as far as a history is begun earlier.
  return [lastAt, new Date(now + overlapMs).toISOString(), ...waiting.map(({ at }) => at)]
    .filter((at) => at !== '')
    .sort()[0];
}

/** Who answered: whose answer became this event, or had no answer itself and said the same. */
function answererOf({ id, answer }: Pick<SeenCall, 'id' | 'answer'>, sent: readonly Sent[]): Sent['actor'] | undefined {
  const answers = sent.filter(({ act, call }) => act === 'session.answer' && call === id);
  const same = answers.find(({ event }) => event !== undefined && event === answer?.event);
  const lost = answers.find((each) => each.event === undefined && (each.answer ?? answer?.answer) === answer?.answer);
  return (same ?? lost)?.actor;
}

interface Known {
  ours: OurSession;
  session: Session;
  threads: ReadonlyMap<string, Thread>;
  workspace: Workspace;
  confirmer: Sent['actor'] | undefined;
}

function lineOf(call: SeenCall, { ours, session, threads, workspace, confirmer }: Known): Entry {
  const own = ours.agent ?? { id: session.agent.id, version: String(session.agent.version), name: session.agent.name };
  const agent = threads.get(call.thread ?? '')?.agent ?? own;
  const { service, tool } = call;
  // Our verdicts are those of the session's own agent; other ones have what their definitions say.
  const tools = agent.id === own.id ? ours.tools : undefined;
  return {
    kind: 'call',
    session: ours.id,
    call: call.id,
    thread: call.thread,
    happened: call.at,
    responsible: ours.by,
    agent,
    service,
    tool,
    input: call.input,
    characters: call.characters,
    arguments: call.arguments,
    permission: call.permission,
    delegation: tools && (tools.get(toolKey(service, tool)) ?? { verdict: 'off', rule: 'nothing allows it' }),
    answer: call.answer?.answer,
    confirmer,
    result: call.result ?? 'none',
    platform: workspace.address,
    workspace: workspace.id,
    config: ours.config,
    trace: ours.trace,
  };
}

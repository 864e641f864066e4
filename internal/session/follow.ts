/**
 * Follows a session over a line that breaks. The platform replays nothing, so stream and history are read as one: open the
 * stream, read the history, leave out what is known (its documented reconnect). Whatever a stream does (it breaks, ends,
 * falls silent, says `error`, sends what cannot be read) leads back to the history, which is right in the end.
 */

import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import type { EventStream, Frame } from '../platform/event-stream.ts';
import { isMissing, unlessMissing } from '../platform/live.ts';
import { readEvent, turnTypes } from './event.ts';
import { readInOrder } from './history.ts';
import type { TurnState } from './turn-state.ts';

/** Whose events are read into which state. */
export interface Following {
  platform: Platform;
  sessionId: string;
  state: TurnState;
  /** Ends the wait: an interruption, or the time-out. */
  signal: AbortSignal;
}

/** After so long without an event the history is asked; after two such waits without a byte the stream counts as dead. */
const silenceMs = 20_000;
/** When the history is asked after a stream was opened anew: what had happened just before may not be in it yet. */
const earlyLooksMs = [1000, 3000];
const shortestPauseMs = 100;
const longestPauseMs = 10_000;
/** How much earlier than the last known event a history begins: one may be stored after another that happened later. */
const overlapMs = 60_000;
/** How long a session may stand idle before what is queued in it counts as dropped. */
const queuePatienceMs = 30_000;
const pageSize = 1000;

/**
 * Reads until the turn has ended (`state.end`), the signal is aborted, or the platform has dropped our message (`dropped`).
 * `opened` is a stream since whose opening nothing can have been missed. Throws a `PlatformError` that no waiting mends.
 */
export async function follow(following: Following, opened?: EventStream): Promise<'over' | 'dropped'> {
  const { signal, state } = following;
  const queue: Queue = { idleSince: undefined };
  let stream = opened;
  let whole = opened !== undefined;
  let pauseMs = 0;
  while (!signal.aborted) {
    stream ??= await openStream(following);
    try {
      if (!whole) await look(following);
      if (state.end !== undefined) return 'over';
      const heard = stream === undefined ? 'nothing' : await hear(following, stream, whole, queue);
      if (heard === 'dropped') return heard;
      if (state.end !== undefined) return 'over';
      pauseMs = heard === 'news' ? shortestPauseMs : Math.min(Math.max(pauseMs * 2, shortestPauseMs), longestPauseMs);
    } finally {
      stream?.close();
    }
    stream = undefined;
    whole = false;
    await clock.pause(pauseMs, signal);
  }
  return 'over';
}

/** Since when our message waits in a session that stands idle. */
interface Queue {
  idleSince: number | undefined;
}

/**
 * Opens the stream; undefined where that does not work now, or where it is not there: the history knows whether the session
 * is. Throws a `PlatformError` that no waiting mends.
 */
export async function openStream({
  platform,
  sessionId,
  signal,
}: Pick<Following, 'platform' | 'sessionId' | 'signal'>): Promise<EventStream | undefined> {
  return await unlessMissing(
    'listed',
    unlessTransient(signal, () => platform.sessions.listen(sessionId, signal)),
  );
}

/**
 * Reads the history into the state, from a little before what is known, and says whether it was read to its end. What does
 * not work now is looked at again later.
 */
export async function look({ platform, sessionId, state, signal }: Following): Promise<boolean> {
  const since = beforeThat(state.lastAt);
  state.beginHistory();
  const query = { types: [...turnTypes], limit: pageSize, order: 'asc' as const };
  const later = since === undefined ? {} : { 'created_at[gte]': since };
  const pages = platform.sessions.history(sessionId, { ...query, ...later }, signal);
  try {
    const whole = await unlessTransient(signal, async () => {
      await readInOrder(pages, (event) => state.take(event, 'history'));
      state.tellWaits();
      return true;
    });
    if (whole !== true) state.breakOff();
    return whole === true;
  } catch (error) {
    if (!isMissing(error, 'listed')) throw error;
    if ((await readStatus({ platform, sessionId, signal })) === 'deleted') state.end = { kind: 'deleted' };
    return false;
  }
}

/** The status of a session as the platform has stored it; undefined where it cannot be asked now. */
export async function readStatus({
  platform,
  sessionId,
  signal,
}: Pick<Following, 'platform' | 'sessionId' | 'signal'>): Promise<string | undefined> {
  try {
    const session = await unlessTransient(signal, () => platform.sessions.retrieve(sessionId, signal));
    if (session === undefined) return undefined;
    return typeof session.archived_at === 'string' ? 'archived' : String(session.status);
  } catch (error) {
    if (isMissing(error, 'listed')) return 'deleted';
    throw error;
  }
}

/** Reads a stream until it breaks or the turn has ended. */
async function hear(
  following: Following,
  stream: EventStream,
  whole: boolean,
  queue: Queue,
): Promise<'news' | 'nothing' | 'dropped'> {
  const { signal, state } = following;
  signal.addEventListener('abort', stream.close, { once: true });
  const looks = whole && state.begun ? [] : [...earlyLooksMs];
  let heard: 'news' | 'nothing' = 'nothing';
  let [bytes, silences] = [0, 0];
  let due = clock.monotonic() + (looks.shift() ?? silenceMs);
  let next = arrivalOf(stream);
  try {
    for (;;) {
      const arrival = await before(due, next);
      if (signal.aborted || arrival === 'end') return heard;
      if (arrival === 'late') {
        await look(following);
        if (state.end !== undefined) return 'news';
        if (await isDropped(following, queue)) return 'dropped';
        silences = stream.bytes() === bytes ? silences + 1 : 0;
        bytes = stream.bytes();
        if (silences === 2) return heard;
        due = clock.monotonic() + (looks.shift() ?? silenceMs);
        continue;
      }
      next = arrivalOf(stream);
      const sense = takeFrame(state, arrival);
      if (sense === 'error') return heard;
      if (sense === 'unreadable' || isIncomplete(state)) await look(following);
      if (sense === 'event') heard = 'news';
      if (state.end !== undefined) return heard;
      if (state.begun) due = Math.max(due, clock.monotonic() + silenceMs);
    }
  } finally {
    signal.removeEventListener('abort', stream.close);
  }
}

function takeFrame(state: TurnState, frame: Frame): 'event' | 'preview' | 'error' | 'unreadable' {
  if (frame.kind !== 'event') return frame.kind;
  const event = readEvent(frame.value);
  if (event === undefined) return 'unreadable';
  if (event === 'preview') return event;
  state.take(event, 'stream');
  if (isWhole(state)) state.tellWaits();
  return 'event';
}

/** Whether only the history can tell what a stream left open. */
function isIncomplete(state: TurnState): boolean {
  const others = !state.begun && state.othersIdle;
  if (others) state.othersIdle = false;
  return others || !isWhole(state);
}

function isWhole({ asks }: TurnState): boolean {
  return asks.every(({ tool }) => tool !== undefined);
}

/** A turn that gives up takes what is queued with it; nobody documents how that looks. */
async function isDropped(following: Following, queue: Queue): Promise<boolean> {
  const { state } = following;
  if (state.begun) return false;
  if ((await readStatus(following)) !== 'idle') queue.idleSince = undefined;
  else queue.idleSince ??= clock.monotonic();
  return queue.idleSince !== undefined && clock.monotonic() - queue.idleSince >= queuePatienceMs;
}

type Arrival = Frame | 'end';

/** The next frame. A stream that breaks, or that an interruption breaks, has ended. */
async function arrivalOf({ frames }: EventStream): Promise<Arrival> {
  try {
    const { done, value } = await frames.next();
    return done === true ? 'end' : value;
  } catch (error) {
    if (error instanceof AppError) return 'end';
    throw error;
  }
}

/** What arrives before an instant. */
async function before(due: number, next: Promise<Arrival>): Promise<Arrival | 'late'> {
  const arrived = new AbortController();
  try {
    const late = clock.pause(Math.max(due - clock.monotonic(), 0), arrived.signal).then(() => 'late' as const);
    return await Promise.race([next, late]);
  } finally {
    arrived.abort();
  }
}

/** Undefined for what may work in a moment, and for what our own signal ended. */
async function unlessTransient<Result>(signal: AbortSignal, ask: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (signal.aborted) return undefined;
    if (!(error instanceof PlatformError)) throw error;
    const { status } = error;
    if (status === undefined || status >= 500 || [200, 408, 409, 429].includes(status)) return undefined;
    throw error;
  }
}

function beforeThat(at: string | undefined): string | undefined {
  const time = Date.parse(at ?? '');
  return Number.isNaN(time) ? undefined : new Date(time - overlapMs).toISOString();
}

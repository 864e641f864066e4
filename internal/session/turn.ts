/**
 * One turn of a session, whatever the line does: a message is sent once, its turn is followed to its end, and whatever
 * arrived is in the result. What the end means for a person is judged in `turn-outcome.ts`.
 */

import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { Platform, PlatformError } from '../platform/client.ts';
import type { EventStream } from '../platform/event-stream.ts';
import { deliver, type EarlierMessages, noMessages, readEarlierMessages } from './deliver.ts';
import type { SessionError, StopReason, ToolCall, Usage } from './event.ts';
import { follow, look, openStream, readStatus } from './follow.ts';
import { TurnGuard, type TurnLimit } from './stop-after.ts';
import { type Told, TurnState } from './turn-state.ts';

/** What a turn is made from. */
export interface TurnRequest {
  platform: Platform;
  sessionId: string;
  /** Sent, and its turn is read. Without one it is the last turn of the session, which may still run. */
  message?: string | undefined;
  /** Whether the session was created by this run, so that nothing of somebody else is in it. */
  fresh?: boolean;
  /** Whether a call that waits for a yes or no is waited for as well, until somebody answers it. */
  throughAsks?: boolean;
  /** What the turn may use; beyond that it is interrupted. */
  limit?: TurnLimit | undefined;
  timeoutMs: number;
  signal: AbortSignal;
  told: Told;
}

/** How a turn ended, or why nobody waits for that any more. */
export type TurnEnd =
  | { kind: 'idle'; reason: StopReason }
  | { kind: 'terminated' | 'archived' | 'deleted' }
  /** There is no turn: nothing was ever sent to the session. */
  | { kind: 'never_started' }
  /** The answer to the message was lost, and the message is not there. */
  | { kind: 'unseen'; error: PlatformError }
  /** The answer to the message was lost, and whether it is there cannot be said. */
  | { kind: 'unsure'; error: AppError }
  /** The platform took the message and did not begin with it. */
  | { kind: 'dropped' }
  /** Not within the time that was given. `status` is the platform's word at last, where it could be asked. */
  | { kind: 'timed_out'; status: string | undefined; rescheduled: boolean; begun: boolean }
  /** The person ended the wait, or the platform does not let us look any more. */
  | { kind: 'unwatched'; error: AppError };

/** Everything that is known of a turn. */
export interface TurnResult {
  sessionId: string;
  /** The id of our message, where there is one and it is known. */
  messageId: string | undefined;
  answer: string;
  end: TurnEnd;
  /** What went wrong, one of a kind, the last one last. */
  errors: readonly SessionError[];
  denied: readonly ToolCall[];
  /** The calls that wait for a yes or no. */
  asks: readonly ToolCall[];
  /** How many calls the platform let through. */
  allowed: number;
  usage: Usage | undefined;
  /** How often the message is in the session, as far as was seen: more than once where something between repeats requests. */
  copies: number;
  /** Whether something that may have happened could not be learned. */
  unknown: boolean;
  /** Whether somebody interrupted it; the platform calls the end of such a turn like that of a finished one. */
  interrupted: boolean;
  /** What it was given, where it was interrupted for having used that up. */
  usedUp: TurnLimit | undefined;
}

/** How long the last look may take after the time is up. */
const lastLookMs = 10_000;

/** Runs a turn. Throws only where nothing can have been sent: a `PlatformError`, or `interrupted`. */
export async function runTurn(request: TurnRequest): Promise<TurnResult> {
  const { platform, sessionId, message, told } = request;
  const [expiry, done] = [new AbortController(), new AbortController()];
  void clock.pause(request.timeoutMs, done.signal).then(() => expiry.abort());
  const signal = AbortSignal.any([request.signal, expiry.signal]);
  const common = { platform, sessionId, signal };
  const { limit } = request;
  const guard = limit && new TurnGuard(limit, { platform, sessionId, warn: told.warn });
  const watched = guard === undefined ? told : { ...told, spent: (tokens: number) => guard.spent(tokens) };
  const readGuarded = async (state: TurnState, opened?: EventStream, messageId?: string) => {
    guard?.begin();
    const result = await readToEnd(request, { ...common, state }, opened, messageId);
    return guard?.reached === true && result.interrupted ? { ...result, usedUp: limit } : result;
  };
  let stream: EventStream | undefined;
  try {
    if (message === undefined) {
      return await readGuarded(new TurnState(watched, undefined, request.throughAsks));
    }
    const earlier = request.fresh === true ? noMessages : await readEarlierMessages(common);
    stream = await openStream(common);
    const delivery = await deliverOrSay({ ...common, message, earlier });
    if (delivery.kind !== 'sent') return resultOf(request, new TurnState(told, undefined), undefined, delivery);
    const state = new TurnState(watched, { messageId: delivery.messageId, text: message, earlier: earlier.ids });
    state.lastAt = earlier.lastAt;
    return await readGuarded(state, stream, delivery.messageId);
  } finally {
    stream?.close();
    done.abort();
    await guard?.end();
  }
}

type Sending = Parameters<typeof deliver>[0] & { earlier: EarlierMessages };

/** An interruption after the message has left leaves the same doubt as a lost answer. */
async function deliverOrSay(sending: Sending) {
  try {
    return await deliver(sending);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'interrupted') throw error;
    return { kind: 'unsure' as const, error };
  }
}

type Reading = Parameters<typeof look>[0];

async function readToEnd(
  request: TurnRequest,
  reading: Reading,
  stream: EventStream | undefined,
  messageId?: string,
): Promise<TurnResult> {
  const { state } = reading;
  const end = await endOf(request, reading, stream).catch((error: unknown): TurnEnd => {
    if (error instanceof AppError) return { kind: 'unwatched', error };
    throw error;
  });
  if (state.copies > 1) {
    request.told.warn(
      `the message is in the session ${state.copies} times: something between here and the platform repeats requests, and what it asks for may be done as often`,
    );
  }
  return resultOf(request, state, messageId, end);
}

async function endOf(request: TurnRequest, reading: Reading, stream: EventStream | undefined): Promise<TurnEnd> {
  const { state } = reading;
  const { signal } = request;
  if (request.message === undefined) {
    const whole = await look(reading);
    if (whole && state.lastAt === undefined && (await readStatus(reading)) === 'idle') return { kind: 'never_started' };
  }
  const followed = state.end === undefined ? await follow(reading, stream) : 'over';
  if (followed === 'dropped') return { kind: 'dropped' };
  if (state.end === undefined && signal.aborted) {
    const error = new AppError('interrupted', 'interrupted');
    return { kind: 'unwatched', error };
  }
  // The time is up, or the session is over: what is true now is asked once more.
  const last = { ...reading, signal: AbortSignal.any([signal, clock.deadline(lastLookMs)]) };
  if (state.end === undefined) await look(last);
  if (state.end?.kind === 'idle' || state.end?.kind === 'deleted') return state.end;
  const status = await readStatus(last);
  if (status === 'archived' || status === 'deleted') return { kind: status };
  if (state.waits !== undefined) return { kind: 'idle', reason: state.waits };
  return state.end ?? { kind: 'timed_out', status, rescheduled: state.rescheduled, begun: state.begun };
}

function resultOf(
  { sessionId }: TurnRequest,
  state: TurnState,
  messageId: string | undefined,
  end: TurnEnd,
): TurnResult {
  const { answer, denied, asks, allowed, usage, copies, interrupted } = state;
  return {
    sessionId,
    messageId,
    answer,
    end,
    errors: [...state.errors.values()],
    denied,
    asks,
    allowed,
    usage,
    copies,
    unknown: end.kind === 'unsure' || end.kind === 'unwatched',
    interrupted,
    usedUp: undefined,
  };
}

/**
 * Sends one message, once. The platform knows no idempotency key, so a message whose answer was lost is never sent again:
 * it is looked for in the history, where messages stand with the ids that the answer would have had.
 */

import { clock } from '../clock/clock.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { readEvent } from './event.ts';
import { readStatus } from './follow.ts';
import { readLatest } from './history.ts';

/** What is sent where. */
export interface Delivering {
  platform: Platform;
  sessionId: string;
  message: string;
  /** What was in the session before. */
  earlier: EarlierMessages;
  signal: AbortSignal;
}

/** The messages of a session before ours. */
export interface EarlierMessages {
  ids: ReadonlySet<string>;
  /** When the last of them was processed. */
  lastAt: string | undefined;
}

/** What a session holds that was created just now, and that nobody else knows. */
export const noMessages: EarlierMessages = { ids: new Set(), lastAt: undefined };

/** What became of the message. */
export type Delivery =
  | { kind: 'sent'; messageId: string }
  /** The answer was lost, and nothing shows the message: the session stands idle, and its history has been read since. */
  | { kind: 'unseen'; error: PlatformError }
  /** The answer was lost, and the platform could not be asked, or the session runs and does not show what with. */
  | { kind: 'unsure'; error: PlatformError };

/** The latest messages that are looked at: ours is the last one, or close to it. */
const latest = 100;
/** The pauses before each look: lists lag. */
const looksMs = [250, 500, 1000, 2000, 4000];
/** The pauses before a request that never left this machine is made again. */
const retriesMs = [500, 1000, 2000, 4000];

/** Throws a `PlatformError` where the message was certainly not sent. */
export async function deliver(delivering: Delivering): Promise<Delivery> {
  const { platform, sessionId, message, signal } = delivering;
  const retries = [...retriesMs];
  for (;;) {
    try {
      const answer = await platform.sessions.message(sessionId, message);
      const messageId = idOf(answer);
      if (messageId !== undefined) return { kind: 'sent', messageId };
      const error = new PlatformError('platform_outcome_unknown', 'the platform did not say which message it took', {
        cause: undefined,
      });
      return await lookFor(delivering, error);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      if (error.outcome === 'unknown') return await lookFor(delivering, error);
      const pauseMs = error.code === 'platform_unreachable' ? retries.shift() : undefined;
      if (pauseMs === undefined || signal.aborted) throw error;
      await clock.pause(pauseMs, signal);
    }
  }
}

function idOf(answer: { data?: readonly unknown[] | null }): string | undefined {
  const event = readEvent(answer.data?.[0]);
  return typeof event === 'object' ? event.id : undefined;
}

async function lookFor(delivering: Delivering, error: PlatformError): Promise<Delivery> {
  const { signal, message, earlier } = delivering;
  let idle = false;
  for (const pauseMs of looksMs) {
    await clock.pause(pauseMs, signal);
    if (signal.aborted) break;
    try {
      const [found, status] = await Promise.all([readMessages(delivering), readStatus(delivering)]);
      const own = found.find(({ id, text }) => !earlier.ids.has(id) && text.trim() === message.trim());
      if (own !== undefined) return { kind: 'sent', messageId: own.id };
      idle = status === 'idle';
    } catch (failure) {
      if (!(failure instanceof PlatformError)) throw failure;
      idle = false;
    }
  }
  return { kind: idle ? 'unseen' : 'unsure', error };
}

/** The messages of a session, before one is sent to it. */
export async function readEarlierMessages(asked: Pick<Delivering, 'platform' | 'sessionId'>): Promise<EarlierMessages> {
  const found = await readMessages(asked);
  const times = found.flatMap(({ at }) => at ?? []).sort();
  return { ids: new Set(found.map(({ id }) => id)), lastAt: times.at(-1) };
}

async function readMessages({ platform, sessionId }: Pick<Delivering, 'platform' | 'sessionId'>) {
  const pages = platform.sessions.history(sessionId, { types: ['user.message'], order: 'desc', limit: latest });
  return (await readLatest(latest, pages)).filter((event) => event.kind === 'message');
}

/**
 * What a browser hears of the sessions and approvals that its tabs show: that something is another, and what an agent says
 * while it says it. One stream serves all tabs. Everything in it is asked for by use-cases, again and again, so that whoever
 * may not see something any more hears nothing of it.
 */
import { deferred } from '../../async/deferred.ts';
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Run } from '../run.ts';
import type { Asked, PageAnswer, PageRoute } from './page.ts';
import { fingerprint } from './sessions.ts';

/** Where it is. */
export const eventsPages: readonly PageRoute[] = [
  { method: 'stream', path: '/events', audience: ['user', 'approver'], answer: events },
];

/** So many sessions are looked at for one browser, so often at first, and so often where nothing has gone on for long. */
const mostSessions = 4;
const everyMs = 5_000;
const longestMs = 40_000;
/** A proxy ends a connection on which nothing is said, and a browser may not hear that its own has ended. */
const pingMs = 15_000;
/** So much is kept for a reader that takes nothing. */
const mostUnread = 1024 * 1024;

async function events(asked: Asked): Promise<PageAnswer> {
  const sessions = [...new Set(asked.query.getAll('session'))].slice(0, mostSessions);
  const approvals = asked.query.has('approvals');
  const text = new TextEncoder();
  const over = new AbortController();
  let stopPinging = () => {};
  const unread = new ByteLengthQueuingStrategy({ highWaterMark: 0 });
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const say = (words: string) => {
          if (over.signal.aborted) return;
          controller.enqueue(text.encode(words));
          if ((controller.desiredSize ?? 0) > -mostUnread) return;
          // Whoever is not read does not wait here for ever.
          over.abort();
          stopPinging();
          controller.error(new Error('nobody reads'));
        };
        const tell = (value: unknown) => say(`data: ${JSON.stringify(value)}\n\n`);
        // A proxy that holds small answers back lets this one through, and the browser knows that it is heard.
        say(`retry: 2000\n: ${'.'.repeat(2048)}\n\n`);
        tell({ here: true });
        const ping = () => {
          tell({ here: true });
          stopPinging = clock.after(pingMs, ping);
        };
        stopPinging = clock.after(pingMs, ping);
        const watches = sessions.map((id) => watchSession(asked, id, over.signal, tell));
        if (approvals && asked.may('listApprovals')) watches.push(watchApprovals(asked, over.signal, tell));
        if (watches.length > 0) watches.push(watchSignIn(asked, over.signal));
        void Promise.all(watches)
          // Whatever it was: the page asks anew, and hears why from what answers it then.
          .catch(() => {})
          .then(() => {
            if (over.signal.aborted) return;
            over.abort();
            stopPinging();
            controller.close();
          });
      },
      cancel() {
        over.abort();
        stopPinging();
      },
    },
    unread,
  );
  const headers = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' };
  return { raw: new Response(body, { headers }), over: over.signal };
}

type Tell = (value: unknown) => void;

/** Ends a stream soon after its browser was signed out, or its sign-in is over: what goes on by itself asks nobody who they are. */
async function watchSignIn({ requireStill }: Asked, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.pause(everyMs, signal);
    await requireStill();
  }
}

async function watchSession(asked: Asked, session: string, signal: AbortSignal, tell: Tell): Promise<void> {
  let [before, pauseMs] = ['', everyMs];
  while (!signal.aborted) {
    const { result } = await asked.perform('showSession', { session }, { isLook: true });
    const as = fingerprint(result);
    tell({ session, as });
    if (result.ended_at !== null) return await aborted(signal);
    // Where nothing goes on it is looked at more and more seldom.
    pauseMs = as === before ? Math.min(2 * pauseMs, longestMs) : everyMs;
    before = as;
    if (result.state === 'running' || result.state === 'rescheduling') await follow(asked, session, signal, tell);
    else await clock.pause(pauseMs, signal);
  }
}

/** What is said until the turn ends or waits for an answer. */
async function follow(asked: Asked, session: string, signal: AbortSignal, tell: Tell): Promise<void> {
  const { run } = await asked.begin('attachSession', { session, wait: false });
  const stop = interruptedBy(signal, run);
  try {
    for await (const line of run.lines) if (line.kind === 'stream') tell({ session, text: line.text });
    const failure = await run.over;
    // A turn that fails is seen where the session is; what is in the way of following it would be again.
    if (failure !== undefined && !signal.aborted) await clock.pause(everyMs, signal);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Has a run end with the stream, which may have ended while the run was begun. */
function interruptedBy(signal: AbortSignal, run: Run): () => void {
  const stop = () => run.interrupt();
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return stop;
}

async function watchApprovals(asked: Asked, signal: AbortSignal, tell: Tell): Promise<void> {
  const { run } = await asked.begin('listApprovals', { watch: true });
  interruptedBy(signal, run);
  for await (const line of run.lines) {
    // What waits already is told first: the page knows what it shows.
    if (line.kind === 'event' && typeof line.event['call'] === 'string') tell({ waits: line.event['call'] });
  }
  const failure = await run.over;
  if (failure !== undefined && !signal.aborted) throw new AppError(failure.code, failure.message);
}

async function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = deferred();
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (!signal.aborted) await promise;
}

/**
 * The wait for the one answer of a sign-in. It comes to the listener or is pasted at the terminal, whichever is first,
 * and both pass the same judge. Everything without the right state is turned away and changes nothing.
 */
import { AppError } from '../errors/app-error.ts';
import { type LoopbackListener, longestUrl } from '../outside/loopback.ts';
import { quote } from '../text/quote.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { Entry } from './browser-visit.ts';
import { type CallbackParameters, type Judgement, judgeCallback, judgePasted } from './callback.ts';
import { OAuthRefusal } from './refusal.ts';

/** What is waited for. */
export interface AnswerRequest {
  server: AuthorizationServer;
  listener: LoopbackListener;
  path: string;
  signal: AbortSignal;
  timeoutMs: number;
  warn(text: string): void;
}

/** A wait that has begun: `answer` settles once, and the rest is for whoever asks at the terminal meanwhile. */
export interface AnswerWait extends Entry {
  answer: Promise<CallbackParameters>;
}

/** How many answers with a wrong state, and wrong addresses, are borne before something is clearly trying to interfere. */
const mostForeignAnswers = 10;

/** Begins to wait. The answer fails with `access_denied`, `callback_refused`, `timed_out` or `interrupted`. */
export function awaitAnswer(request: AnswerRequest, state: string): AnswerWait {
  const { server, listener, signal, timeoutMs } = request;
  const expected = {
    authority: listener.authority,
    path: request.path,
    state,
    issuer: server.issuer,
    issuerInResponse: server.authorization_response_iss_parameter_supported === true,
  };
  let over = false;
  let foreign = 0;
  let resolve: (parameters: CallbackParameters) => void = () => {};
  let reject: (error: AppError) => void = () => {};
  const answer = new Promise<CallbackParameters>((...settle) => {
    [resolve, reject] = settle;
  });

  const end = () => {
    over = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', interrupt);
  };
  const fail = (error: AppError) => {
    end();
    reject(error);
  };
  const interrupt = () => fail(new AppError('interrupted', 'interrupted while waiting for the browser'));
  const timer = setTimeout(() => fail(timedOut(timeoutMs)), timeoutMs);
  // The open listener keeps the process alive, and only it: when it is closed early, nothing waits for the time.
  timer.unref();
  if (signal.aborted) interrupt();
  else signal.addEventListener('abort', interrupt, { once: true });

  const countForeign = () => {
    foreign += 1;
    if (foreign >= mostForeignAnswers) fail(interference(foreign));
  };
  /** Ends the wait where the judgement does. */
  const settled = (judgement: Judgement): boolean => {
    switch (judgement.kind) {
      case 'ignored':
      case 'foreign':
        return false;
      case 'refused':
        fail(refused(judgement.reason));
        return true;
      case 'denied':
        fail(deniedError(judgement.error, judgement.description, server.issuer));
        return true;
      case 'answer':
        end();
        resolve(judgement.parameters);
        return true;
    }
  };

  listener.serve((received) => {
    // A pasted answer was first.
    if (over) return { kind: 'status', status: 410 };
    const judgement = judgeCallback(
      { method: received.method, target: received.url ?? '', headers: received.headers },
      expected,
    );
    if (settled(judgement)) return { kind: 'captured' };
    if (judgement.kind === 'ignored') return { kind: 'status', status: judgement.status };
    if (foreign === 0) request.warn('turned away an answer that does not belong to this sign-in; still waiting');
    countForeign();
    return { kind: 'status', status: 400 };
  });

  return {
    answer,
    interrupt,
    enter(text) {
      if (over) return undefined;
      if (text.trim() === '') return 'nothing was pasted';
      const judgement: Judgement =
        text.length > longestUrl ? { kind: 'ignored', status: 404 } : judgePasted(text, expected);
      if (settled(judgement)) return undefined;
      countForeign();
      if (judgement.kind === 'foreign')
        return 'that address belongs to another sign-in, or a part of it is missing: copy all of it';
      if (judgement.kind === 'ignored' && judgement.status === 400) return 'that address says something twice';
      return `that is not where this sign-in ends: the address begins with ${listener.redirectUri}?`;
    },
  };
}

function timedOut(timeoutMs: number): AppError {
  return new AppError('timed_out', `nobody came back from the browser within ${Math.round(timeoutMs / 1000)} s`, {
    hint: 'run the same command again, with --timeout <seconds> for more time',
  });
}

function interference(count: number): AppError {
  return new AppError('callback_refused', `${count} answers that do not belong to this sign-in arrived`, {
    hint: 'something on this machine or in the browser interferes: close other tabs and try again',
  });
}

function refused(reason: string): AppError {
  return new AppError('callback_refused', `the answer from the browser is not to be trusted: ${reason}`, {
    hint: 'nothing was sent; try again, and report it to whoever runs the service if it stays',
  });
}

function deniedError(error: string, description: string | undefined, issuer: string): AppError {
  const said = description === undefined ? quote(error) : `${quote(error)}: ${quote(description)}`;
  if (error === 'access_denied') {
    return new AppError('access_denied', `access was denied at ${quote(issuer)}: ${said}`, {
      hint: 'run the command again and allow it, or ask the administrator of the service',
    });
  }
  return new OAuthRefusal('callback_refused', `${quote(issuer)} refused: ${said}`, error);
}

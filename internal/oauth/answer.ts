/**
 * The wait for the one answer of a sign-in. It comes to the listener, from the browser that began there, or is pasted at the
 * terminal, whichever is first, and both pass the same judge. Everything without the right state is turned away and changes
 * nothing; whoever knows the start or the state and is not that browser ends the sign-in, and is told so.
 */

import { deferred } from '../async/deferred.ts';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { Outcome } from '../markup/callback-page.ts';
import { type LoopbackListener, longestUrl, type TooLong } from '../outside/loopback.ts';
import { quote } from '../text/quote.ts';
import { adviceFor } from './advice.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { Entry } from './browser-visit.ts';
import { type CallbackParameters, type Judgement, judgeCallback, judgePasted } from './callback.ts';
import type { ReceivedRequest } from './navigation.ts';
import { meaningOf } from './odd-visit.ts';
import { OAuthRefusal } from './refusal.ts';
import {
  contestedError,
  cookieHeaders,
  type Intruder,
  judgeStart,
  newPath,
  newStart,
  spentCookieHeaders,
} from './start.ts';

/** What is waited for. */
export interface AnswerRequest {
  server: Pick<
    AuthorizationServer,
    'issuer' | 'authorization_endpoint' | 'authorization_response_iss_parameter_supported'
  >;
  listener: LoopbackListener;
  path: string;
  signal: AbortSignal;
  timeoutMs: number;
  warn(text: string): void;
}

/** A wait that has begun: `answer` settles once, and the rest is for whoever shows the start and asks at the terminal. */
export interface AnswerWait extends Entry {
  answer: Promise<CallbackParameters>;
  /** Where the browser begins: it is sent on from there, once. Each call gives another address. */
  start(): URL;
  /** How the start was shown, once that is known; until then it is taken for public where that can be borne. */
  shown(how: { isPublic: boolean; canPaste: boolean }): void;
}

/** Begins to wait. The answer fails with `access_denied`, `callback_refused`, `sign_in_contested`, `timed_out` or `interrupted`. */
export function awaitAnswer(request: AnswerRequest, state: string, authorization: URL): AnswerWait {
  const { server, listener, signal, timeoutMs } = request;
  const start = newStart(listener.namesPeers);
  const expected = {
    authority: listener.authority,
    path: request.path,
    state,
    issuer: server.issuer,
    issuerInResponse: server.authorization_response_iss_parameter_supported === true,
    start,
  };
  let over = false;
  const begun = new Set<string>();
  let handedOut = false;
  let contested = false;
  let canPaste = false;
  const warned = new Set<string>();
  const warnOnce = (text: string) => {
    if (!warned.has(text)) request.warn(text);
    warned.add(text);
  };
  const { promise: answer, resolve, reject } = deferred<CallbackParameters>();

  const end = () => {
    over = true;
    stopWaiting();
    signal.removeEventListener('abort', interrupt);
  };
  const fail = (error: AppError) => {
    end();
    reject(error);
  };
  const interrupt = () => fail(new AppError('interrupted', 'interrupted while waiting for the browser'));
  // The open listener keeps the process alive, and only it: when it is closed early, nothing waits for the time.
  const stopWaiting = clock.after(timeoutMs, () =>
    fail(timedOut(timeoutMs, listener.dropped(), begun.size > 0 ? authorization : undefined)),
  );
  if (signal.aborted) interrupt();
  else signal.addEventListener('abort', interrupt, { once: true });

  /** Ends the wait where the judgement does. */
  const settled = (judgement: Judgement): boolean => {
    switch (judgement.kind) {
      case 'ignored':
      case 'foreign':
      case 'once more':
      case 'intruder':
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
  const contest = (who: Intruder) => {
    contested = true;
    fail(contestedError('the sign-in', who));
    return { kind: 'told', outcome: contestedPage } as const;
  };

  const judgeVisit: Parameters<LoopbackListener['serve']>[0] = (received, peer) => {
    const seen: ReceivedRequest = {
      method: received.method,
      target: received.url ?? '',
      headers: received.headers,
      peer,
    };
    const visit = judgeStart(seen, listener.authority, start, begun);
    // Whoever comes second learns that it is over, and why.
    if (contested && (visit.kind !== 'elsewhere' || judgeCallback(seen, expected).kind !== 'ignored')) {
      return { kind: 'told', outcome: contestedPage };
    }
    // A pasted answer was first.
    if (over) return { kind: 'status', status: 410 };
    switch (visit.kind) {
      case 'ignored':
        if (visit.status === 421)
          warnOnce(`a browser came through another port: a tunnel needs ${portOf(listener)} at both ends`);
        return { kind: 'status', status: visit.status };
      case 'intruder':
        return contest(visit.who);
      case 'begins':
        begun.add(visit.path);
        return {
          kind: 'sent on',
          to: authorization,
          cookies: cookieHeaders(start, request.path, Math.ceil(timeoutMs / 1000)),
        };
      case 'elsewhere':
    }
    const judgement = judgeCallback(seen, expected);
    if (settled(judgement)) return { kind: 'captured', cookies: spentCookieHeaders(start, request.path) };
    if (judgement.kind === 'once more')
      return { kind: 'sent on', to: new URL(judgement.target, listener.redirectUri), cookies: [] };
    const meaning = meaningOf(seen, { ...expected, issuer: server.authorization_endpoint });
    if (judgement.kind === 'ignored') {
      if (meaning !== undefined) warnOnce(meaning);
      return { kind: 'status', status: judgement.status };
    }
    if (judgement.kind === 'intruder') {
      if (!canPaste || judgement.who.kind !== 'another browser') return contest(judgement.who);
      // The terminal showed the authorization address itself, for a browser elsewhere; what it brings counts if it is pasted.
      warnOnce('a browser came back that did not begin here: if it is yours, paste the address that it ended at');
      return { kind: 'told', outcome: pastePage };
    }
    warnOnce(meaning ?? 'turned away an answer that does not belong to this sign-in; still waiting');
    return { kind: 'status', status: 400 };
  };
  const tooLong = (what: TooLong) => {
    if (!over) warnOnce(oversized[what]);
  };
  listener.serve(judgeVisit, tooLong);

  return {
    answer,
    start() {
      if (handedOut) start.paths.push(newPath());
      handedOut = true;
      return new URL(start.paths.at(-1) ?? '', listener.redirectUri);
    },
    interrupt,
    shown(how) {
      start.isPublic = how.isPublic;
      ({ canPaste } = how);
    },
    enter(text) {
      if (over) return undefined;
      if (text.trim() === '') return 'nothing was pasted';
      const judgement: Judgement =
        text.length > longestUrl ? { kind: 'ignored', status: 404 } : judgePasted(text, expected);
      if (settled(judgement)) return undefined;
      if (judgement.kind === 'foreign')
        return 'that address belongs to another sign-in, or a part of it is missing: copy all of it';
      if (judgement.kind === 'ignored' && judgement.status === 400) return 'that address says something twice';
      return `that is not where this sign-in ends: the address begins with ${listener.redirectUri}?`;
    },
  };
}

function portOf({ redirectUri }: LoopbackListener): string {
  return new URL(redirectUri).port;
}

const tooLongIs = `longer than ${longestUrl / 1024} KiB, which no answer of a sign-in is`;
const oversized: Readonly<Record<TooLong, string>> = {
  address: `a browser came back with an address ${tooLongIs}: it was not read; if the service sent it, tell whoever runs it`,
  headers:
    'a browser came back with more than 16 KiB of cookies or address: it was not read; clear the cookies of 127.0.0.1 and localhost there (other programs set them), or use another profile or --paste',
};

/** What everybody reads who comes to a sign-in that somebody else took part in. */
const contestedPage: Outcome = {
  ok: false,
  title: 'This sign-in was ended',
  next: 'Its address was opened in more than one place, so nobody was signed in. If you opened it once only, somebody else tried to take your place: the terminal says more. Run the command again there.',
};

const pastePage: Outcome = {
  ok: false,
  title: 'This browser did not begin here',
  next: 'Its answer was not taken. If you began this sign-in yourself, copy the whole address of this page and paste it at the terminal.',
};

function timedOut(timeoutMs: number, dropped: number, begun: URL | undefined): AppError {
  const nobody = `nobody came back from the browser within ${Math.round(timeoutMs / 1000)} s`;
  if (dropped > 0) {
    return new AppError(
      'timed_out',
      `${nobody}, and ${dropped} connections had to be turned away: other programs of this machine held every place`,
      { hint: 'end the program that connects to everything here and run it again, or use --paste' },
    );
  }
  if (begun !== undefined) {
    // What some of them answer with a page of their own, from which nobody comes back.
    const { searchParams } = begun;
    // Single sign-on, which has a nonce, has no service's file.
    const causes = searchParams.has('nonce')
      ? []
      : [
          ...(searchParams.get('prompt')?.split(' ').includes('consent') === true
            ? ['of an approval (AADSTS90095): authorize_parameters: { prompt: select_account }']
            : []),
          ...(searchParams.has('resource') ? ['of the resource (AADSTS9010010): resource_parameter: false'] : []),
        ];
    const inFile =
      causes.length === 0 ? '' : `; where it speaks ${causes.join(', or ')}, under authorization in the service's file`;
    return new AppError('timed_out', nobody, {
      hint: `did the page in the browser show an error? then that says why${inFile}; else run the same command again, with --timeout <seconds> for more time`,
    });
  }
  return new AppError('timed_out', `${nobody}: the address was never opened`, {
    hint: 'run the same command again and open the printed address yourself, with --timeout <seconds> for more time',
  });
}

/** An answer that is of the attempt and cannot be believed. */
export function refused(reason: string): AppError {
  return new AppError('callback_refused', `the answer from the browser is not to be trusted: ${reason}`, {
    hint: 'nothing was sent; try again, and report it to whoever runs the service if it stays',
  });
}

/** What an authorization server answers in place of a code. */
export function deniedError(error: string, description: string | undefined, issuer: string): AppError {
  const said = description === undefined ? quote(error) : `${quote(error)}: ${quote(description)}`;
  if (error === 'access_denied') {
    return new AppError('access_denied', `access was denied at ${quote(issuer)}: ${said}`, {
      hint: 'run the command again and allow it, or ask the administrator of the service',
    });
  }
  const hint = adviceFor(error, description);
  return new OAuthRefusal(
    'callback_refused',
    `${quote(issuer)} refused: ${said}`,
    error,
    hint === undefined ? {} : { hint },
  );
}

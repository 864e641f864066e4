/**
 * What ties a sign-in to the browser that began it: an address on this machine that works once, and a cookie that it
 * hands out, which the answer has to bring. What a program is started with can be read by every account of the machine
 * (`ps`), so neither state nor authorization address is ever an argument; where the address of the start is one, the kernel
 * has to say that a visitor is of our own account. Pure.
 */
import { randomBytes } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import type { Peer } from '../outside/peer.ts';
import { isSame } from '../secret/same.ts';
import { navigationTo, type ReceivedRequest } from './navigation.ts';

/** Where one attempt begins. */
export interface Start {
  /** Each `/start/<128 random bits>`, and each works once. */
  paths: string[];
  /** Of this attempt alone: cookies of a host go to all its ports, and two runs must not take each other's away. */
  cookieName: string;
  cookie: string;
  /** Whether other accounts may have read the address: it is an argument of a program. */
  isPublic: boolean;
}

/** Who is there in place of the browser that began. */
export type Intruder =
  | { kind: 'another browser' }
  | { kind: 'a second visit' }
  | { kind: 'another account'; uid: number }
  /** Neither ours nor, as far as the kernel says, anybody's in particular: such as a relay of root's. */
  | { kind: 'a relay' };

/** What a visit of the start is. */
export type StartJudgement =
  | { kind: 'elsewhere' }
  | { kind: 'ignored'; status: number }
  | { kind: 'intruder'; who: Intruder }
  /** The first visit of this address, or the same browser once more. */
  | { kind: 'begins'; path: string };

/** A start that nobody knows yet. */
export function newStart(isPublic: boolean): Start {
  return {
    paths: [newPath()],
    cookieName: `sign-in-${randomBytes(6).toString('base64url')}`,
    cookie: randomBytes(32).toString('base64url'),
    isPublic,
  };
}

/** One more address of a start. */
export function newPath(): string {
  return `${pathOfAll}/${randomBytes(16).toString('base64url')}`;
}

const pathOfAll = '/start';

/** Judges a request as a visit of the start; `begun` are the addresses that were visited. */
export function judgeStart(
  request: ReceivedRequest,
  authority: string,
  start: Start,
  begun: ReadonlySet<string>,
): StartJudgement {
  const { path, status } = navigationTo(request, authority);
  if (!start.paths.some((each) => isSame(path, each))) return { kind: 'elsewhere' };
  if (status !== undefined) return { kind: 'ignored', status };
  const stranger = strangerAmong(request.peer, start);
  if (stranger !== undefined) return { kind: 'intruder', who: stranger };
  const again = begun.has(path) && !cookieIn(request.headers['cookie'], start);
  return again ? { kind: 'intruder', who: { kind: 'a second visit' } } : { kind: 'begins', path };
}

/**
 * Whether a visitor cannot be the person, whatever they know. Where the address was shown to the person alone, root and
 * what nobody owns may bring it: they relay what comes from elsewhere (`ssh -L` of a container, WSL).
 */
export function strangerAmong(peer: Peer, { isPublic }: Pick<Start, 'isPublic'>): Intruder | undefined {
  if (peer.kind === 'own') return undefined;
  if (peer.kind === 'other') return { kind: 'another account', uid: peer.uid };
  return isPublic ? { kind: 'a relay' } : undefined;
}

/** Whether a request brings the cookie, and nothing else that claims to be it. */
export function cookieIn(header: string | string[] | undefined, { cookieName, cookie }: Start): boolean {
  const values = String(header ?? '')
    .split(/;\s*/)
    .filter((pair) => pair.startsWith(`${cookieName}=`))
    .map((pair) => pair.slice(cookieName.length + 1));
  return values.length === 1 && isSame(values[0] ?? '', cookie);
}

/**
 * The headers that give the cookie to a browser: sent back to starts and to the path of the answer alone, and not for
 * longer than the attempt may last.
 */
export function cookieHeaders({ cookieName, cookie }: Start, answerPath: string, seconds: number): string[] {
  return [pathOfAll, answerPath].map(
    (each) => `${cookieName}=${cookie}; Path=${each}; Max-Age=${seconds}; HttpOnly; SameSite=Lax`,
  );
}

/** The headers that take the cookie back. */
export function spentCookieHeaders(start: Start, answerPath: string): string[] {
  return cookieHeaders({ ...start, cookie: '' }, answerPath, 0);
}

/** Why something of one browser was ended, and what to do. */
export function contestedError(ended: 'the sign-in' | 'the page', who: Intruder): AppError {
  const [what, hint] = contestedWords(who);
  return new AppError('sign_in_contested', `${ended} was ended: ${what}`, { hint });
}

function contestedWords(who: Intruder): [what: string, hint: string] {
  switch (who.kind) {
    case 'another account':
      return [
        `another account of this machine, uid ${who.uid}, tried to take part in it`,
        `run it again, and ask whoever looks after this machine what uid ${who.uid} does there; where it is your own browser, use --paste`,
      ];
    case 'a relay':
      return [
        'a program that is not of your account opened its address, and for whom cannot be told',
        'run it again with --no-browser, and open the printed address yourself',
      ];
    case 'a second visit':
      return [
        'its address was opened a second time, in another browser or profile',
        'if it was you: run it again with --no-browser, and open the printed address once, in the browser that you want',
      ];
    case 'another browser':
      return [
        'an answer came from a browser, or a profile of one, that it did not begin in',
        'if it was you: run it again and stay in one browser, or use --paste',
      ];
  }
}

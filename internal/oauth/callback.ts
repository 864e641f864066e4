/**
 * Judges one request to the loopback listener. Pure; the listener does what the judgement says.
 *
 * The order is the rule: host, method, fetch metadata, path, duplicates, state, who brings it, issuer, and only then
 * `error` or `code`. Whatever fails before the state is proven right has no effect on the attempt: any page in any tab can
 * send such requests, and a sign-in that they could end or answer would be theirs (RFC 9700 section 4.7, RFC 9207).
 */
import { isSame } from '../secret/same.ts';
import { navigationTo, type ReceivedRequest, splitTarget } from './navigation.ts';
import { cookieIn, type Intruder, type Start, strangerAmong } from './start.ts';

/** What one attempt expects. */
export interface CallbackExpectation {
  /** `host:port` of the redirect URI. */
  authority: string;
  path: string;
  state: string;
  issuer: string;
  /** `authorization_response_iss_parameter_supported` of the metadata. */
  issuerInResponse: boolean;
  /** Where the attempt begins, and the cookie that the browser got there. */
  start: Start;
}

declare const judged: unique symbol;

/** Parameters that passed every check; the only thing a code can be taken from. */
export type CallbackParameters = URLSearchParams & { readonly [judged]: true };

/**
 * `ignored` and `foreign`, a wrong state, have no effect; `intruder` knows the state and is not the browser that began;
 * `once more`, without the cookie, may become that browser at the named target; `answer`, `denied` and `refused` end the
 * attempt.
 */
export type Judgement =
  | { kind: 'ignored'; status: number }
  | { kind: 'foreign' }
  | { kind: 'once more'; target: string }
  | { kind: 'intruder'; who: Intruder }
  | { kind: 'refused'; reason: string }
  | { kind: 'denied'; error: string; description: string | undefined }
  | { kind: 'answer'; parameters: CallbackParameters };

/** Judges a request against what the attempt expects. */
export function judgeCallback(request: ReceivedRequest, expected: CallbackExpectation): Judgement {
  const { path, query, status } = navigationTo(request, expected.authority);
  if (status !== undefined) return { kind: 'ignored', status };
  if (!isOfAnswer(path, expected)) return { kind: 'ignored', status: 404 };
  const judgement = judgeAnswer(query, expected, () => {
    const stranger = strangerAmong(request.peer, expected.start);
    if (stranger !== undefined) return stranger;
    const isOurs = cookieIn(request.headers['cookie'], expected.start);
    return isOurs ? undefined : { kind: 'another browser' };
  });
  const isUnsure = judgement.kind === 'intruder' && judgement.who.kind === 'another browser' && path === expected.path;
  return isUnsure ? { kind: 'once more', target: `${pathOnceMore(expected)}?${query}` } : judgement;
}

/**
 * Where a browser shows once more whether it has the cookie: lynx takes a query for a part of the path, so that it brings
 * none to the redirect URI itself (findings/lynx-cookie-path-and-query.sh), and brings it to what is below.
 */
function pathOnceMore({ path }: Pick<CallbackExpectation, 'path'>): string {
  return `${path.replace(/\/$/, '')}/again`;
}

function isOfAnswer(path: string, expected: Pick<CallbackExpectation, 'path'>): boolean {
  return path === expected.path || path === pathOnceMore(expected);
}

/**
 * Judges an address that was copied out of the browser as the request it would have sent. It has to be the whole
 * address: its authority stands for the host, and a bare code, which no state vouches for, is none. Who pastes it sits at
 * the terminal of the run: that is what binds it, in the place of a cookie.
 */
export function judgePasted(text: string, expected: CallbackExpectation): Judgement {
  // Split, not parsed: a parser would make other addresses into the right one.
  const [, authority, target = ''] = /^http:\/\/([^/?#\s]*)([^#\s]*)(?:#\S*)?$/.exec(text.trim()) ?? [];
  if (authority !== expected.authority) return { kind: 'ignored', status: 421 };
  const { path, query } = splitTarget(target);
  // Whoever was turned away there copies that address.
  if (!isOfAnswer(path, expected)) return { kind: 'ignored', status: 404 };
  return judgeAnswer(query, expected, () => undefined);
}

/** Judges what an answer says; who brings it is looked at once its state is right. */
export function judgeAnswer(
  query: string,
  expected: Pick<CallbackExpectation, 'state' | 'issuer' | 'issuerInResponse'>,
  intruder: () => Intruder | undefined = () => undefined,
): Judgement {
  const parameters = new URLSearchParams(query);
  const single = ['state', 'iss', 'error', 'error_description', 'code'].every(
    (name) => parameters.getAll(name).length <= 1,
  );
  if (!single) return { kind: 'ignored', status: 400 };
  const state = parameters.get('state');
  if (state === null || !isSame(state, expected.state)) return { kind: 'foreign' };
  const who = intruder();
  if (who !== undefined) return { kind: 'intruder', who };

  const issuer = parameters.get('iss');
  if (issuer === null && expected.issuerInResponse) {
    return { kind: 'refused', reason: 'the answer does not name its issuer although the server promises to' };
  }
  if (issuer !== null && issuer !== expected.issuer) {
    return {
      kind: 'refused',
      reason: 'the answer comes from another authorization server than the one that was asked',
    };
  }
  const error = parameters.get('error');
  if (error !== null) return { kind: 'denied', error, description: parameters.get('error_description') ?? undefined };
  if (!parameters.get('code')) return { kind: 'refused', reason: 'the answer carries neither a code nor an error' };
  return { kind: 'answer', parameters: parameters as CallbackParameters };
}

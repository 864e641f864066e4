/**
 * Judges one request to the loopback listener. Pure; the listener does what the judgement says.
 *
 * The order is the rule: host, method, path, fetch metadata, duplicates, state, issuer, and only then `error` or
 * `code`. Whatever fails before the state is proven right has no effect on the attempt: any page in any tab can send
 * such requests, and a sign-in that they could end or answer would be theirs (RFC 9700 section 4.7, RFC 9207).
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/** What the listener saw of a request. */
export interface CallbackRequest {
  method: string | undefined;
  /** The request target: path and query, as received. */
  target: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What one attempt expects. */
export interface CallbackExpectation {
  /** `host:port` of the redirect URI. */
  authority: string;
  path: string;
  state: string;
  issuer: string;
  /** `authorization_response_iss_parameter_supported` of the metadata. */
  issuerInResponse: boolean;
}

declare const judged: unique symbol;

/** Parameters that passed every check; the only thing a code can be taken from. */
export type CallbackParameters = URLSearchParams & { readonly [judged]: true };

/** `ignored` has no effect; `foreign` is a wrong state, counted; `answer` and `refused` end the attempt. */
export type Judgement =
  | { kind: 'ignored'; status: 400 | 404 | 405 | 403 | 421 }
  | { kind: 'foreign' }
  | { kind: 'refused'; reason: string }
  | { kind: 'denied'; error: string; description: string | undefined }
  | { kind: 'answer'; parameters: CallbackParameters };

/** Judges a request against what the attempt expects. */
export function judgeCallback(request: CallbackRequest, expected: CallbackExpectation): Judgement {
  if (request.headers['host'] !== expected.authority) return { kind: 'ignored', status: 421 };
  if (request.method !== 'GET') return { kind: 'ignored', status: 405 };
  const [path, ...queries] = request.target.split('?');
  if (path !== expected.path) return { kind: 'ignored', status: 404 };
  if (!isNavigation(request.headers)) return { kind: 'ignored', status: 403 };

  const parameters = new URLSearchParams(queries.join('?'));
  const single = ['state', 'iss', 'error', 'error_description', 'code'].every(
    (name) => parameters.getAll(name).length <= 1,
  );
  if (!single) return { kind: 'ignored', status: 400 };
  const state = parameters.get('state');
  if (state === null || !equalInConstantTime(state, expected.state)) return { kind: 'foreign' };

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

/**
 * Judges an address that was copied out of the browser as the request it would have sent. It has to be the whole
 * address: its authority stands for the host, and a bare code, which no state vouches for, is none.
 */
export function judgePasted(text: string, expected: CallbackExpectation): Judgement {
  // Split, not parsed: a parser would make other addresses into the right one.
  const [, authority, target = ''] = /^http:\/\/([^/?#\s]*)([^#\s]*)(?:#\S*)?$/.exec(text.trim()) ?? [];
  return judgeCallback({ method: 'GET', target, headers: { host: authority } }, expected);
}

/** A person following a redirect, as far as the browser says: no sub-resource, no script, no form of another page. */
function isNavigation(headers: CallbackRequest['headers']): boolean {
  const [destination, mode] = [headers['sec-fetch-dest'], headers['sec-fetch-mode']];
  if (destination !== undefined && destination !== 'document') return false;
  if (mode !== undefined && mode !== 'navigate') return false;
  return headers['origin'] === undefined;
}

function equalInConstantTime(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

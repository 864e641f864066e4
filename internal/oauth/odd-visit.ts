/**
 * Visits to the listener that are no answer and still tell what went wrong: each is told once, in words of our own, since
 * any page may send such requests. They change nothing. Pure.
 */
import { isUrl } from '../text/url.ts';
import { type ReceivedRequest, splitTarget } from './navigation.ts';

/** What a visit that was turned away usually means; undefined where it means nothing. */
export function meaningOf(
  { method, target, headers }: ReceivedRequest,
  place: { authority: string; path: string; issuer: string },
): string | undefined {
  if (headers['host'] !== place.authority) return undefined;
  const { path, query } = splitTarget(target);
  const parameters = new URLSearchParams(query);
  const isAnswer = parameters.has('state') && (parameters.has('code') || parameters.has('error'));
  if (path === place.path) {
    if (method === 'POST')
      return 'the answer was sent here as a form (POST), which is not taken: servers do so that answer their consent page with a 307, or use response_mode=form_post; tell whoever runs the service';
    // better-auth 1.6.34 sends a refusal of its MCP plugin so, and nothing tells it from one that any page sends.
    const error = parameters.get('error');
    if (method === 'GET' && error !== null && !parameters.has('state')) {
      const named = registeredErrors.has(error) ? ` ${error}` : '';
      return `an error${named} came without the state of this sign-in, so it may be anybody's and does not end it: if the service's page led here, Ctrl-C and ${error === 'invalid_scope' ? 'ask for other scopes (--scope, or scopes in its file)' : 'see what its page said'}`;
    }
    if (method === 'GET' && query === '')
      return 'a browser came back without an answer in its address: it may stand behind a # there (response_mode=fragment), or the page of the service led here without one';
    return undefined;
  }
  if (isAnswer)
    return `an answer came to another path than ${place.path}: the redirect URI that is registered at the service, or redirect in its file, has another path`;
  const referrer = String(headers['referer'] ?? '');
  const isTheirs = isUrl(referrer) && new URL(referrer).origin === new URL(place.issuer).origin;
  return isTheirs ? 'a page of the authorization server led here without an answer: does it show an error?' : undefined;
}

/** RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6, RFC 8707: only these are repeated, as words of ours. */
const registeredErrors = new Set([
  'access_denied',
  'consent_required',
  'interaction_required',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'login_required',
  'server_error',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_response_type',
]);

/** Brings the odd token answers of known services into the shape of RFC 6749 section 5, before the library judges them. */

/** How a service answers at its token endpoint, as its file says. */
export type TokenResponseShape = 'standard' | 'slack' | 'github';

interface TokenAnswer {
  status: number;
  body: Record<string, unknown>;
}

/**
 * The answer as RFC 6749 would have it. An `id_token` that was not asked for is dropped: the library would judge it
 * and refuse an otherwise good answer. With HTTP 200 an `error` still is one. `expires_in` may be digits in quotes; what
 * else is in quotes is made something that the library refuses, as it would read "7 days" as seven seconds. Everything
 * else stays as it was.
 */
export function normalizeTokenAnswer(answer: TokenAnswer, shape: TokenResponseShape, openid: boolean): TokenAnswer {
  const body = shape === 'slack' ? fromSlack(answer.body) : { ...answer.body };
  // GitHub's one oddity that is not tolerated of others, to whom a comma is part of a scope.
  if (shape === 'github') separateBySpaces(body);
  if (!openid) delete body['id_token'];
  const expiry = body['expires_in'];
  if (typeof expiry === 'string')
    body['expires_in'] = /^\d+$/.test(expiry) ? Number(expiry) : 'not a number of seconds';
  const failed = typeof body['error'] === 'string';
  return { status: failed && answer.status === 200 ? 400 : answer.status, body };
}

/** Slack nests the person's token in `authed_user`, calls its type `user`, separates scopes by commas and fails with `ok: false`. */
function fromSlack(body: Record<string, unknown>): Record<string, unknown> {
  if (body['ok'] === false) return { error: typeof body['error'] === 'string' ? body['error'] : 'invalid_request' };
  const nested = body['authed_user'];
  const user = typeof nested === 'object' && nested !== null ? (nested as Record<string, unknown>) : {};
  const token: Record<string, unknown> = typeof body['access_token'] === 'string' ? { ...body } : { ...user };
  if (typeof token['token_type'] === 'string' && token['token_type'].toLowerCase() === 'user')
    token['token_type'] = 'bearer';
  separateBySpaces(token);
  return token;
}

function separateBySpaces(token: Record<string, unknown>): void {
  if (typeof token['scope'] === 'string') token['scope'] = token['scope'].replaceAll(',', ' ');
}

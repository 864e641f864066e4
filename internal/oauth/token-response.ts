/** Brings the odd token answers of known services into the shape of RFC 6749 section 5, before the library judges them. */

import * as z from 'zod/mini';
import { isRecord } from '../text/record.ts';
import { parseObject } from './json.ts';

/** How a service answers at its token endpoint, as its file says. */
export type TokenResponseShape = 'standard' | 'slack' | 'github';

interface TokenAnswer {
  status: number;
  body: Record<string, unknown>;
}

/**
 * The answer as RFC 6749 would have it. An `id_token` that was not asked for is dropped: the library would judge it
 * and refuse an otherwise good answer. Any 2xx is a success, and with one an `error` still is one; an error with a 401 has
 * said what the challenge would, and one with a 5xx what it is. `expires_in` may be digits in quotes, and is 0 where there is no time in it; what else is
 * in quotes is made something that is refused, as the library would read "7 days" as seven seconds. A refresh token that is
 * empty is none. Everything else stays as it was.
 */
export function normalizeTokenAnswer(answer: TokenAnswer, shape: TokenResponseShape, openid: boolean): TokenAnswer {
  const body = shape === 'slack' ? fromSlack(answer.body) : { ...answer.body };
  // GitHub's one oddity that is not tolerated of others, to whom a comma is part of a scope.
  if (shape === 'github') separateBySpaces(body);
  if (!openid) delete body['id_token'];
  if (body['refresh_token'] === '') delete body['refresh_token'];
  const expiry = body['expires_in'];
  if (typeof expiry === 'string')
    body['expires_in'] = /^-?\d+$/.test(expiry) ? Number(expiry) : 'not a number of seconds';
  if (typeof body['expires_in'] === 'number' && body['expires_in'] < 0) body['expires_in'] = 0;
  const succeeded = isSuccess(answer.status);
  const failed = typeof body['error'] === 'string';
  // Of a 5xx the library would say nothing but that it is none of its own.
  if (failed && (succeeded || answer.status === 401 || answer.status >= 500)) return { status: 400, body };
  return { status: succeeded ? 200 : answer.status, body };
}

/** Whether a status is one of the 2xx. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

const text = z.string('is not a text');
const answerOf = (wanted: string, otherwise: string) =>
  z.object({
    access_token: z.string('is not a text').check(z.minLength(1, 'is empty')),
    token_type: z.string('is not a text').check(z.refine((type) => type.toLowerCase() === wanted, otherwise)),
    expires_in: z.optional(z.number('is not a number of seconds')),
    refresh_token: z.optional(text),
    scope: z.optional(text),
  });
const answers = {
  bearer: answerOf('bearer', 'is not Bearer, which is all that the platform sends'),
  n_a: answerOf('n_a', 'is not N_A, as that of an assertion is'),
};

/** What is wrong with a normalised success, in words that hold nothing of its values; undefined where nothing is. */
export function wrongInTokens(
  body: Readonly<Record<string, unknown>>,
  type: keyof typeof answers = 'bearer',
): string | undefined {
  const result = answers[type].safeParse(body);
  if (result.success) return undefined;
  const { path = [], message = '' } = result.error.issues[0] ?? {};
  const member = String(path[0]);
  return body[member] === undefined ? `lacks "${member}"` : `is wrong: "${member}" ${message}`;
}

/**
 * A token that is in an answer which cannot be used, wherever it is in it: the one that ends most when it is given back.
 * Undefined where there is none.
 */
export function tokenWithin(answer: string): string | undefined {
  const body = parseObject(answer) ?? Object.fromEntries(new URLSearchParams(answer));
  const levels = [body, ...Object.values(body).filter(isRecord)];
  for (const name of ['refresh_token', 'access_token']) {
    const found = levels.map((level) => level[name]).find((value) => typeof value === 'string' && value !== '');
    if (typeof found === 'string') return found;
  }
  return undefined;
}

/** Slack nests the person's token in `authed_user`, calls its type `user`, separates scopes by commas and fails with `ok: false`. */
function fromSlack(body: Record<string, unknown>): Record<string, unknown> {
  if (body['ok'] === false) return { error: typeof body['error'] === 'string' ? body['error'] : 'invalid_request' };
  const nested = body['authed_user'];
  const user = isRecord(nested) ? Object.fromEntries(Object.entries(nested).filter(([, value]) => value !== null)) : {};
  const token: Record<string, unknown> = typeof body['access_token'] === 'string' ? { ...body } : { ...user };
  if (typeof token['token_type'] === 'string' && token['token_type'].toLowerCase() === 'user')
    token['token_type'] = 'bearer';
  separateBySpaces(token);
  return token;
}

function separateBySpaces(token: Record<string, unknown>): void {
  if (typeof token['scope'] === 'string') token['scope'] = token['scope'].replaceAll(',', ' ');
}

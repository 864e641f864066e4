import { expect, test } from 'vitest';
import { normalizeTokenAnswer } from './token-response.ts';

test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
  [
    'nests the token of the person',
    { ok: true, authed_user: { access_token: 'u', token_type: 'user', scope: 'a,b' } },
    { access_token: 'u', token_type: 'bearer', scope: 'a b' },
  ],
  [
    'answers a refresh flat',
    { ok: true, access_token: 'u', token_type: 'USER', scope: 'a' },
    { ok: true, access_token: 'u', token_type: 'bearer', scope: 'a' },
  ],
  ['fails without a reason', { ok: false }, { error: 'invalid_request' }],
  ['answers nothing at all', { ok: true, authed_user: null }, {}],
])('Slack %s', (_case, body, expected) => {
  expect(normalizeTokenAnswer({ status: 200, body }, 'slack', false).body).toEqual(expected);
});

test('a standard answer stays as it was, but for an ID token that was not asked for', () => {
  const body = {
    access_token: 'a',
    token_type: 'user',
    scope: 'a,b',
    authed_user: { access_token: 'other' },
    id_token: 'x',
  };
  const { id_token: _, ...rest } = body;
  expect(normalizeTokenAnswer({ status: 200, body }, 'standard', false)).toEqual({ status: 200, body: rest });
  expect(normalizeTokenAnswer({ status: 200, body }, 'standard', true)).toEqual({ status: 200, body });
  expect(body.id_token).toBe('x');
});

test('an error with HTTP 200 is one', () => {
  const answer = { status: 200, body: { error: 'invalid_grant' } };
  expect(normalizeTokenAnswer(answer, 'standard', false).status).toBe(400);
  expect(normalizeTokenAnswer({ ...answer, status: 503 }, 'standard', false).status).toBe(503);
});

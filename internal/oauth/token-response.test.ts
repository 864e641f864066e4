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
  ['leaves members empty', { ok: true, authed_user: { access_token: 'u', scope: null } }, { access_token: 'u' }],
])('Slack %s [A5.5] [A5.7]', (_case, body, expected) => {
  expect(normalizeTokenAnswer({ status: 200, body }, 'slack', false).body).toEqual(expected);
});

test('GitHub separates scopes by commas, and by nothing else differs [A5.7]', () => {
  const body = { access_token: 'a', token_type: 'bearer', scope: 'repo,read:org', authed_user: { access_token: 'b' } };
  const { body: read } = normalizeTokenAnswer({ status: 200, body }, 'github', false);
  expect(read).toEqual({ ...body, scope: 'repo read:org' });
  expect(normalizeTokenAnswer({ status: 200, body: { ...body, scope: '' } }, 'github', false).body['scope']).toBe('');
});

test('a standard answer stays as it was, but for an ID token that was not asked for [A5.5] [A5.7] [A5.10]', () => {
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

test('an error is one with HTTP 200, and with a 5xx it is the error that it says [A5.8]', () => {
  const said = (status: number, body: Record<string, unknown> = { error: 'temporarily_unavailable' }) =>
    normalizeTokenAnswer({ status, body }, 'standard', false).status;
  expect([200, 503, 429, 302].map((status) => said(status))).toEqual([400, 400, 429, 302]);
  expect(said(503, { message: 'no such route' })).toBe(503);
});

test.each([
  [3600, 3600],
  ['3600', 3600],
  ['0', 0],
  ['-1', 0],
  [-7, 0],
  [undefined, undefined],
])('a lifetime of %j is %j seconds [A5.6]', (given, seconds) => {
  const { body } = normalizeTokenAnswer({ status: 200, body: { expires_in: given } }, 'standard', false);
  expect(body['expires_in']).toBe(seconds);
});

test.each(['7 days', '1h', '', '-', '1e9', '0x10', ' 60', '60.5'])(
  'a lifetime of %j is none that the library would take [A5.6]',
  (given) => {
    const { body } = normalizeTokenAnswer({ status: 200, body: { expires_in: given } }, 'standard', false);
    expect(Number.parseFloat(String(body['expires_in']))).toBeNaN();
  },
);

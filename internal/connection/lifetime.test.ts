import { expect, test } from 'vitest';
import { lifetimeOf } from './lifetime.ts';

const now = new Date('2026-11-29T12:00:00Z');
const seconds = now.getTime() / 1000;

function lifetime(
  said: number | undefined,
  claims: object | string | undefined,
  shape: 'standard' | 'github' = 'standard',
) {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const accessToken = typeof claims === 'object' ? `${part({ alg: 'none' })}.${part(claims)}.x` : (claims ?? 'opaque');
  const service = { name: 'notes', authorization: { token_response: shape } as never };
  return lifetimeOf(service, said, { accessToken, refreshable: true }, now);
}

test.each<[string, number | undefined, object | string | undefined, number | undefined]>([
  ['what the answer says, whatever the token does', 60, { exp: seconds + 900 }, 60],
  ['the end of the token where the answer says nothing', undefined, { exp: seconds + 900 }, 900],
  ['the end of the token where the answer says no time', 0, { exp: seconds + 900 }, 900],
  ['what is left of a token that is not new', undefined, { iat: seconds - 600, exp: seconds + 300 }, 300],
  [
    'the length of a new one where the clock here is slow',
    undefined,
    { iat: seconds + 7200, exp: seconds + 8100 },
    900,
  ],
  [
    'the length of a new one where the clock here is fast',
    undefined,
    { iat: seconds - 7200, exp: seconds - 6300 },
    900,
  ],
  ['nothing of a token that has ended', undefined, { exp: seconds - 1 }, undefined],
  ['nothing of an end that is none', undefined, { exp: Number.NaN }, undefined],
  ['nothing of a token without an end', undefined, { sub: 'ada' }, undefined],
  ['nothing of a token that only looks like one', undefined, 'a.b.c', undefined],
  ['nothing of an opaque one', undefined, undefined, undefined],
  ['no end of what lasts longer than anybody', 1e12, undefined, undefined],
])('a token lasts %s [A5.14]', (_case, said, claims, expected) => {
  expect(lifetime(said, claims).seconds).toBe(expected);
});

test('only what nobody says is told, and not where tokens are known to have no end', () => {
  expect(lifetime(undefined, undefined).warning).toContain('how long');
  expect(lifetime(undefined, { exp: seconds + 900 }).warning).toBeUndefined();
  expect(lifetime(1e12, undefined).warning).toBeUndefined();
  expect(lifetime(undefined, undefined, 'github').warning).toBeUndefined();
});

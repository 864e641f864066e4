/** What stands in an ID token is what somebody else wrote: whatever type it has, a claim is taken or named, and nothing breaks. */
import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { IdTokenRefused, judgeIdToken } from './id-token.ts';
import { issuerKeys } from './issuer-keys.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const published = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'a', alg: 'ES256' }] };
const fetch = async () => new Response(JSON.stringify(published), { headers: { 'content-type': 'application/json' } });
const issuer = 'https://idp.example';
const now = new Date('2026-11-30T12:00:00Z');
const seconds = now.getTime() / 1000;
const good = { iss: issuer, aud: 'us', sub: 'ada', iat: seconds, exp: seconds + 600, nonce: 'n' };

const judge = async (claims: object) => {
  const token = await new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'a' })
    .sign(privateKey);
  return await judgeIdToken(token, {
    issuer,
    clientId: 'us',
    keys: issuerKeys(`${issuer}/keys`, fetch),
    nonce: 'n',
    accessToken: 'an access token',
    authTimeRequired: false,
    now,
  });
};

const odd = [7, -1, true, 'x', '', [], [7], [['us']], {}, { a: 1 }, null];
const names = ['iss', 'aud', 'sub', 'exp', 'iat', 'nbf', 'nonce', 'azp', 'at_hash', 'auth_time'];

test('is good where every claim is as it has to be', async () => {
  expect(await judge({})).toMatchObject({ sub: 'ada' });
});

test.each(names)('a claim %s of any other type is refused by its name, or says nothing [P2]', async (name) => {
  const taken = [];
  for (const value of odd) {
    const outcome = await judge({ [name]: value }).catch((error: unknown) => error);
    if (!(outcome instanceof Error)) taken.push(value);
    else {
      expect([value, outcome]).toEqual([value, expect.any(IdTokenRefused)]);
      expect([value, outcome.message]).toEqual([value, expect.stringMatching(new RegExp(`\\(${name}\\)|"${name}"`))]);
    }
  }
  // A time long ago is one, and some are left out in one of the ways in which providers do that; every other value is refused.
  const goodToo: Record<string, unknown[]> = {
    sub: ['x'],
    iat: [-1, 7],
    nbf: [-1, 7],
    azp: ['', null],
    at_hash: [null],
    auth_time: [7, -1, null],
  };
  expect([name, taken.filter((value) => !(goodToo[name] ?? []).includes(value))]).toEqual([name, []]);
});

import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { type Answer, startHostileServer } from '../../test/support/hostile-server.ts';
import { guardedFetch } from '../outside/http.ts';
import { judgeIdToken } from './id-token.ts';
import { fetchKeys, issuerKeys } from './issuer-keys.ts';

const fetch = guardedFetch({ allowLoopbackHttp: true, signal: new AbortController().signal });
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const good = { ...publicKey.export({ format: 'jwk' }), kid: 'a', alg: 'ES256', use: 'sig' };

test.each<[string, Answer]>([
  ['nothing', { status: 404 }],
  ['a page', { headers: { 'content-type': 'text/html' }, text: '{"keys":[]}' }],
  ['half an answer', { headers: { 'content-type': 'application/json' }, text: '{"keys":[' }],
  ['no list', { json: { keys: {} } }],
  ['a list of anything', { json: { keys: ['x'] } }],
  ['a key of no kind', { json: { keys: [{ kid: 'a' }] } }],
  ['more keys than anybody has', { json: { keys: Array.from({ length: 101 }, () => good) } }],
])('%s is no key set', async (_case, answer) => {
  const { origin } = await startHostileServer(() => answer);
  await expect(fetchKeys(`${origin}/keys`, fetch)).rejects.toMatchObject({ code: 'service_metadata' });
});

/** A good token, judged with what an address publishes, one answer after the other. */
async function judge(kid: string | undefined, ...answers: object[]) {
  const { origin, requests } = await startHostileServer(() => ({ json: { keys: answers.shift() ?? [] } }));
  const seconds = Math.floor(Date.now() / 1000);
  const token = await new SignJWT({ iss: origin, aud: 'us', sub: 'ada', iat: seconds, exp: seconds + 60 })
    .setProtectedHeader({ alg: 'ES256', ...(kid !== undefined && { kid }) })
    .sign(privateKey);
  const keys = issuerKeys(`${origin}/keys`, fetch);
  const expected = { issuer: origin, clientId: 'us', keys, nonce: undefined, authTimeRequired: false, now: new Date() };
  const outcome = await judgeIdToken(token, expected).then(
    ({ sub }) => sub,
    (error: { flaw?: string }) => error.flaw,
  );
  return [outcome, requests.length];
}

test.each<[string, string | undefined, object[], unknown[]]>([
  ['that is published', 'a', [[good]], ['ada', 1]],
  ['that is new', 'a', [[{ ...good, kid: 'b' }], [good]], ['ada', 2]],
  ['that is in neither of two answers', 'a', [[], [], [good]], ['unknown_key', 2]],
  ['that is not named, of one', undefined, [[good]], ['ada', 1]],
  ['that is not named, of two', undefined, [[good, { ...good, kid: 'b' }]], ['unknown_key', 1]],
  ['that is for encryption', 'a', [[{ ...good, use: 'enc' }]], ['unknown_key', 2]],
  ['that is for another algorithm', 'a', [[{ ...good, alg: 'ES384' }]], ['unknown_key', 2]],
  ['that is a shared secret', 'a', [[{ kty: 'oct', k: 'c2VjcmV0', kid: 'a' }]], ['unknown_key', 2]],
])('a token signed with a key %s: %#', async (_case, kid, answers, outcome) => {
  expect(await judge(kid, ...answers)).toEqual(outcome);
});

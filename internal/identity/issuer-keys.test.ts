import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { type Answer, startHostileServer } from '../../test/support/hostile-server.ts';
import { guardedFetch } from '../outside/http.ts';
import { judgeIdToken } from './id-token.ts';
import { fetchKeys, issuerKeys } from './issuer-keys.ts';

const fetch = guardedFetch({ allowLoopbackHttp: true, signal: new AbortController().signal });
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const strangers = {
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid: 'b',
};
const good = { ...publicKey.export({ format: 'jwk' }), kid: 'a', alg: 'ES256', use: 'sig' };

test.each<[string, Answer]>([
  ['nothing', { status: 404 }],
  ['a page', { headers: { 'content-type': 'text/html' }, text: '{"keys":[]}' }],
  ['half an answer', { headers: { 'content-type': 'application/json' }, text: '{"keys":[' }],
  ['no list', { json: { keys: {} } }],
  ['a list of anything', { json: { keys: ['x'] } }],
  ['a key of no kind', { json: { keys: [{ kid: 'a' }] } }],
  ['a shared secret', { json: { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'a' }] } }],
  ['a key with its private part', { json: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'a' }] } }],
  ['a key to sign with', { json: { keys: [{ ...good, key_ops: ['sign'] }] } }],
  ['a key of which a part is no text', { json: { keys: [{ ...good, x: 7 }] } }],
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
  ['that is not named, of two', undefined, [[strangers, good]], ['ada', 1]],
  ['that is not named, and of which none fits', undefined, [[strangers]], ['signature', 1]],
  ['that is for encryption', 'a', [[{ ...good, use: 'enc' }]], ['unknown_key', 2]],
  ['that is for another algorithm', 'a', [[{ ...good, alg: 'ES384' }]], ['unknown_key', 2]],
  ['that shares its name', 'a', [[{ ...strangers, kid: 'a' }, good]], ['ada', 1]],
  ['that is there twice', 'a', [[good, { ...good }]], ['ada', 1]],
  [
    'beside what is none',
    'a',
    [[null, 'x', { kid: 'a' }, { kty: 'AKP', alg: 'ML-DSA-44', kid: 'pq' }, good]],
    ['ada', 1],
  ],
  [
    'beside 150 others',
    'a',
    [[...Array.from({ length: 150 }, (_, at) => ({ ...strangers, kid: `k${at}` })), good]],
    ['ada', 1],
  ],
  ['beside one of two mebibytes', 'a', [[{ ...strangers, kid: 'x', x5c: ['A'.repeat(2 ** 21)] }, good]], ['ada', 1]],
  ['that lies on no curve', 'a', [[{ ...good, x: good.y }]], ['signature', 1]],
  ['beside one of the same name that is none', 'a', [[{ ...good, x: '!!!' }, good]], ['ada', 1]],
  ['of which a part is missing', 'a', [[{ ...good, y: undefined }]], ['signature', 1]],
])('a token signed with a key %s: %#', async (_case, kid, answers, outcome) => {
  expect(await judge(kid, ...answers)).toEqual(outcome);
});

test.each([503, 429, 403])('keys that are answered with %i are not to be had now, which is said', async (status) => {
  const { origin } = await startHostileServer(() => ({ status, json: {} }));
  await expect(fetchKeys(`${origin}/jwks`, fetch)).rejects.toMatchObject({
    code: 'service_metadata',
    message: `"${origin}/jwks" answered ${status}, and no keys to verify tokens with`,
    hint: expect.stringContaining('try again later'),
  });
});

test('keys that are said to be at another origin are not asked for there, and both are named [P2]', async () => {
  const other = await startHostileServer(() => ({ json: { keys: [good] } }));
  const { origin } = await startHostileServer(() => ({
    status: 302,
    headers: { location: `${other.origin}/keys` },
  }));
  await expect(fetchKeys(`${origin}/keys`, fetch)).rejects.toMatchObject({
    code: 'service_metadata',
    message: `the key set is not taken from another origin: "${origin}/keys" leads to "${other.origin}"`,
    hint: expect.stringContaining('jwks_uri'),
  });
  expect(other.lines()).toEqual([]);
});

test('keys that have moved on their own origin are found, and no longer way is followed', async () => {
  const { origin, lines } = await startHostileServer((line) => {
    const [, at = ''] = /^GET \/hop(\d+)$/.exec(line) ?? [];
    if (at === '3') return { json: { keys: [good] } };
    return { status: 302, headers: { location: `/hop${Number(at) + 1}` } };
  });
  await expect(fetchKeys(`${origin}/hop0`, fetch)).resolves.toMatchObject({ keys: [{ kid: 'a' }] });
  await expect(fetchKeys(`${origin}/hop9`, fetch)).rejects.toMatchObject({ code: 'service_metadata' });
  expect(lines()).toHaveLength(8);
});

/** What a console makes of an ID token: nobody is asked for more than it says. */
import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { newKey, proofOf } from '../../test/support/console-caller.ts';
import { startHostileServer } from '../../test/support/hostile-server.ts';
import type { Configuration } from '../config/definitions.ts';
import { issuerKeys } from '../identity/issuer-keys.ts';
import { guardedFetch } from '../outside/http.ts';
import { exchange } from './credentials.ts';
import { seenProofs } from './dpop.ts';
import { tokenTypes } from './protocol.ts';
import { consoleSessions } from './sessions.ts';

const origin = 'https://console.example';
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** Who somebody is at a console whose configuration says this of identity. */
async function exchanged(identity: object, claims: object) {
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'a' }] };
  const idp = await startHostileServer(() => ({ json: jwks }));
  const seconds = Math.floor(Date.now() / 1000);
  const payload = { iss: idp.origin, aud: 'us', sub: 'ada', iat: seconds, exp: seconds + 60, ...claims };
  const token = await new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'a' }).sign(privateKey);
  const keys = issuerKeys(
    `${idp.origin}/keys`,
    guardedFetch({ allowLoopbackHttp: true, signal: new AbortController().signal }),
  );
  const configuration = { interface: { identity: { mode: 'sso', issuer: idp.origin, client_id: 'us', ...identity } } };
  const proof = await proofOf(newKey(), { method: 'POST', url: `${origin}/token` });
  const seen = seenProofs();
  const { principal } = await exchange(
    { origin, sessions: consoleSessions(seen), seen, keysOf: () => keys },
    configuration as unknown as Configuration,
    { subjectToken: token, subjectTokenType: tokenTypes.person, proof, path: '/token' },
  );
  return principal;
}

const alone = expect.stringContaining('a console counts groups of the ID token alone');

test.each<[string, object, object, string[], unknown]>([
  ['in the token count', {}, { groups: ['support'] }, ['support'], undefined],
  [
    'in the token count, whatever there is for who is in too many',
    { groups_from: { overage: 'https://g.example/' } },
    { groups: ['support'] },
    ['support'],
    undefined,
  ],
  ['that are elsewhere are told', { groups_from: { overage: 'https://g.example/' } }, { hasgroups: true }, [], alone],
  [
    'that are asked at userinfo are told, and the token is not believed instead',
    { groups_from: 'userinfo' },
    { groups: ['support'] },
    [],
    alone,
  ],
  ['of a token before are told', { groups_kept_for: '8h' }, {}, [], alone],
  ['that are nowhere are told as everywhere', {}, {}, [], expect.not.stringContaining('a console')],
])('groups %s', async (_case, identity, claims, groups, missing) => {
  const principal = await exchanged({ groups_claim: 'groups', ...identity }, claims);
  expect([principal.groups, principal.missingGroups]).toEqual([groups, missing]);
});

test('clocks may be as far apart as the configuration says', async () => {
  const late = { iat: Math.floor(Date.now() / 1000) - 900, exp: Math.floor(Date.now() / 1000) - 200 };
  await expect(exchanged({}, late)).rejects.toMatchObject({ flaw: 'expired' });
  // What has expired by our clock opens no session all the same: it would have ended.
  await expect(exchanged({ clock_margin: '5m' }, late)).rejects.toThrow('has just expired');
  const early = { iat: Math.floor(Date.now() / 1000) + 200, exp: Math.floor(Date.now() / 1000) + 900 };
  await expect(exchanged({}, early)).rejects.toMatchObject({ flaw: 'issued_in_future' });
  await expect(exchanged({ clock_margin: '5m' }, early)).resolves.toMatchObject({ subject: 'ada' });
});

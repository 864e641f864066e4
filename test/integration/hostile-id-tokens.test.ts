/** ID tokens that prove nothing: each row is refused by its own rule, come just now or kept before (P2). */
import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { decodeJwt, SignJWT } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import type { IdTokenFlaw } from '../../internal/identity/id-token.ts';
import { contexts } from '../sandbox/identity-provider.ts';
import { visit } from '../sandbox/visit.mjs';
import { type KeptFile, keepSignIns } from '../support/kept-sign-in.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

let kept: KeptFile;
beforeEach(async () => {
  kept = await keepSignIns(world);
});

const seconds = (offset: number) => Math.floor(Date.now() / 1000) + offset;
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const control = () => world.sandbox.identityProvider.control;
/** The honest token with other claims, signed by the provider. */
const withClaims = (claims: Record<string, unknown>) => (honest: string) => control().forge(honest, claims);
const longAgo = () => ({ iat: seconds(-7200), exp: seconds(-61) });

/** HS256 with the public key of the provider as the shared secret, in the form that libraries print it in. */
async function signedWithThePublicKey(honest: string): Promise<string> {
  const answer = await fetch(`${world.sandbox.identityProvider.issuer}/jwks`);
  const { keys } = (await answer.json()) as { keys: (JsonWebKey & { kid: string })[] };
  const [jwk] = keys;
  if (jwk === undefined) throw new Error('the provider has no key');
  const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'spki' });
  const signed = `${encode({ alg: 'HS256', kid: jwk.kid })}.${encode(decodeJwt(honest))}`;
  return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`;
}

async function signedWithAnUnknownKey(honest: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const header = { alg: 'ES256', kid: 'nobody-knows' };
  return await new SignJWT(decodeJwt(honest)).setProtectedHeader(header).sign(privateKey);
}

/** A header of another kind, its signature broken by that: the header is refused before any signature is looked at. */
const withHeader = (header: object) => (honest: string) => {
  const [, payload = '', signature = ''] = honest.split('.');
  return `${encode(header)}.${payload}.${signature}`;
};

type Row = [what: string, flaw: IdTokenFlaw, make: (honest: string) => Promise<string> | string, why: string];

const rows: readonly Row[] = [
  [
    'alg none',
    'algorithm',
    (honest) => control().forge(honest, {}, 'nobody'),
    'its algorithm "none" is none that only the issuer',
  ],
  ['alg None', 'algorithm', withHeader({ alg: 'None' }), 'its algorithm "None" is none'],
  [
    'HS256 keyed with the public key',
    'algorithm',
    signedWithThePublicKey,
    'its algorithm "HS256" is none that only the issuer',
  ],
  ['no algorithm', 'algorithm', withHeader({ typ: 'JWT' }), 'its algorithm'],
  [
    'the signature of a stranger',
    'signature',
    (honest) => control().forge(honest, {}, 'stranger'),
    'its signature is not that of',
  ],
  [
    'an unknown key',
    'unknown_key',
    signedWithAnUnknownKey,
    'the key "nobody-knows", which the issuer does not publish',
  ],
  ['the type of an access token', 'type', withHeader({ alg: 'ES256', typ: 'at+jwt' }), 'it is a "at+jwt"'],
  ['another issuer', 'issuer', withClaims({ iss: 'https://evil.example' }), 'it is of another issuer (iss)'],
  ['no issuer', 'issuer', withClaims({ iss: undefined }), 'it is of another issuer (iss)'],
  ['another audience', 'audience', withClaims({ aud: 'somebody-else' }), 'it is for another client (aud)'],
  ['no audience', 'audience', withClaims({ aud: undefined }), 'it is for another client (aud)'],
  [
    'two audiences without azp',
    'authorized_party',
    withClaims({ aud: ['mai-cli', 'x'] }),
    'does not say who asked for it (azp)',
  ],
  [
    'two audiences and azp of somebody else',
    'authorized_party',
    withClaims({ aud: ['mai-cli', 'x'], azp: 'x' }),
    '"x" asked for it (azp), and not this client',
  ],
  [
    'one audience and azp of somebody else',
    'authorized_party',
    withClaims({ azp: 'x' }),
    '"x" asked for it (azp), and not this client',
  ],
  ['no nonce', 'nonce', withClaims({ nonce: undefined }), 'it belongs to another sign-in (nonce)'],
  ['another nonce', 'nonce', withClaims({ nonce: 'another' }), 'it belongs to another sign-in (nonce)'],
  ['a time that has passed', 'expired', (honest) => control().forge(honest, longAgo()), 'it has expired (exp)'],
  ['no time at which it expires', 'expired', withClaims({ exp: undefined }), 'it does not say when it expires (exp)'],
  [
    'a time of issue in the future',
    'issued_in_future',
    (honest) => control().forge(honest, { iat: seconds(120), exp: seconds(3600) }),
    'it was issued in the future',
  ],
  ['no time of issue', 'issued_in_future', withClaims({ iat: undefined }), 'it does not say when it was issued (iat)'],
  [
    'a time from which it is valid',
    'not_yet_valid',
    (honest) => control().forge(honest, { nbf: seconds(120) }),
    'it is not valid yet (nbf)',
  ],
  ['no subject', 'subject', withClaims({ sub: undefined }), 'it does not name a person (sub)'],
  ['an empty subject', 'subject', withClaims({ sub: '' }), 'it does not name a person (sub)'],
  ['a subject that is no text', 'subject', withClaims({ sub: 7 }), 'it does not name a person (sub)'],
  [
    'a subject with NUL in it',
    'subject',
    withClaims({ sub: 'user-7c1e0a5b\u0000' }),
    'it does not name a person (sub)',
  ],
  ['a subject without end', 'subject', withClaims({ sub: 'x'.repeat(256) }), 'it does not name a person (sub)'],
  [
    'a sign-in in the future',
    'auth_time',
    (honest) => control().forge(honest, { auth_time: seconds(120) }),
    'signed in in the future (auth_time)',
  ],
  ['a sign-in at no time', 'auth_time', withClaims({ auth_time: 'today' }), 'says in no way that is known when'],
  ['more than any has to say', 'oversized', withClaims({ more: 'x'.repeat(16 * 1024) }), 'longer than 16 KiB'],
  ['no JWT', 'not_a_token', () => 'not-a-token-at-all', 'it is not a signed JWT'],
  ['five parts', 'not_a_token', () => 'a.b.c.d.e', 'it is not a signed JWT'],
  ['a payload that is none', 'not_a_token', () => `${encode({ alg: 'ES256' })}.bm9uZQ.c2ln`, 'it is not a signed JWT'],
];

describe.each(rows)('an ID token with %s', (_what, flaw, make, why) => {
  test('that comes just now is refused [P2]', async () => {
    control().tamperTokenResponse(async (answer) => ({ ...answer, id_token: await make(String(answer['id_token'])) }));
    const failed = await world.connect(['notion']);
    expect([failed.exit, failed.visited.length, world.asked()]).toEqual([3, 1, []]);
    expect(failed.stderr).toContain('[identity_refused]');
    expect(failed.stderr).toContain(`is refused (${flaw}): `);
    expect(failed.stderr).toContain(why);
  });

  test('that was kept is refused [P2]', async () => {
    const folder = await world.machine();
    await world.connect(['login'], { folder });
    // Nothing to renew it with: what is refused is the token itself.
    const { refresh_token: _, ...entry } = (await kept.read(folder)) ?? {};
    await kept.write(folder, entry);
    expect((await world.connect(['whoami'], { folder, person: undefined })).exit).toBe(0);
    await kept.forge(folder, make);
    const asked = await world.connect(['whoami'], { folder, person: undefined });
    expect([asked.exit, asked.visited]).toEqual([4, []]);
    // What is longer than anything we would have written is not even taken for a sign-in.
    expect(asked.stderr).toMatch(why.includes('KiB') ? /longer than 16 KiB|cannot be read/ : '[sign_in_needed]');
    if (!why.includes('KiB')) expect(asked.stderr).toContain(why);
  });
});

describe('a clock that is a little off', () => {
  test.each([
    ['ahead', () => ({ iat: seconds(50) })],
    ['behind', () => ({ iat: seconds(-3600), exp: seconds(-50) })],
  ])('by less than a minute, %s, is borne with', async (_case, claims) => {
    control().tamperTokenResponse(async (answer, forge) => ({ ...answer, id_token: await forge(claims()) }));
    expect((await world.connect(['login'])).exit).toBe(0);
  });
});

describe('a key that is new', () => {
  test('is looked for once more, and then it is good', async () => {
    const folder = await world.machine();
    await world.connect(['login'], { folder });
    const { identityProvider } = world.sandbox;
    const before = identityProvider.keyRequests();
    const signedIn = await world.connect(['login'], {
      folder,
      // The keys were fetched when the command began.
      async browse(url) {
        control().rotateKeys({ keepOld: true });
        return await visit(url, { person: 'ada' });
      },
    });
    expect([signedIn.exit, identityProvider.keyRequests() - before]).toEqual([0, 2]);
  });

  test('and is not published even then is unknown [P2]', async () => {
    const folder = await world.machine();
    await world.connect(['login'], { folder });
    const before = world.sandbox.identityProvider.keyRequests();
    control().rotateKeys();
    control().publishOldKeys();
    const failed = await world.connect(['login'], { folder });
    expect([failed.exit, failed.stderr]).toEqual([3, expect.stringContaining('which the issuer does not publish')]);
    expect(world.sandbox.identityProvider.keyRequests() - before).toBe(2);
  });
});

describe('two audiences', () => {
  test('are good where we asked for it', async () => {
    control().tamperTokenResponse(async (answer, forge) => ({
      ...answer,
      id_token: await forge({ aud: ['mai-cli', 'somebody-else'], azp: 'mai-cli' }),
    }));
    expect((await world.connect(['login'])).exit).toBe(0);
  });
});

describe('when somebody signed in', () => {
  test.each<[string, object, string]>([
    ['is not said although it was asked for', { auth_time: undefined }, 'which was asked for'],
    ['is 0, which says nothing, although it was asked for', { auth_time: 0 }, 'which was asked for'],
    ['is too long ago', { auth_time: seconds(-7200) }, 'signed in more than 1h ago'],
  ])('%s: refused', async (_case, claims, why) => {
    await world.configure('interface.yaml', (content) => {
      content.identity.require = { max_age: '1h' };
    });
    control().tamperTokenResponse(async (answer, forge) => ({ ...answer, id_token: await forge({ ...claims }) }));
    const failed = await world.connect(['notion']);
    expect([failed.exit, failed.stderr, world.asked()]).toEqual([3, expect.stringContaining(why), []]);
    expect(failed.stderr).toContain('authorize_parameters: { prompt: login }');
  });

  test('and how, where the token says nothing of it and it is required: refused', async () => {
    await world.configure('interface.yaml', (content) => {
      content.identity.require = { acr: [contexts.secondFactor] };
    });
    control().tamperTokenResponse(async (answer, forge) => ({ ...answer, id_token: await forge({ acr: undefined }) }));
    const failed = await world.connect(['notion']);
    expect([failed.exit, failed.stderr]).toEqual([3, expect.stringContaining('it shows no acr')]);
  });
});

describe('somebody who only looks like Ada', () => {
  const { issuer: _, ...ada } = { issuer: '', subject: 'user-7c1e0a5b' };
  test.each([
    ['in capitals', ada.subject.toUpperCase()],
    ['with a dot at the end', `${ada.subject}.`],
    ['with a Cyrillic letter', ada.subject.replace('c', '\u0441')],
    ['with a letter that is composed', `${ada.subject}\u0301`],
    ['with a space at the end', `${ada.subject} `],
    ['with a letter that is encoded', ada.subject.replace('7', '%37')],
    ['with a letter of no width', `${ada.subject}\u200b`],
  ])('is somebody else: %s [P2]', async (_case, subject) => {
    const folder = await world.machine();
    await world.connect(['notion'], { folder });
    await world.connect(['login'], { folder });
    const honest = await world.connectJson(['whoami'], { folder });
    await kept.forge(folder, (token) => control().forge(token, { sub: subject }));
    const asked = await world.connectJson(['whoami'], { folder });
    expect([asked['subject'], asked['subject'] === honest['subject']]).toEqual([subject, false]);
    const session = await world.setup(['--agent', 'support'], { folder, person: undefined });
    expect([session.exit, session.stderr]).toEqual([3, expect.stringContaining('[another_person]')]);
  });

  test.each<[string, (issuer: string) => string]>([
    ['a slash', (issuer) => `${issuer}/`],
    ['capitals', (issuer) => issuer.replace('http', 'HTTP')],
    ['a dot', (issuer) => issuer.replace('127.0.0.1', '127.0.0.1.')],
  ])('an issuer that differs by %s is another issuer [P2]', async (_case, differ) => {
    const { issuer } = world.sandbox.identityProvider;
    control().tamperTokenResponse(async (answer, forge) => ({
      ...answer,
      id_token: await forge({ iss: differ(issuer) }),
    }));
    const failed = await world.connect(['login']);
    expect([failed.exit, failed.stderr]).toEqual([3, expect.stringContaining('another issuer (iss)')]);
  });

  test('a provider that spells its own name otherwise than the configuration is not used', async () => {
    control().claimIssuer(`${world.sandbox.identityProvider.issuer}/`);
    const failed = await world.connect(['login']);
    expect([failed.exit, failed.visited, failed.stderr]).toEqual([1, [], expect.stringContaining('[issuer_mismatch]')]);
  });
});

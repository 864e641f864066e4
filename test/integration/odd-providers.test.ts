/**
 * Identity providers as they are: each row bends the one of the sandbox as somebody's has been seen to be, and either the person
 * is signed in all the same, or is told what is wrong with which claim, key or document.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { decodeJwt } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import { keepSignIns } from '../support/kept-sign-in.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
beforeEach(() => keepSignIns(world));

type Claims = Record<string, unknown>;
type Jwk = Record<string, unknown>;
const control = () => world.sandbox.identityProvider.control;
const origin = () => world.sandbox.identityProvider.issuer;
const seconds = (offset = 0) => Math.floor(Date.now() / 1000) + offset;

/** What `whoami` says of a person whose ID token says this. */
async function whoami(
  claims: Claims,
  identity: object = {},
  typ?: string,
): Promise<Claims | { exit: number; stderr: string }> {
  await world.configure('interface.yaml', (content) => {
    content.identity = { ...content.identity, ...identity };
  });
  control().tamperTokenResponse(async (answer, forge) => ({
    ...answer,
    id_token: await forge(claims, 'provider', typ),
  }));
  const folder = await world.machine();
  const { exit, stderr } = await world.connect(['login'], { folder });
  if (exit !== 0) return { exit, stderr };
  const { groups_missing, ...said } = await world.connectJson(['whoami'], { folder });
  return { ...said, groups_missing: groups_missing ?? '' };
}

describe('an ID token says', () => {
  const many = Array.from({ length: 251 }, (_, at) => `0b9a7c1e-1111-2222-3333-${String(at).padStart(12, '0')}`);
  test.each<[string, Claims, string, string[], string]>([
    ['one group as a text', { groups: 'support' }, 'groups', ['support'], ''],
    ['one with commas in it', { groups: 'cn=support,ou=people' }, 'groups', ['cn=support,ou=people'], ''],
    ['251 of them', { groups: many }, 'groups', many, ''],
    ['groups at a path', { realm_access: { roles: ['support'] } }, 'realm_access.roles', ['support'], ''],
    [
      'groups below a namespace',
      { 'https://a.example/groups': ['support'] },
      'https://a.example/groups',
      ['support'],
      '',
    ],
    ['a list as a text', { groups: '["support"]' }, 'groups', [], 'a text that looks like JSON'],
    ['an object', { groups: { support: { 1: 'a.example' } } }, 'groups', [], 'an object with the members "support"'],
    ['objects', { groups: [{ value: 'g1', display: 'support' }] }, 'groups', [], 'an object with the members "value"'],
    ['numbers', { groups: [7] }, 'groups', [], 'holds "7", which is not a text'],
    ['nothing', { groups: undefined }, 'groups', [], 'has no claim "groups"'],
    ['that there are some', { groups: undefined, hasgroups: true }, 'groups', [], 'the person is in too many'],
    ['where they are', { groups: undefined, _claim_names: { groups: 's' } }, 'groups', [], 'the person is in too many'],
  ])('%s', async (_case, claims, name, groups, missing) => {
    expect(await whoami(claims, { groups_claim: name })).toMatchObject({
      groups,
      groups_missing: missing === '' ? '' : expect.stringContaining(missing),
    });
  });

  const at = 1_780_000_000;
  const isoAt = new Date(at * 1000).toISOString();
  test.each<[string, Claims, object]>([
    ['one method as a text', { amr: 'mfa' }, { amr: ['mfa'] }],
    ['a level as a number', { acr: 1 }, { acr: '1' }],
    ['a time in ISO 8601', { auth_time: isoAt }, { auth_time: isoAt }],
    ['a time as a text of digits', { auth_time: String(at) }, { auth_time: isoAt }],
    ['a time with a fraction', { auth_time: at + 0.25 }, { auth_time: expect.stringContaining(isoAt.slice(0, 19)) }],
    ['no time', { auth_time: null }, { auth_time: null }],
    ['0 for a time', { auth_time: 0 }, { auth_time: null }],
    ['fractions for when it is good', { iat: seconds() + 0.123, exp: seconds(3600) + 0.5 }, { proven_by: 'kept' }],
    ['that we asked, for us and another', { aud: ['mai-cli', 'account'], azp: 'mai-cli' }, { proven_by: 'kept' }],
    ['null for who asked', { azp: null }, { proven_by: 'kept' }],
    ['nothing for who asked', { azp: '' }, { proven_by: 'kept' }],
    ['the audience as a list', { aud: ['mai-cli'] }, { proven_by: 'kept' }],
    ['a text for a verified address', { email_verified: 'true' }, { verified_email: null, label: 'user-7c1e0a5b' }],
  ])('%s, and it counts as what it can only mean', async (_case, claims, said) => {
    expect(await whoami(claims)).toMatchObject(said);
  });

  test.each<[string, Claims, string, string?]>([
    ['two audiences and nobody who asked', { aud: ['mai-cli', 'x'] }, '(authorized_party): it is for others too'],
    ['that another asked', { azp: 'other.apps' }, '(authorized_party): "other.apps" asked for it'],
    ['a number for a subject', { sub: 12345 }, '(subject): it does not name a person'],
    ['no nonce', { nonce: undefined }, '(nonce): it belongs to another sign-in'],
    ['another type in its header', {}, '(type): it is a "id_token"', 'id_token'],
    [
      'more than 16 KiB',
      { groups: Array(500).fill('0b9a7c1e-1111-2222-3333-000000000000') },
      '(oversized): longer than 16 KiB',
    ],
  ])('%s: refused, with the rule [P2]', async (_case, claims, why, typ) => {
    expect(await whoami(claims, {}, typ)).toMatchObject({ exit: 3, stderr: expect.stringContaining(why) });
  });
});

/** Signs the person in, and says how that ended. */
async function login(): Promise<[exit: number, stderr: string]> {
  const { exit, stderr } = await world.connect(['login']);
  expect(stderr).not.toContain('[bug]');
  return [exit, stderr];
}

const openid = '/.well-known/openid-configuration';
const oauth = '/.well-known/oauth-authorization-server';
const isGood = [0, expect.any(String)];

describe('the keys', () => {
  const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength });
  const named = (key: KeyObject, more: Jwk): Jwk => ({ ...key.export({ format: 'jwk' }), ...more });
  const publish = (change: (keys: readonly Jwk[]) => unknown) =>
    control().answerOtherwise('/jwks', (honest) => {
      const body = change((honest as { keys: Jwk[] }).keys);
      return { body: Array.isArray(body) ? { keys: body } : (body as Jwk) };
    });
  const another = () =>
    named(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, { use: 'sig', alg: 'ES256' });

  test.each<[string, (keys: readonly Jwk[]) => unknown]>([
    ['of a kind that is new', (keys) => [{ kty: 'AKP', alg: 'ML-DSA-44', kid: 'pq', pub: 'AAAA' }, ...keys]],
    ['without a kind', (keys) => [{ kid: 'odd', use: 'sig' }, ...keys]],
    ['that are null, a number, a list', (keys) => [null, 7, [], ...keys]],
    ['that are there twice', (keys) => [...keys, ...keys]],
    ['of the same name', (keys) => [{ ...another(), kid: keys[0]?.['kid'] }, ...keys]],
    ['of the same name, for encryption', (keys) => [{ ...another(), kid: keys[0]?.['kid'], use: 'enc' }, ...keys]],
    ['150 of them', (keys) => [...Array.from({ length: 150 }, (_, at) => ({ ...another(), kid: `k${at}` })), ...keys]],
    ['with 900 KB of certificates', (keys) => [...keys, { ...keys[0], kid: 'x', x5c: ['A'.repeat(900_000)] }]],
    ['without their algorithm and use', (keys) => keys.map(({ alg: _a, use: _u, ...key }) => key)],
    ['with what they may do', (keys) => keys.map((key) => ({ ...key, key_ops: ['verify', 'sign'], use: undefined }))],
  ])('%s spoil none beside them', async (_case, change) => {
    publish(change);
    expect(await login()).toEqual(isGood);
  });

  test.each<[string, (keys: readonly Jwk[]) => unknown, number, string]>([
    [
      'of which a part is no base64url',
      (keys) => keys.map((key) => ({ ...key, x: '!!!' })),
      3,
      'is too weak, of another kind, or no key',
    ],
    [
      'that are no point of their curve',
      (keys) => keys.map((key) => ({ ...key, x: key['y'] })),
      3,
      'of another kind, or no key',
    ],
    ['of which a part is missing', (keys) => keys.map(({ y: _, ...key }) => key), 3, 'of another kind, or no key'],
    [
      'that are private',
      (keys) => keys.map((key) => ({ ...key, d: 'AAAA' })),
      1,
      'of 1 entries in "keys" none is a public key',
    ],
    ['as a map of certificates', () => ({ abc: '-----BEGIN CERTIFICATE-----' }), 1, 'there is no list "keys"'],
  ])('%s: told [P2]', async (_case, change, exit, words) => {
    publish(change);
    const failed = await login();
    expect(failed).toEqual([exit, expect.stringContaining(words)]);
    expect(failed[1]).toContain(exit === 3 ? '[identity_refused]' : '[service_metadata]');
  });

  /** ID tokens are signed by another key of the provider from now on. */
  const signBy = ({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }, alg: string) => {
    publish((keys) => [...keys, named(publicKey, { kid: 'other', use: 'sig', alg })]);
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    control().tamperTokenResponse((answer) => {
      const signed = `${encode({ alg, kid: 'other' })}.${encode(decodeJwt(String(answer['id_token'])))}`;
      const signature = sign(alg.startsWith('Ed') ? null : 'sha256', Buffer.from(signed), privateKey).toString(
        'base64url',
      );
      return { ...answer, id_token: `${signed}.${signature}` };
    });
  };

  test('of Edwards curves and RSA are good, listed or not; one of 1024 bits is too weak [P2]', async () => {
    signBy(generateKeyPairSync('ed25519'), 'EdDSA');
    expect(await login()).toEqual(isGood);
    signBy(rsa(2048), 'RS256');
    expect(await login()).toEqual(isGood);
    signBy(rsa(1024), 'RS256');
    expect(await login()).toEqual([3, expect.stringContaining('the key "other" that it names is too weak')]);
  });

  test('that moved on their own origin are found', async () => {
    let keys: unknown;
    control().answerOtherwise('/jwks', (honest) => {
      keys = honest;
      return { status: 302, headers: { location: '/v2/keys' }, body: '' };
    });
    control().answerOtherwise('/v2/keys', () => ({ body: keys as Jwk }));
    expect(await login()).toEqual(isGood);
  });
});

describe('the metadata', () => {
  /** Nothing stands at the place of OAuth, which would count where the one of OpenID is not fit. */
  const alone = () => control().answerOtherwise(oauth, () => ({ status: 404, body: '' }));
  const document = async () => (await (await fetch(`${origin()}${openid}`)).json()) as Jwk;

  test.each<[string, (honest: Jwk) => object]>([
    ['as bytes', (honest) => ({ headers: { 'content-type': 'binary/octet-stream' }, body: JSON.stringify(honest) })],
    ['as text', (honest) => ({ headers: { 'content-type': 'text/plain' }, body: JSON.stringify(honest) })],
    [
      'with 20 KB of headers',
      (honest) => ({ headers: { 'content-security-policy': 'x'.repeat(20_000) }, body: honest }),
    ],
    ['without the algorithms', ({ id_token_signing_alg_values_supported: _, ...honest }) => ({ body: honest })],
    [
      'with other algorithms than are used',
      (honest) => ({ body: { ...honest, id_token_signing_alg_values_supported: ['RS256'] } }),
    ],
  ])('%s is taken', async (_case, otherwise) => {
    control().answerOtherwise(openid, (honest) => otherwise(honest as Jwk) as { body: string });
    expect(await login()).toEqual(isGood);
  });

  test('that moved on its own origin is found; to another origin nobody follows [P2]', async () => {
    alone();
    const honest = await document();
    const moved = (location: string) =>
      control().answerOtherwise(openid, () => ({ status: 301, headers: { location }, body: '' }));
    control().answerOtherwise('/v2/openid', () => ({ body: honest }));
    moved('/v2/openid');
    expect(await login()).toEqual(isGood);
    moved(`${origin().replace('127.0.0.1', 'localhost')}/v2/openid`);
    expect(await login()).toEqual([1, expect.stringContaining('is not taken from another origin')]);
  });

  test.each<[string, (honest: Jwk) => object]>([
    ['without keys', ({ jwks_uri: _, ...honest }) => ({ body: honest })],
    ['of another issuer', (honest) => ({ body: { ...honest, issuer: 'https://other.example' } })],
    ['that is no document', () => ({ body: { message: 'no such route' } })],
    ['that fails', () => ({ status: 500, body: 'oops' })],
    [
      'behind a gateway',
      () => ({ status: 503, headers: { 'content-type': 'text/html' }, body: '<h1>Unavailable</h1>' }),
    ],
  ])('of OpenID counts, whatever stands at the place of OAuth: one %s', async (_case, otherwise) => {
    const honest = await document();
    control().answerOtherwise(oauth, () => otherwise(honest) as { body: string });
    expect(await login()).toEqual(isGood);
  });

  test.each<[string, (honest: Jwk) => object, string]>([
    [
      'with a text for its algorithms',
      (honest) => ({ body: { ...honest, id_token_signing_alg_values_supported: 'ES256' } }),
      '"id_token_signing_alg_values_supported" is not a list of texts',
    ],
    [
      'with shared secrets alone',
      (honest) => ({ body: { ...honest, id_token_signing_alg_values_supported: ['HS256'] } }),
      'signs ID tokens with "HS256" alone',
    ],
    [
      'that is compressed unasked',
      (honest) => ({
        headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' },
        body: gzipSync(JSON.stringify(honest)),
      }),
      'answered compressed',
    ],
  ])('%s is told, with what is wrong [P2]', async (_case, otherwise, words) => {
    alone();
    control().answerOtherwise(openid, (honest) => otherwise(honest as Jwk) as { body: string });
    expect(await login()).toEqual([1, expect.stringMatching(/\[service_metadata\]/)]);
    expect((await login())[1]).toContain(words);
  });

  test('with another slash at the end of its issuer names the one to write', async () => {
    control().claimIssuer(`${origin()}/`);
    const [exit, stderr] = await login();
    expect([exit, stderr]).toEqual([
      1,
      expect.stringContaining(`spells its own name "${origin()}/" [issuer_mismatch]`),
    ]);
    expect(stderr).toContain('set identity.issuer');
  });
});

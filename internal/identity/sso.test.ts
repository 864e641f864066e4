import { describe, expect, test } from 'vitest';
import { groupsIn } from './groups.ts';
import { settingOf } from './sso.ts';
import { principalOf } from './sso-principal.ts';
import type { SsoIdentity } from './sso-provider.ts';

const identity: SsoIdentity = {
  mode: 'sso',
  issuer: 'https://idp.example',
  client_id: 'us',
  scopes: ['openid'],
  groups_claim: 'groups',
  redirect: { host: '127.0.0.1', path: '/callback' },
};

/** The principal of claims whose groups are in them. */
function principal(of: SsoIdentity, claims: Readonly<Record<string, unknown>> | undefined) {
  const { groups_claim: name } = of;
  return principalOf(of, claims, name === undefined || claims === undefined ? undefined : groupsIn(claims, name));
}

test('the subject decides, byte for byte; a verified e-mail address only labels [P2]', () => {
  const claims = { sub: ' User-7C. ', email: 'ada@example.test', email_verified: true, groups: ['support'] };
  expect(principal(identity, claims)).toEqual({
    kind: 'sso',
    issuer: 'https://idp.example',
    subject: ' User-7C. ',
    groups: ['support'],
    groupsSaid: 'the claim "groups" of the ID token says "support"',
    label: 'ada@example.test',
    verifiedEmail: 'ada@example.test',
  });
});

test('the issuer is the configured one, whatever the claims say [P2]', () => {
  expect(principal(identity, { sub: 'a', iss: 'https://evil.example' }).issuer).toBe('https://idp.example');
});

test.each([
  [{ sub: 'a', email: 'ada@example.test', email_verified: true, name: 'Grace' }, 'ada@example.test'],
  [{ sub: 'a', email: 'ada@example.test', email_verified: false }, 'a'],
  [{ sub: 'a', email: 'ada@example.test', email_verified: 'true' }, 'a'],
  [{ sub: 'a', email: 'ada@example.test' }, 'a'],
  [{ sub: 'a', name: 'ada@example.test', preferred_username: 'ada@example.test' }, 'a'],
  [{ sub: 'a', email: '', email_verified: true, name: '' }, 'a'],
  [{ sub: 'a', email: ['x'], email_verified: true }, 'a'],
])('of %j the label is %s', (claims, label) => expect(principal(identity, claims).label).toBe(label));

test.each([
  [
    ['a', 7, null, 'b'],
    ['a', 'b'],
  ],
  ['support', ['support']],
  ['', []],
  [undefined, []],
  [{ support: true }, []],
])('groups said as %j are %j', (groups, expected) => {
  expect(principal(identity, { sub: 'a', groups }).groups).toEqual(expected);
});

test('without a groups claim in the configuration nobody has groups', () => {
  expect(principal({ ...identity, groups_claim: undefined }, { sub: 'a', groups: ['support'] }).groups).toEqual([]);
});

test.each([undefined, {}, { sub: '' }, { sub: 7 }, { email: 'ada@example.test' }])('%j says nobody [P2]', (claims) => {
  expect(() => principal(identity, claims)).toThrow(expect.objectContaining({ code: 'identity_refused' }));
});

test.each([
  [true, 'ada@example.test', 'ada@example.test'],
  [false, 'ada@example.test', undefined],
  [undefined, 'ada@example.test', undefined],
  ['true', 'ada@example.test', undefined],
  [1, 'ada@example.test', undefined],
  [true, '', undefined],
  [true, ['ada@example.test'], undefined],
])('an address with email_verified %j (%j) is verified as %j [connecting]', (verified, email, expected) => {
  expect(principal(identity, { sub: 'a', email, email_verified: verified }).verifiedEmail).toBe(expected);
});

describe('groups that are missing', () => {
  const claims = { sub: 'ada' };
  const missing = (more: object, groups_claim: string | undefined = 'groups') =>
    principal({ ...identity, groups_claim } as typeof identity, { ...claims, ...more }).missingGroups;

  test('are none where they are told, or where nobody asks for them', () => {
    expect(missing({ groups: ['a'] })).toBeUndefined();
    expect(missing({ groups: [] })).toBeUndefined();
    const { groups_claim: _, ...nowhere } = identity;
    expect(principal(nowhere as typeof identity, claims).missingGroups).toBeUndefined();
  });

  test.each([
    ['without the claim', {}, 'has no claim "groups"'],
    ['with nothing', { groups: null }, 'has no claim "groups"'],
    [
      'with the overage of Entra ID',
      { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.example' } } },
      'the person is in too many',
    ],
    ['with the overage of something else', { _claim_names: { roles: 'src1' } }, 'has no claim "groups"'],
  ])('are told of: an ID token %s', (_case, more, words) => {
    expect(missing(more)).toContain(words);
    expect(
      principal({ ...identity, groups_claim: 'groups' } as typeof identity, { ...claims, ...more }).groups,
    ).toEqual([]);
  });
});

test('a client proves nothing, unless its provider hands out what it calls a secret: then it is in the body and in no text [P3]', () => {
  const visit = { allowLoopbackHttp: false, fetch: () => Promise.reject(new Error('nothing is asked')) };
  const provider = {} as Parameters<typeof settingOf>[0]['provider'];
  expect(settingOf({ identity, provider, visit }).client).toEqual({ clientId: 'us', authMethod: 'none' });
  const { client } = settingOf({ identity: { ...identity, public_client_secret: 'GOCSPX-1' }, provider, visit });
  expect(client).toMatchObject({ clientId: 'us', authMethod: 'client_secret_post' });
  expect(client.secret?.reveal()).toBe('GOCSPX-1');
  expect(JSON.stringify(client)).not.toContain('GOCSPX-1');
});

import { describe, expect, test } from 'vitest';
import { groupsIn } from './groups.ts';

const namespaced = 'https://acme.example/groups';

test.each<[string, string, object, string[]]>([
  ['a list', 'groups', { groups: ['support', 'editors'] }, ['support', 'editors']],
  ['an empty list', 'groups', { groups: [] }, []],
  ['one text, as AD FS and Keycloak send it', 'groups', { groups: 'support' }, ['support']],
  ['one text with commas, as a name of LDAP has', 'groups', { groups: 'cn=a,ou=b' }, ['cn=a,ou=b']],
  ['a path of Keycloak', 'realm_access.roles', { realm_access: { roles: ['support'] } }, ['support']],
  ['a path through a client', 'resource_access.app.roles', { resource_access: { app: { roles: ['a'] } } }, ['a']],
  [
    'a path through a client with dots',
    'resource_access.my.app.roles',
    { resource_access: { 'my.app': { roles: ['a'] } } },
    ['a'],
  ],
  ['a namespace of Auth0', namespaced, { [namespaced]: ['support'] }, ['support']],
  ['a name with dots before a path', 'a.b', { 'a.b': ['named'], a: { b: ['at the path'] } }, ['named']],
  [
    '251 of them',
    'groups',
    { groups: Array.from({ length: 251 }, (_, at) => `g${at}`) },
    [...Array(251).keys()].map((at) => `g${at}`),
  ],
])('are told by %s', (_case, name, claims, groups) => {
  expect(groupsIn(claims as Record<string, unknown>, name)).toMatchObject({ kind: 'told', groups, missing: undefined });
});

describe('are none, and why is said, where there is', () => {
  test.each<[string, unknown, string]>([
    ['a number', 7, 'is "7", which is not a text'],
    ['true', true, 'is "true", which is not a text'],
    [
      'an object, as Zitadel sends roles',
      { support: { 1234: 'acme.example' } },
      'an object with the members "support"',
    ],
    ['a list as text', '["support"]', 'a text that looks like JSON: "[\\"support\\"]"'],
    ['a list of objects', [{ value: 'g1', display: 'support' }], 'holds an object with the members "value", "display"'],
    ['a list of numbers', [7, 8], 'holds "7", which is not a text'],
    ['a list of lists', [['support']], 'holds a list in a list'],
  ])('%s', (_case, groups, words) => {
    const told = groupsIn({ groups }, 'groups');
    expect([told.kind, told.groups, told.missing]).toEqual(['unreadable', [], expect.stringContaining(words)]);
  });

  test.each<[string, object, string]>([
    ['nothing', {}, 'the ID token has no claim "groups"'],
    ['null', { groups: null }, 'the ID token has no claim "groups"'],
    ['an inherited name', { toString: undefined }, 'has no claim'],
  ])('%s', (_case, claims, words) => {
    expect(groupsIn(claims as Record<string, unknown>, 'groups')).toMatchObject({
      kind: 'left out',
      missing: expect.stringContaining(words),
    });
    expect(groupsIn({}, 'constructor.name').kind).toBe('left out');
  });

  test.each<[string, object]>([
    ['a name elsewhere', { _claim_names: { groups: 'src1' } }],
    ['only that there are some', { hasgroups: true }],
    ['the same as text', { hasgroups: 'true' }],
  ])('%s: too many', (_case, claims) => {
    expect(groupsIn(claims as Record<string, unknown>, 'groups')).toMatchObject({
      kind: 'elsewhere',
      missing: expect.stringContaining('the person is in too many'),
    });
  });
});

test('what is no text in a list of texts is named, and the texts count', () => {
  expect(groupsIn({ groups: ['a', 7, null] }, 'groups')).toMatchObject({
    kind: 'told',
    groups: ['a'],
    missing: expect.stringContaining('2 of its entries count as no group'),
  });
});

/** The row "groups" of docs/identity.md, provider by provider: what each sends of groups, and what access comes of it. */
import { expect, test } from 'vitest';
import type { JsonObject } from '../sandbox/authorization/control.ts';
import { startHostileServer } from '../support/hostile-server.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

/** An object id, as Entra ID names groups. */
const objectId = '3f2b1c7e-55aa-4c11-9a0e-0d6f5b1e7a10';
const everything = { notion: { read: 'on' } };

interface Shape {
  /** What the ID token says beside the rest; undefined takes a claim out. */
  claims: JsonObject;
  /** `identity`, beside the rest. */
  identity?: object;
  /** `people`; by a group unless told. */
  people?: object;
  /** The groups that an address lists for somebody who is in too many. */
  listed?: readonly string[];
  /** Whether the person may use the service by it. */
  allowed: boolean;
  /** Where they may not: what they are told of the claim that was looked at. */
  said?: string;
}

const byGroup = (name: string) => ({ groups: { [name]: everything }, principals: {} });
const overage: JsonObject = {
  groups: undefined,
  _claim_names: { groups: 'src1' },
  _claim_sources: { src1: { endpoint: 'https://graph.windows.net/tenant/users/me/getMemberObjects' } },
};

const shapes: readonly [string, Shape][] = [
  [
    'Okta: the names that the filter of the claim lets through',
    { claims: { groups: ['support', 'Everyone'] }, allowed: true },
  ],
  [
    'Okta: a name that the filter keeps out',
    { claims: { groups: ['Everyone'] }, allowed: false, said: 'the claim "groups" of the ID token says "Everyone"' },
  ],
  [
    'Okta: a claim of another name',
    { claims: { groups: undefined, roles: ['support'] }, identity: { groups_claim: 'roles' }, allowed: true },
  ],
  ['Entra ID: object ids', { claims: { groups: [objectId] }, people: byGroup(objectId), allowed: true }],
  [
    'Entra ID: an object id in capitals is another one',
    { claims: { groups: [objectId.toUpperCase()] }, people: byGroup(objectId), allowed: false },
  ],
  [
    'Entra ID: too many, listed at the address of the configuration',
    { claims: overage, listed: ['g1', objectId], people: byGroup(objectId), allowed: true },
  ],
  [
    'Entra ID: too many, and not in it',
    { claims: overage, listed: ['g1'], people: byGroup(objectId), allowed: false, said: '/memberOf" says "g1", of 1' },
  ],
  [
    'Entra ID: too many, and no address',
    { claims: overage, people: byGroup(objectId), allowed: false, said: 'the person is in too many' },
  ],
  [
    'Google Workspace: no groups, the person by sub',
    {
      claims: { groups: undefined },
      identity: { groups_claim: undefined },
      people: { groups: {}, principals: { SUBJECT: everything } },
      allowed: true,
    },
  ],
  [
    'Google Workspace: no groups, and the person is not named',
    {
      claims: { groups: undefined },
      identity: { groups_claim: undefined },
      people: byGroup('support'),
      allowed: false,
    },
  ],
  ['Keycloak: plain names', { claims: { groups: ['support'] }, allowed: true }],
  [
    'Keycloak: the full path is another name',
    { claims: { groups: ['/support'] }, allowed: false, said: 'says "/support"' },
  ],
  [
    'Keycloak: the full path, written so',
    { claims: { groups: ['/support'] }, people: byGroup('/support'), allowed: true },
  ],
  [
    'Keycloak: roles of a client',
    {
      claims: { groups: undefined, resource_access: { app: { roles: ['support'] } } },
      identity: { groups_claim: 'resource_access.app.roles' },
      allowed: true,
    },
  ],
  [
    'Keycloak: roles of another client',
    {
      claims: { groups: undefined, resource_access: { other: { roles: ['support'] } } },
      identity: { groups_claim: 'resource_access.app.roles' },
      allowed: false,
      said: 'the ID token has no claim "resource_access.app.roles"',
    },
  ],
  [
    'Zitadel: roles as an object are no groups',
    {
      claims: { groups: { support: { 1234: 'acme.example' } } },
      allowed: false,
      said: 'is an object with the members "support"',
    },
  ],
  [
    'numbers are no groups',
    { claims: { groups: [1234] }, people: byGroup('1234'), allowed: false, said: 'holds "1234", which is not a text' },
  ],
];

test.each(shapes)('%s [P4] [P5]', async (_case, { claims, identity = {}, people, listed, allowed, said }) => {
  const { identityProvider, people: everybody } = world.sandbox;
  const directory = listed && (await startHostileServer(() => ({ json: { value: [...listed] } })));
  const text = JSON.stringify(people ?? byGroup('support')).replace('SUBJECT', everybody.ada.subject);
  await world.configure('interface.yaml', (content: Content) => {
    Object.assign(
      content.identity,
      identity,
      directory && { groups_from: { overage: `${directory.origin}/memberOf` } },
    );
    content.people = JSON.parse(text);
  });
  identityProvider.control.tamperTokenResponse(async (answer, forge) => ({ ...answer, id_token: await forge(claims) }));
  const { exit, stderr } = await world.connect(['notion']);
  if (allowed) expect([exit, stderr]).toEqual([0, expect.not.stringContaining('error')]);
  else expect([exit, stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
  if (!allowed && said !== undefined) expect(stderr).toContain(said);
});

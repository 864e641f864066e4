import * as z from 'zod/mini';
import { issuerDefinition, redirectDefinition } from './addresses.ts';
import { record, verdict } from './verdicts.ts';

const identityDefinition = z
  .discriminatedUnion('mode', [
    z.strictObject({
      mode: z.literal('sso'),
      issuer: issuerDefinition('the OpenID provider, exactly as its metadata spells it'),
      client_id: z
        .string()
        .check(z.minLength(1), z.maxLength(255), z.describe('our client at that provider, a public one')),
      scopes: z._default(z.array(z.string().check(z.minLength(1))).check(z.minLength(1)), [
        'openid',
        'profile',
        'email',
      ]),
      groups_claim: z.optional(
        z.string().check(z.minLength(1), z.describe("the claim of the ID token that lists a person's groups")),
      ),
      redirect: redirectDefinition,
    }),
    z.strictObject({ mode: z.literal('os') }),
  ])
  .check(z.describe('how people prove who they are: sso with an OpenID provider, os with the accounts of one machine'));

/** What a group or person may do at one service at most; what is not listed is nothing (P4). */
export const permissionDefinition = z.strictObject({
  read: z.optional(verdict('at most, for tools that read')),
  write: z.optional(verdict('at most, for tools that write or destroy')),
  tools: z.optional(record(verdict('at most, for this tool'))),
});

/** `interface.yaml`: whom we believe, and what people may do. */
export const interfaceDefinition = z.strictObject({
  identity: identityDefinition,
  people: z.prefault(
    z.strictObject({
      groups: z.prefault(record(record(permissionDefinition)).check(z.describe('by group, then by service')), {}),
      principals: z.prefault(
        record(record(permissionDefinition)).check(
          z.describe('by the subject of a person (sso: the sub claim, os: the uid in quotes), then by service'),
        ),
        {},
      ),
    }),
    {},
  ),
  platform: z.prefault(
    z.strictObject({
      workspace_id: z.optional(
        z.string().check(z.minLength(1), z.maxLength(255), z.describe('the workspace that everything is made in')),
      ),
    }),
    {},
  ),
});

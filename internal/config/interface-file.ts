import * as z from 'zod/mini';
import { issuerDefinition, redirectDefinition, urlDefinition } from './addresses.ts';
import { approvalsDefinition } from './approvals.ts';
import { assuranceDefinition } from './assurance.ts';
import { whenDefinition } from './condition.ts';
import { keepDefinition } from './keep.ts';
import { namePattern } from './names.ts';
import { noticesDefinition } from './notices.ts';
import { sessionTokensDefinition } from './session-tokens.ts';
import { conditionalVerdict, record, verdict } from './verdicts.ts';
import { workloadsDefinition } from './workload.ts';

/** Where groups are that the ID token leaves out. */
const groupsSourceDefinition = z
  .union(
    [
      z.enum(['id_token', 'userinfo']),
      z.strictObject({ overage: urlDefinition('where to ask for the groups of somebody who is in too many') }),
    ],
    { error: () => 'expected id_token, userinfo or { overage: <https address> }' },
  )
  .check(
    z.describe(
      'where the claim is: id_token (the default), userinfo, or overage: an address that lists the groups of somebody who is in too many (Microsoft Graph)',
    ),
  );

/** At most five minutes: what is further apart is a clock that is wrong. */
const clockMarginDefinition = z
  .string()
  .check(
    z.regex(
      /^(?:[1-9]|[1-9][0-9]|[12][0-9]{2}|300)s$|^[1-5]m$/,
      'expected a time of at most five minutes, such as "2m"',
    ),
    z.describe('how far the clocks of this machine and of who signs tokens may be apart; 60s unless told, at most 5m'),
  );

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
        z
          .string()
          .check(
            z.minLength(1),
            z.describe("the claim with a person's groups, or the path to it such as resource_access.app.roles"),
          ),
      ),
      groups_from: z.optional(groupsSourceDefinition),
      groups_kept_for: z.optional(
        z
          .string()
          .check(
            z.regex(/^[1-9][0-9]{0,5}(s|m|h|d)$/, 'expected a time such as "8h"'),
            z.describe(
              'how long the groups of an ID token count where a renewed one leaves them out; left out, the person signs in again',
            ),
          ),
      ),
      redirect: redirectDefinition,
      public_client_secret: z.optional(
        z
          .string()
          .check(
            z.minLength(1),
            z.maxLength(2048),
            z.describe('only where a provider gives desktop clients one that is no secret (RFC 8252 section 8.5)'),
          ),
      ),
      authorize_parameters: z.optional(
        z
          .record(z.string().check(z.minLength(1)), z.string())
          .check(z.describe('further parameters of the authorization request')),
      ),
      require: z.optional(assuranceDefinition),
      keep: z.optional(keepDefinition),
      clock_margin: z.optional(clockMarginDefinition),
      workloads: z.optional(workloadsDefinition),
    }),
    z.strictObject({ mode: z.literal('os') }),
    z.strictObject({
      mode: z.literal('workload'),
      workloads: workloadsDefinition,
      clock_margin: z.optional(clockMarginDefinition),
    }),
  ])
  .check(
    z.describe(
      'how people prove who they are: sso with an OpenID provider, os with the accounts of one machine, workload with the token of a CI job',
    ),
  );

/** What a group or person may do at one service at most; what is not listed is nothing (P4). */
export const permissionDefinition = z.strictObject({
  read: z.optional(verdict('at most, for tools that read')),
  write: z.optional(verdict('at most, for tools that write or destroy')),
  tools: z.optional(record(conditionalVerdict('at most, for this tool'))),
  when: z.optional(whenDefinition),
});

/** A public key that owner records are signed with, as a JWK (RFC 8037). Only `retired` is ours. */
const ownershipKeyDefinition = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  kid: z.string().check(z.regex(/^[\w.-]{1,64}$/, 'expected letters, digits, ".", "_" and "-", at most 64')),
  x: z.string().check(z.regex(/^[\w-]{43}$/, 'expected 32 bytes as base64url')),
  alg: z.optional(z.literal('EdDSA')),
  use: z.optional(z.literal('sig')),
  retired: z._default(
    z.boolean().check(z.describe('what it has signed counts no more; a refusal can still name it')),
    false,
  ),
});

const ownershipDefinition = z.strictObject({
  keys: z
    .array(ownershipKeyDefinition)
    .check(z.minLength(1), z.describe('the public keys whose signatures count: only vaults signed with one are used')),
  signer: z.optional(
    z.strictObject({
      command: z
        .array(z.string().check(z.minLength(1)))
        .check(
          z.minLength(1),
          z.describe(
            'a program that signs: gets the bytes on stdin, answers with the Ed25519 signature as base64url; no shell',
          ),
        ),
      kid: z.string().check(z.minLength(1), z.describe('which of the keys it signs with')),
    }),
  ),
});

const workspaceId = z.string().check(z.minLength(1), z.maxLength(255));

/** Of the project: what its lock files lie in is reviewed with it. */
const skillsFolder = z
  .string()
  .check(
    z.regex(
      /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\\\n]{1,255}$/,
      'expected a folder or pattern below the project, with "/" and without ".."',
    ),
  );

/** Who has something: those of a group, and single principals. */
const thoseIn = z.strictObject({
  groups: z._default(z.array(z.string().check(z.minLength(1))), []),
  principals: z._default(z.array(z.string().check(z.minLength(1))), []),
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
      operators: z.optional(
        thoseIn.check(
          z.describe(
            'who may off-board people, look at and end the sessions of others, and change what belongs to everybody; nobody unless listed',
          ),
        ),
      ),
      roles: z.optional(
        z
          .strictObject({
            user: z.optional(thoseIn.check(z.describe('who may have connections and sessions of their own'))),
            approver: z.optional(thoseIn.check(z.describe('who may answer tool calls that wait for a yes'))),
            auditor: z.optional(thoseIn.check(z.describe('who may read the record'))),
            admin: z.optional(thoseIn.check(z.describe('who may sign owner records'))),
          })
          .check(
            z.describe(
              'who is what at a console, beside people.operators; nobody unless listed. Without a console it has no effect',
            ),
          ),
      ),
    }),
    {},
  ),
  console: z.optional(
    urlDefinition(
      'the console that holds the key, such as "https://console.example.com": commands of people ask it, and need no key',
    ).check(z.regex(/^https?:\/\/[^/?]+$/, 'expected scheme and host alone, such as "https://console.example.com"')),
  ),
  approvals: z.optional(approvalsDefinition),
  notices: z.optional(noticesDefinition),
  record: z.optional(
    z.strictObject({
      sinks: record(
        z.strictObject({
          to: z
            .string()
            .check(
              z.regex(
                /^(?:https|http|syslog\+tls|syslog\+tcp):\/\/[^\s@]+$/,
                'expected an https or syslog+tls address',
              ),
              z.describe('a collector by https, or a receiver of syslog messages by syslog+tls'),
            ),
          format: z._default(z.enum(['jsonl', 'ocsf', 'cef', 'otlp']), 'jsonl'),
        }),
      ).check(z.describe('by name: where setup-session audit export --sink <name> sends copies of the record')),
    }),
  ),
  ownership: z.optional(ownershipDefinition),
  session_tokens: z.optional(sessionTokensDefinition),
  sessions: z.optional(
    z.strictObject({
      offer_to_end_after: z.optional(
        z
          .string()
          .check(
            z.regex(/^[1-9][0-9]{0,5}(s|m|h|d)$/, 'expected a time such as "12h" or "7d"'),
            z.describe('sessions of a person that were not used for so long are offered to that person for ending'),
          ),
      ),
    }),
  ),
  unlisted_services: z.optional(
    z
      .enum(['off', 'confirm'])
      .check(
        z.describe('off unless confirm: people may connect a server outside the catalogue, which no agent can use'),
      ),
  ),
  platform: z.prefault(
    z.strictObject({
      workspace_id: z.optional(workspaceId.check(z.describe('the workspace that everything is made in'))),
      workspaces: z.optional(
        z
          .record(z.string().check(z.maxLength(64), z.regex(namePattern)), workspaceId)
          .check(
            z.describe('instead, where there are several: the id of each by its name, which --workspace chooses by'),
          ),
      ),
      changes_by_key: z.optional(
        z
          .enum(['refuse', 'allow'])
          .check(
            z.describe(
              'whether everybody with the key may change agents, environments, reviews of tools, skills and signatures of owner records, where people sign in or jobs prove themselves; refuse (the default) leaves it to people.operators',
            ),
          ),
      ),
      accepted_members: z.optional(
        z
          .array(
            z.string().check(z.regex(/^[a-z0-9_]+(\.[a-z0-9_]+)*$/, 'expected a name such as tools.configs.example')),
          )
          .check(
            z.describe(
              'members of what the platform answers that somebody has looked at, although this version does not know them',
            ),
          ),
      ),
    }),
    {},
  ),
  skills: z.optional(
    z.strictObject({
      folders: z
        .array(skillsFolder)
        .check(
          z.minLength(1),
          z.maxLength(100),
          z.describe('the folders of skills, or patterns, below the folder above config/; only skills/ where left out'),
        ),
    }),
  ),
});

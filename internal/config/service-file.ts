import * as z from 'zod/mini';
import {
  issuerDefinition,
  metadataIssuerDefinition,
  redirectDefinition,
  resourceDefinition,
  urlDefinition,
} from './addresses.ts';
import { assuranceDefinition } from './assurance.ts';
import { record } from './verdicts.ts';

const toolName = z
  .string()
  .check(
    z.minLength(1),
    z.maxLength(128),
    z.regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'expected a name without control and invisible characters'),
  );
const scope = z.string().check(z.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'expected one OAuth scope, without spaces'));

const authorizationDefinition = z.strictObject({
  issuers: z
    .array(issuerDefinition('an authorization server, exactly as its metadata spells it'))
    .check(z.minLength(1), z.describe('the authorization servers that may issue tokens for this service')),
  metadata_issuers: z.optional(
    z
      .record(
        issuerDefinition('an authorization server of issuers'),
        metadataIssuerDefinition('the issuer that its metadata names; {tenantid} stands for one part of the path'),
      )
      .check(z.describe('where the metadata of an authorization server names another issuer: both, as reviewed')),
  ),
  pkce: z.optional(
    z
      .enum(['unadvertised'])
      .check(
        z.describe(
          'where the authorization server does PKCE with S256 and its metadata is silent about it, as reviewed',
        ),
      ),
  ),
  resource: z.optional(
    resourceDefinition(
      'the name that the server gives itself in its metadata, where it is not its address, as reviewed',
    ),
  ),
  registration: z.optional(
    z
      .enum(['dynamic', 'client-metadata', 'pre-registered', 'ask'])
      .check(
        z.describe('how we become a client of the authorization server; left out, the first way that is possible'),
      ),
  ),
  via: z.optional(
    z
      .enum(['idp'])
      .check(
        z.describe(
          'idp: access comes through the identity provider that people sign in with, without a consent page (ID-JAG); left out, people allow it in a browser',
        ),
      ),
  ),
  client_id: z.optional(
    z
      .string()
      .check(z.minLength(1), z.maxLength(2048), z.describe('the client that somebody registered at the service')),
  ),
  client_metadata_url: z.optional(urlDefinition('the address of the document that describes us as a client')),
  token_endpoint_auth_method: z._default(z.enum(['none', 'client_secret_basic', 'client_secret_post']), 'none'),
  scopes: z.optional(
    z.strictObject({
      default: z._default(z.array(scope).check(z.describe('asked for unless somebody wants less')), []),
      read_only: z.optional(z.array(scope).check(z.describe('asked for where reading is enough'))),
      additional: z.optional(
        z.array(scope).check(z.describe('may be asked for with --scope or --add-scope, never by itself')),
      ),
      tools: z.optional(
        record(z.array(toolName).check(z.minLength(1))).check(
          z.describe('which tools need a scope, by scope; one of which a scope is missing is off'),
        ),
      ),
    }),
  ),
  redirect: redirectDefinition,
  authorize_parameters: z.optional(
    z
      .record(z.string().check(z.minLength(1)), z.string())
      .check(z.describe('further parameters of the authorization request')),
  ),
  resource_parameter: z._default(
    z.boolean().check(z.describe('false only where the resource parameter of RFC 8707 is refused')),
    true,
  ),
  static: z.optional(
    z
      .boolean()
      .check(z.describe('true where people may enter a token that they made at the service, such as a personal one')),
  ),
  token_response: z._default(
    z
      .enum(['standard', 'slack', 'github'])
      .check(z.describe('the shape of the token answer: RFC 6749, or the one of Slack or GitHub')),
    'standard',
  ),
});

const accountDefinition = z.strictObject({
  tool: toolName.check(z.describe('a tool that reads, and answers with the account it was called as')),
  arguments: z._default(z.record(z.string(), z.json()), {}),
  name: z
    .string()
    .check(z.minLength(1), z.describe("where the answer's JSON has the account: keys with dots between them")),
  workspace: z.optional(
    z.string().check(z.minLength(1), z.describe("where the answer's JSON has the workspace of the account")),
  ),
  match: z._default(
    z
      .enum(['email', 'domain', 'none'])
      .check(
        z.describe(
          "what the name has to be: the person's verified e-mail address, one of the same domain, or anything",
        ),
      ),
    'none',
  ),
});

/** How tokens of a service are come by that has none of people: not at all. */
export const noAuthorization: z.output<typeof authorizationDefinition> = {
  issuers: [],
  redirect: { host: '127.0.0.1', path: '/callback' },
  token_endpoint_auth_method: 'none',
  resource_parameter: true,
  token_response: 'standard',
};

/** `services/<name>.yaml`: a remote MCP server and how its tokens are come by. */
export const serviceDefinition = z.strictObject({
  title: z.optional(z.string().check(z.minLength(1), z.maxLength(255), z.describe('the name that people see'))),
  mcp_server_url: urlDefinition('the address of the MCP server (streamable HTTP)'),
  auth: z.optional(
    z
      .enum(['session-token'])
      .check(
        z.describe(
          'session-token: nobody connects it; each session gets a token of its own that the server verifies (session_tokens in interface.yaml); left out, people allow access',
        ),
      ),
  ),
  authorization: z.optional(
    authorizationDefinition.check(z.describe('how tokens are come by; left out only with auth: session-token')),
  ),
  require: z.optional(assuranceDefinition),
  local_agents: z.optional(
    z
      .array(z.enum(['idp', 'grant']))
      .check(
        z.minLength(1),
        z.describe(
          "where agents on people's own machines have their access from, in this order: idp, the identity provider; grant, what the person allowed for them in a browser; left out, they have none",
        ),
      ),
  ),
  account: z.optional(accountDefinition.check(z.describe('how we learn whose account was connected'))),
  tools: z
    .strictObject({
      read: z._default(z.array(toolName), []),
      write: z._default(z.array(toolName), []),
      destructive: z._default(z.array(toolName).check(z.describe('deletes, overwrites or cannot be taken back')), []),
    })
    .check(z.describe('the reviewed tools by what they do; a tool that is not listed counts as write and is off')),
});

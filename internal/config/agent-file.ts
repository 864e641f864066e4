import * as z from 'zod/mini';
import { hostDefinition } from './addresses.ts';
import { assuranceDefinition } from './assurance.ts';
import { whenDefinition } from './condition.ts';
import { namePattern } from './names.ts';
import { conditionalVerdict, expectedVerdict, record, verdict, verdicts } from './verdicts.ts';

/**
 * A web tool. The platform runs it outside the container, so that the network rules of an environment do not hold it:
 * only its own list of domains does, 1 to 64 plain hosts.
 */
const webTool = z
  .union(
    [
      z.enum(verdicts),
      z.strictObject({
        verdict: verdict('for this tool'),
        domains: z.union([z.literal('open'), z.array(hostDefinition).check(z.minLength(1), z.maxLength(64))], {
          error: ({ input }) => (Array.isArray(input) ? undefined : 'expected a list of 1 to 64 hosts, or open'),
        }),
      }),
    ],
    { error: expectedVerdict },
  )
  .check(z.describe('off, or { verdict: <verdict>, domains: [<hosts that it may reach>] }, or domains: open for any'));

const builtinTool = verdict('for this tool');

const builtinToolsDefinition = z.strictObject({
  bash: z.optional(builtinTool),
  read: z.optional(builtinTool),
  write: z.optional(builtinTool),
  edit: z.optional(builtinTool),
  glob: z.optional(builtinTool),
  grep: z.optional(builtinTool),
  web_fetch: z.optional(webTool),
  web_search: z.optional(webTool),
});

/** The tools that the platform itself brings along. */
export const builtinToolNames = Object.keys(builtinToolsDefinition.shape) as BuiltinTool[];

/** One of the tools that the platform itself brings along. */
export type BuiltinTool = keyof z.infer<typeof builtinToolsDefinition>;

/** What an agent may do with one service. */
export const agentServiceDefinition = z.strictObject({
  read: z._default(verdict('for tools that read'), 'on'),
  write: z._default(
    z
      .enum(['off', 'ask', 'on'])
      .check(z.describe('for tools that write or destroy; off disables them on the platform, ask is not off')),
    'off',
  ),
  tools: z.optional(record(conditionalVerdict('for this tool'))),
  when: z.optional(whenDefinition),
});

const subjectOrGroup = z.string().check(z.minLength(1), z.maxLength(255));

/** An agent that also acts for itself, with a vault of its own: nobody's connections but those that operators gave it. */
const autonomousDefinition = z
  .strictObject({
    sponsor: subjectOrGroup.check(
      z.describe('the person who answers for it, by subject: without one who is still here it starts no session'),
    ),
    groups: z
      .array(subjectOrGroup)
      .check(z.minLength(1), z.describe('its groups in people.groups of interface.yaml: what it may do of its own')),
    run_by: z
      .strictObject({
        groups: z._default(z.array(subjectOrGroup), []),
        principals: z._default(z.array(subjectOrGroup), []),
      })
      .check(z.describe('the CI jobs, by their groups, and the people who may start a session as the agent itself')),
  })
  .check(z.describe('the agent also acts for itself, with a vault of its own; left out, it acts for people alone'));

/** `agents/<name>.yaml`: what an agent is and who may use it. The limits are the platform's. */
export const agentDefinition = z.strictObject({
  description: z.optional(z.string().check(z.maxLength(2048))),
  model: z.string().check(z.minLength(1), z.maxLength(256)),
  system: z.optional(
    z
      .union([z.string().check(z.maxLength(100_000)), z.strictObject({ file: z.string() })], {
        error: ({ input }) =>
          typeof input === 'string'
            ? 'expected at most 100000 characters'
            : 'expected the system prompt, or { file: <name>.md } with a file beside this one',
      })
      .check(z.describe('the system prompt, or the file that has it')),
  ),
  services: record(agentServiceDefinition).check(
    z.describe('the services that the agent may use, by the names of their files'),
  ),
  builtin_tools: z._default(
    builtinToolsDefinition.check(z.describe("the platform's own tools; those not listed are off")),
    {},
  ),
  skills: z._default(
    z
      .array(z.string().check(z.maxLength(64), z.regex(namePattern, "expected the name of a skill's folder")))
      .check(z.maxLength(20), z.describe('skills by their name, pinned by the lock of the folder that they lie in')),
    [],
  ),
  require: z.optional(assuranceDefinition),
  autonomous: z.optional(autonomousDefinition),
  environment: z.string().check(z.describe('the name of a file in environments/')),
  allowed: z
    .strictObject({
      groups: z._default(z.array(z.string().check(z.minLength(1))), []),
      principals: z._default(z.array(z.string().check(z.minLength(1))), []),
    })
    .check(z.describe('who may start a session with the agent; nobody else may')),
});

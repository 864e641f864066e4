import * as z from 'zod/mini';
import { approversDefinition } from './approvals.ts';
import { assuranceDefinition } from './assurance.ts';
import { hoursDefinition } from './condition.ts';
import { record } from './verdicts.ts';

const duration = z
  .string()
  .check(z.regex(/^[1-9][0-9]{0,5}(s|m|h|d)$/, 'expected a time such as "30m", "12h" or "7d"'));
const word = z.string().check(z.minLength(1), z.maxLength(255));
const words = z.array(word).check(z.minLength(1));
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  error: 'expected text, a number, true, false or null',
});

/** What one argument has to be. Everything that is named has to hold. */
const argumentDefinition = z
  .strictObject({
    equals: z.optional(scalar),
    one_of: z.optional(z.array(scalar).check(z.minLength(1))),
    matches: z.optional(
      z
        .string()
        .check(
          z.minLength(1),
          z.maxLength(1000),
          z.describe('an RE2 pattern that is found in the text; ^ and $ for all of it'),
        ),
    ),
    longest: z.optional(z.int().check(z.minimum(0), z.describe('characters of a text, or entries of a list, at most'))),
    absent: z.optional(z.literal(true)),
  })
  .check(
    z.refine((each) => Object.values(each).some((value) => value !== undefined), {
      error: 'expected one of equals, one_of, matches, longest, absent',
    }),
  );

const detector = z.enum(['secrets', 'personal_data']);

const quotaDefinition = z.strictObject({
  most: z.int().check(z.minimum(1), z.maximum(10_000)),
  per: duration,
  of: z.enum(['person', 'agent', 'tool']).check(z.describe('counted for each owner of sessions, agent or tool apart')),
});

/** One rule about single calls that wait. */
export const ruleDefinition = z
  .strictObject({
    service: z.optional(word.check(z.describe('a service, or builtin; any where left out'))),
    tools: z.optional(words),
    agents: z.optional(words),
    arguments: z.optional(
      record(argumentDefinition).check(z.describe('by JSON Pointer (RFC 6901), such as /pages/0/title')),
    ),
    only: z.optional(z.literal(true).check(z.describe('and no argument but those below these pointers'))),
    largest: z.optional(z.int().check(z.minimum(2), z.describe('characters of all arguments as JSON, at most'))),
    free_of: z.optional(z.array(detector).check(z.minLength(1))),
    holds: z.optional(z.array(detector).check(z.minLength(1), z.describe('any of these is in the arguments'))),
    hours: z.optional(z.array(hoursDefinition).check(z.minLength(1))),
    session_age: z.optional(duration.check(z.describe('the session began so long ago at most'))),
    assurance: z.optional(
      assuranceDefinition.check(
        z.refine((each) => Object.values(each).some((value) => value !== undefined), {
          error: 'expected one of acr, amr, max_age',
        }),
        z.describe('whoever started the session had signed in like this, as the record says; max_age at the call'),
      ),
    ),
    quota: z.optional(quotaDefinition),
    outcome: z.enum(['allow', 'deny', 'person', 'two_persons']),
    message: z.optional(
      z.string().check(z.minLength(1), z.maxLength(1000), z.describe('what the agent is told of a no')),
    ),
    approvers: z.optional(approversDefinition),
  })
  .check(
    z.refine(({ outcome, message }) => outcome === 'deny' || message === undefined, {
      error: 'expected message with deny only',
    }),
    z.refine(({ outcome, quota }) => outcome === 'allow' || quota === undefined, {
      error: 'expected quota with allow only',
    }),
    z.refine(({ outcome, approvers }) => !(outcome === 'allow' || outcome === 'deny') || approvers === undefined, {
      error: 'expected approvers with person or two_persons only',
    }),
    z.refine(({ outcome, approvers }) => outcome !== 'two_persons' || approvers !== undefined, {
      error: 'expected approvers: two people of whom',
    }),
    z.refine(({ only, arguments: named }) => only === undefined || named !== undefined, {
      error: 'expected arguments beside only',
    }),
  );

/** `rules/<name>.yaml`. */
export const ruleFileDefinition = z.strictObject({
  rules: record(ruleDefinition).check(
    z.describe('by name; of those that hold, the narrowest counts: deny, two_persons, person, allow'),
  ),
});

import * as z from 'zod/mini';
import { assuranceDefinition } from './assurance.ts';
import { record } from './verdicts.ts';

const names = z.array(z.string().check(z.minLength(1)));

/** Who says yes to a call in the place of its owner. */
export const approversDefinition = z
  .strictObject({
    groups: z._default(names, []),
    principals: z._default(names, []),
    persons: z
      ._default(z.union([z.literal(1), z.literal(2)], { error: 'expected 1 or 2' }), 1)
      .check(z.describe('how many different people have to say yes')),
    require: z.optional(assuranceDefinition),
  })
  .check(
    z.refine(({ groups, principals }) => groups.length + principals.length > 0, {
      error: 'expected at least one of groups and principals: nobody named is nobody, never everybody',
    }),
    z.describe('who says yes to a call that waits, in the place of the owner of the session, who then only says no'),
  );

/** Who approves calls of one service. */
const serviceApprovers = z.strictObject({
  every: z.optional(approversDefinition),
  tools: z.optional(record(approversDefinition)),
});

/** `approvals` of `interface.yaml`. */
export const approvalsDefinition = z
  .strictObject({
    valid_for: z._default(
      z
        .string()
        .check(
          z.regex(/^[1-9][0-9]{0,3}(s|m|h)$/, 'expected a time such as "15m" or "2h"'),
          z.describe('how long the first of two yeses waits for the second'),
        ),
      '15m',
    ),
    services: record(serviceApprovers).check(z.describe('by service, or builtin for the tools of the platform itself')),
  })
  .check(
    z.describe('calls that wait for a yes of somebody else than the owner of the session; nobody else unless listed'),
  );

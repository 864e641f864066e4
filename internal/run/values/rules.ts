/** The requests and results that are about rules for single calls. */
import * as z from 'zod/mini';

const text = z.nullable(z.string());

export const guardCalls = {
  request: z.strictObject({ session: z.optional(z.string()), all: z.boolean() }),
  /** How many calls had which end. */
  result: z.strictObject({ allowed: z.number(), denied: z.number(), left: z.number(), elsewhere: z.number() }),
};

const outcome = z.enum(['allow', 'deny', 'person', 'two_persons']);

export const testRules = {
  request: z.strictObject({ file: z.string(), calls: z.optional(z.string()) }),
  result: z.strictObject({
    /** Calls that were judged, and those whose arguments nobody kept. */
    judged: z.number(),
    without_arguments: z.number(),
    changes: z.array(
      z.strictObject({
        call: text,
        session: text,
        at: text,
        service: z.string(),
        tool: z.string(),
        before: z.strictObject({ outcome, rule: text, because: z.string() }),
        after: z.strictObject({ outcome, rule: text, because: z.string() }),
      }),
    ),
  }),
};

export type GuardCallsRequest = z.output<typeof guardCalls.request>;
export type GuardedCalls = z.output<typeof guardCalls.result>;
export type TestRulesRequest = z.output<typeof testRules.request>;
export type TestedRules = z.output<typeof testRules.result>;

import * as z from 'zod/mini';
import { isRecord } from '../text/record.ts';
import { whenDefinition } from './condition.ts';

/** The verdicts from narrow to wide; the order is the meaning (P5). */
export const verdicts = ['off', 'ask', 'auto', 'on'] as const;

/** How far something may go: `off`, `ask`, `auto` or `on`. */
export type Verdict = (typeof verdicts)[number];

const inWords = '(off: disabled, ask: a person confirms each call, auto: the platform judges, on: runs)';

/** A verdict in a file, described for the editor of the person who writes it. */
export function verdict(meaning: string) {
  return z.enum(verdicts).check(z.describe(`${meaning} ${inWords}`));
}

/** A verdict, or one that counts under a condition: `{ verdict: on, when: { ... } }`. */
export function conditionalVerdict(meaning: string) {
  return z
    .union([z.enum(verdicts), z.strictObject({ verdict: z.enum(verdicts), when: whenDefinition })], {
      error: expectedVerdict,
    })
    .check(z.describe(`${meaning} ${inWords}, or { verdict, when }`));
}

/** What is said of something that is no verdict; keys and values are looked into for what is wrong with them. */
export function expectedVerdict({ input }: { input?: unknown }): string | undefined {
  return isRecord(input)
    ? undefined
    : `expected one of ${verdicts.map((each) => `"${each}"`).join(', ')}, or keys and values with a verdict`;
}

/** The verdict of a setting, whatever else it says. */
export function verdictIn(setting: Verdict | { readonly verdict: Verdict }): Verdict {
  return typeof setting === 'string' ? setting : setting.verdict;
}

/** A record for names that come from sign-ins, servers or files. */
export function record<Value extends z.core.$ZodType>(value: Value) {
  return z.pipe(
    z.record(z.string().check(z.minLength(1), z.maxLength(255)), value),
    z.transform(withoutPrototype<z.output<Value>>),
  );
}

/**
 * What is looked up in these records comes from outside, and `record['constructor']` of an ordinary
 * object finds something; of an object without a prototype it finds nothing (P4).
 */
function withoutPrototype<Value>(found: Record<string, Value>): Record<string, Value> {
  return Object.assign(Object.create(null), found);
}

/** The shape of scan.yaml; its JSON Schema is made from the same definition. */
import * as z from 'zod/mini';
import { hostDefinition } from '../../config/addresses.ts';
import { ruleIds } from './rules.ts';

const levelsDefinition = z.strictObject(
  Object.fromEntries(
    ruleIds.map((rule) => [
      rule,
      z.optional(
        rule === 'secret'
          ? z.literal('error', {
              error: 'expected "error": a secret is suppressed one file at a time, with the sha256 of the file',
            })
          : z.enum(['off', 'note', 'warning', 'error']),
      ),
    ]),
  ),
);

const suppressionDefinition = z.strictObject({
  rule: z
    .enum(ruleIds.filter((rule) => !rule.startsWith('suppression-')))
    .check(z.describe('the rule whose findings are accepted')),
  file: z
    .string()
    .check(
      z.maxLength(1024),
      z.regex(
        /^(?!\/)(?!(?:.*\/)?\.{1,2}(?:\/|$))[^*\\]+[^*\\/](?:\/\*\*)?$/,
        'expected a path below the folder of skills such as "triage/SKILL.md", or a folder such as "triage/examples/**"',
      ),
      z.describe('below the folder of skills; a folder with all below it ends in /**'),
    ),
  line: z.optional(z.int().check(z.minimum(1), z.describe('only in this line; left out, in the whole file'))),
  sha256: z.optional(
    z
      .string()
      .check(
        z.regex(/^[0-9a-f]{64}$/, 'expected the SHA-256 of the file, 64 hex digits'),
        z.describe('only while the file is exactly this one; required for secrets'),
      ),
  ),
  reason: z.string().check(
    z.maxLength(1000),
    z.refine((text) => text.trim().length >= 10, 'expected the reason in words, at least 10 characters'),
    z.describe('why it is right, for whoever reviews it'),
  ),
  expires: z
    .string()
    .check(
      z.refine(isDay, 'expected a day such as "2027-01-31"'),
      z.describe('the last day on which it holds (UTC), at most 366 days ahead'),
    ),
});

/** `scan.yaml`: what a team accepts of the scan's findings. */
export const scanDefinition = z.strictObject({
  levels: z.optional(levelsDefinition.check(z.describe('how grave the findings of a rule are'))),
  allowed_domains: z.optional(
    z.array(hostDefinition).check(z.describe('hosts that skills may name, each with everything below it')),
  ),
  suppressions: z.optional(z.array(suppressionDefinition)),
});

/** Whether a text is a day of the calendar, such as `2027-01-31`. */
export function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

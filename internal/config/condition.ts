import * as z from 'zod/mini';
import { assuranceDefinition } from './assurance.ts';

/** The days of the week, as `when` spells them. */
const daysOfTheWeek = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const clockTime = z
  .string()
  .check(z.regex(/^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/, 'expected a time such as "08:00" or "24:00"'));

export const hoursDefinition = z
  .strictObject({
    days: z._default(z.array(z.enum(daysOfTheWeek)).check(z.minLength(1)), [...daysOfTheWeek]),
    from: clockTime,
    to: clockTime.check(z.describe('this minute no longer counts')),
    time_zone: z
      .string()
      .check(
        z.refine(isTimeZone, { error: 'expected the name of a time zone such as "Europe/Berlin" or "UTC"' }),
        z.describe('a name of the IANA time zone database'),
      ),
  })
  .check(
    z.refine(({ from, to }) => from < to, {
      error: 'expected from before to: what goes on after midnight is an entry of its own',
    }),
  );

/** When a setting counts. Everything that is named has to hold; where it does not, the setting is off. */
export const whenDefinition = z
  .strictObject({
    hours: z.optional(
      z.array(hoursDefinition).check(z.minLength(1), z.describe('the session begins in one of these times')),
    ),
    assurance: z.optional(assuranceDefinition),
    groups: z.optional(
      z.array(z.string().check(z.minLength(1))).check(z.minLength(1), z.describe('the person is in one of these')),
    ),
    environments: z.optional(
      z
        .array(z.string().check(z.minLength(1)))
        .check(z.minLength(1), z.describe('the session runs in one of these files of environments/')),
    ),
  })
  .check(z.describe('when this counts, decided as a session begins; at any other time it is off'));

/** When a setting of an agent or of a person counts. */
export type When = z.infer<typeof whenDefinition>;

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

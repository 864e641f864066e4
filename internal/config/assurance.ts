import * as z from 'zod/mini';

/** What a sign-in has to show beyond who it was (RFC 9470): the same words for everybody, a service and an agent. */
export const assuranceDefinition = z
  .strictObject({
    acr: z.optional(
      z
        .array(z.string().check(z.regex(/^[\x21-\x7e]+$/, 'expected one value, without spaces')))
        .check(z.minLength(1), z.describe('the sign-in has to show one of these authentication contexts')),
    ),
    amr: z.optional(
      z
        .array(z.string().check(z.minLength(1)))
        .check(z.minLength(1), z.describe('the sign-in has to show all of these methods (RFC 8176), such as mfa')),
    ),
    max_age: z.optional(
      z
        .string()
        .check(
          z.regex(/^[1-9][0-9]{0,5}(s|m|h|d)$/, 'expected a time such as "30m", "12h" or "7d"'),
          z.describe('how long ago the person may have signed in'),
        ),
    ),
  })
  .check(z.describe('what a sign-in has to show; where it does not, the person signs in again'));

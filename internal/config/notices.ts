import * as z from 'zod/mini';

const program = z.array(z.string().check(z.minLength(1))).check(z.minLength(1));

/** Where a secret is: it is never in a reviewed file itself. */
const signingKeyDefinition = z
  .union(
    [
      z.strictObject({ environment: z.literal('MAI_NOTICES_KEY') }),
      z.strictObject({
        file: z.string().check(z.maxLength(4096), z.regex(/^(\/|[A-Za-z]:[\\/])/, 'expected an absolute path')),
      }),
      z.strictObject({ command: program }),
    ],
    {
      error: () =>
        'expected { environment: MAI_NOTICES_KEY }, { file: <absolute path> } or { command: [<program>, <word>] }',
    },
  )
  .check(
    z.describe(
      'where the key is that notices are signed with (whsec_..., as Standard Webhooks has it): a variable, a file that nobody else reads, or what a program says; no shell',
    ),
  );

/** `notices` of `interface.yaml`. */
export const noticesDefinition = z
  .strictObject({
    to: z
      .string()
      .check(
        z.maxLength(2048),
        z.regex(/^https?:\/\/[^\s@]+$/, 'expected an https address'),
        z.describe('where they are sent by POST: a relay of yours to mail or chat, which verifies the signature'),
      ),
    signing_key: signingKeyDefinition,
  })
  .check(
    z.describe(
      'whom a console tells of calls that wait for a yes and of connections that have to be made again; nobody where left out',
    ),
  );

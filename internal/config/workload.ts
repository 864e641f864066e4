import * as z from 'zod/mini';
import { issuerDefinition } from './addresses.ts';

const claimName = z.string().check(z.minLength(1), z.maxLength(255));
const claimValue = z.union([z.string().check(z.minLength(1), z.maxLength(1024)), z.number(), z.boolean()]);

/** Where the token of a CI job comes from. What comes is verified, whoever put it there (P2). */
const tokenSourceDefinition = z
  .union(
    [
      z.literal('github-actions'),
      z.strictObject({
        variable: z
          .string()
          .check(
            z.regex(
              /^MAI_ID_TOKEN(_[A-Z0-9_]{1,64})?$/,
              'expected MAI_ID_TOKEN, or a name that begins with MAI_ID_TOKEN_',
            ),
          ),
      }),
      z.strictObject({
        file: z.string().check(z.maxLength(4096), z.regex(/^(\/|[A-Za-z]:[\\/])/, 'expected an absolute path')),
      }),
    ],
    {
      error: () =>
        'expected github-actions, { variable: MAI_ID_TOKEN } (or MAI_ID_TOKEN_<NAME>) or { file: <absolute path> }',
    },
  )
  .check(
    z.describe(
      'where the token comes from: github-actions asks the runner, variable is one that the job has set (GitLab id_tokens), file is read anew by each run',
    ),
  );

/** One kind of CI job that may act: whose word counts, and what it has to say. */
export const workloadDefinition = z.strictObject({
  issuer: issuerDefinition('who signs the tokens, exactly as its metadata spells it'),
  audience: z
    .string()
    .check(
      z.minLength(1),
      z.maxLength(255),
      z.describe('whom a token has to be for (aud): a name that is asked for nowhere else'),
    ),
  token: tokenSourceDefinition,
  claims: z
    .record(
      claimName,
      z.union([claimValue, z.array(claimValue).check(z.minLength(1))], {
        error: () => 'expected what the claim says (a text, number or boolean), or a list of what is good',
      }),
    )
    .check(
      z.describe(
        'what the token has to say, of the same type and byte for byte; of a list, one. A name may be a path with dots',
      ),
    ),
  subject_from: z.optional(
    z
      .array(claimName)
      .check(
        z.minLength(1),
        z.maxLength(10),
        z.describe(
          'the claims that say which job it is, in the place of sub, where that changes with each commit or run: then a pipeline keeps its vault',
        ),
      ),
  ),
  groups: z._default(
    z
      .array(z.string().check(z.minLength(1), z.maxLength(255)))
      .check(z.describe('the groups of such a job; nothing in its token gives it others')),
    [],
  ),
});

/** Every kind of CI job that may act. */
export const workloadsDefinition = z
  .array(workloadDefinition)
  .check(z.minLength(1), z.maxLength(50), z.describe('the CI jobs that may act, each with a vault of its own'));

/** The file that says whose tokens count at a wrapped server, and how much it gives anybody. */
import * as z from 'zod/mini';
import { issuerDefinition, resourceDefinition, urlDefinition } from '../config/addresses.ts';
import { checkFile } from '../config/checked-file.ts';
import { mistakeLine } from '../config/mistake.ts';
import { record } from '../config/verdicts.ts';
import { AppError } from '../errors/app-error.ts';

const text = z.string().check(z.minLength(1), z.maxLength(255));
const tools = z.array(text).check(z.minLength(1), z.maxLength(512));
const kibibyte = 1024;
const mebibyte = kibibyte * kibibyte;
const count = (least: number, most: number, meaning: string, usual: number) =>
  z._default(z.int().check(z.minimum(least), z.maximum(most), z.describe(meaning)), usual);

const sessionTokens = z.strictObject({
  issuer: issuerDefinition('who signs the session tokens, byte for byte as they say it'),
  keys: urlDefinition('the address of its key set'),
  status_lists: z.array(urlDefinition('an address of a status list')).check(z.minLength(1), z.maxLength(16)),
  tenants: z.array(text).check(z.minLength(1), z.describe('the workspaces whose sessions count')),
  algorithm: z._default(z.enum(['EdDSA', 'ES256']), 'EdDSA'),
});

const accessTokens = z
  .strictObject({
    issuer: issuerDefinition('the authorization server, exactly as its metadata spells it'),
    audience: z.optional(
      resourceDefinition('whom its tokens have to be for (aud); the url of this server unless told'),
    ),
    tools: z.optional(tools.check(z.describe('the tools that each of its tokens may call'))),
    scopes: z.optional(
      record(tools).check(z.describe('the tools that a token may call besides, by the scope that it has')),
    ),
  })
  .check(
    z.refine(({ tools: all, scopes }) => all !== undefined || scopes !== undefined, {
      error: 'expected tools or scopes: a tool that is not listed is off',
    }),
  );

const limits = z.prefault(
  z.strictObject({
    children: count(1, 1024, 'servers that run at once', 64),
    sessions_per_person: count(1, 64, 'of these for one person', 4),
    body: count(kibibyte, 64 * mebibyte, 'bytes of a request', 4 * mebibyte),
    line: count(kibibyte, 64 * mebibyte, 'bytes of a line that the server says', 8 * mebibyte),
    call_seconds: count(1, 3600, 'how long the server may take for an answer', 120),
    idle_seconds: count(1, 86_400, 'how long a session is kept that nobody uses', 900),
  }),
  {},
);

const definition = z
  .strictObject({
    url: urlDefinition('the address that clients know this server by: what tokens have to be for (aud)'),
    session_tokens: z.optional(z.array(sessionTokens).check(z.minLength(1), z.maxLength(8))),
    access_tokens: z.optional(z.array(accessTokens).check(z.minLength(1), z.maxLength(8))),
    beside_tools: z._default(
      z
        .array(z.enum(['resources', 'prompts']))
        .check(z.describe('what else is let through to everybody who may call anything: tokens speak of tools alone')),
      [],
    ),
    reads: z._default(
      tools.check(
        z.describe(
          'tools that change nothing, as you have found: their calls wait for no disk. Any other is taken for a change',
        ),
      ),
      [],
    ),
    environment: z._default(
      z
        .array(z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected the name of a variable')))
        .check(z.describe('variables of this process that the server has as well')),
      [],
    ),
    limits,
  })
  .check(
    z.refine((file) => file.session_tokens !== undefined || file.access_tokens !== undefined, {
      error: 'expected session_tokens or access_tokens: without either nobody would be let in',
    }),
  );

/** What the file says. */
export type TrustFile = z.infer<typeof definition>;
/** An authorization server whose access tokens count. */
export type AccessIssuer = NonNullable<TrustFile['access_tokens']>[number];
/** How much anybody gets. */
export type Limits = TrustFile['limits'];

/** Reads and checks it. Throws `config_invalid` with a line for each mistake. */
export async function readTrustFile(path: string): Promise<TrustFile> {
  const file = await checkFile({ name: 'trust', path }, definition, ({ session_tokens, access_tokens }) => {
    const issuers = [...(session_tokens ?? []), ...(access_tokens ?? [])].map(({ issuer }) => issuer);
    const twice = issuers.find((issuer, index) => issuers.indexOf(issuer) !== index);
    // Which rules a token is judged by has to follow from who signed it.
    return twice === undefined ? [] : [{ path: [], problem: `the issuer ${JSON.stringify(twice)} is there twice` }];
  });
  const mistakes = file.mistakes().map(mistakeLine);
  if (mistakes.length > 0 || file.whole === undefined) {
    throw new AppError('config_invalid', mistakes.join('\n'), { hint: 'docs/wrap.md shows what stands in it' });
  }
  return file.whole;
}

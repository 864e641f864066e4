import * as z from 'zod/mini';

const keyFilePath = z
  .string()
  .check(
    z.regex(/^(\/|~\/|[A-Za-z]:[\\/])/, 'expected an absolute path, or one that begins with "~/"'),
    z.describe('a file that age-keygen wrote, readable for its owner alone'),
  );

/** Where a sign-in is kept between runs. A file is there only where somebody has asked for one. */
export const keepDefinition = z
  .union(
    [
      z.enum(['keychain', 'memory']),
      z.strictObject({ file: z.union([z.literal('passphrase'), z.strictObject({ key_file: keyFilePath })]) }),
    ],
    { error: () => 'expected keychain, memory, { file: passphrase } or { file: { key_file: <path> } }' },
  )
  .check(
    z.describe(
      'where a sign-in is kept between runs: the keychain (the default), memory only, or a file that is encrypted with age',
    ),
  );

/** `session_tokens` of `interface.yaml`: who signs the tokens that name sessions, and where what verifies them is published. */
import * as z from 'zod/mini';
import { issuerDefinition } from './addresses.ts';

export const sessionTokensDefinition = z.strictObject({
  issuer: issuerDefinition('who signs: keys.json and status are to be had below this address'),
  algorithm: z._default(
    z.enum(['EdDSA', 'ES256']).check(z.describe('ES256 only where a server verifies nothing else')),
    'EdDSA',
  ),
  lifetime: z._default(
    z
      .string()
      .check(
        z.regex(/^(?:[1-9]|10)m$/, 'expected a time from "1m" to "10m"'),
        z.describe('how long a token counts; it is renewed when half of that is over'),
      ),
    '10m',
  ),
  publish: z
    .string()
    .check(
      z.minLength(1),
      z.maxLength(4096),
      z.describe(
        'the folder that keys.json and status are written to, for any static host; a relative one begins at the folder above config/',
      ),
    ),
  tell: z._default(
    z
      .array(z.enum(['email', 'task']))
      .check(z.describe('what a token says beyond ids: the verified address of the person, the title of the session')),
    [],
  ),
  deepest: z._default(
    z.int().check(z.minimum(0), z.maximum(15), z.describe('how many sessions may stand before one')),
    4,
  ),
  signers: z._default(
    z.array(
      z.strictObject({
        kid: z.string().check(z.regex(/^[\w-]{43}$/, 'expected the name of a key of session-keys.json')),
        command: z
          .array(z.string().check(z.minLength(1)))
          .check(
            z.minLength(1),
            z.describe(
              'a program that signs: gets the bytes on stdin, answers with the signature (64 bytes) as base64url; no shell',
            ),
          ),
      }),
    ),
    [],
  ),
});

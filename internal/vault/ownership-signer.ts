/** Where the private ownership key of a run comes from: a descriptor, a program that signs, or the keychain. Never a file. */
import { resolve } from 'node:path';
import type { CompactJWSHeaderParameters } from 'jose';
import type { Interface } from '../config/definitions.ts';
import { isPlace, signerPaths } from '../config/signer-files.ts';
import { AppError } from '../errors/app-error.ts';
import { askProgram } from '../outside/child-process.ts';
import { Exposed, safePath } from '../outside/trusted-file.ts';
import type { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { type Signer, signerOf } from './signature.ts';

/** What a signer may come from. The first that is there is used. */
export interface SignerSources {
  ownership: NonNullable<Interface['ownership']>;
  /** The folder that a relative path of the signer begins at: the one that the configuration is in, wherever somebody stands. */
  project: string;
  /** A private JWK that was handed over on a file descriptor. */
  given: Secret | undefined;
  /** A private JWK that the keychain keeps for a key. */
  kept(kid: string): Promise<Secret | undefined>;
  signal: AbortSignal;
}

const timeoutMs = 60_000;
/** A signature is 86 characters; a program may end its line. */
const longestAnswer = 1_024;

/** The signer of a run, or undefined where it has no key. Throws `ownership_key` for one that is there and unusable. */
export async function findSigner({
  ownership,
  project,
  given,
  kept,
  signal,
}: SignerSources): Promise<Signer | undefined> {
  if (given !== undefined) return privateSigner(given, ownership, 'the key that was handed over');
  if (ownership.signer !== undefined) return programSigner({ ...ownership.signer, project, signal, unusable });
  for (const { kid, retired } of ownership.keys) {
    const key = retired ? undefined : await kept(kid);
    if (key !== undefined) return privateSigner(key, ownership, `the key ${quote(kid)} of the keychain`);
  }
  return undefined;
}

function privateSigner(text: Secret, { keys }: SignerSources['ownership'], what: string): Signer {
  const key = privateKeyOf(text);
  if (key === undefined) throw unusable(`${what} is not a private Ed25519 key (JWK)`);
  const known = keys.find(({ kid, x, retired }) => kid === key.kid && x === key.x && !retired);
  if (known === undefined) throw unusable(`${what} is not one of ownership.keys, or is retired`);
  return signerOf(key);
}

function privateKeyOf(text: Secret) {
  let value: unknown;
  try {
    value = JSON.parse(text.reveal());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { kty, crv, kid, x, d } = value as Record<string, unknown>;
  const isKey =
    kty === 'OKP' && crv === 'Ed25519' && [kid, x, d].every((part) => typeof part === 'string' && part !== '');
  return isKey ? { kty, crv, kid: kid as string, x: x as string, d: d as string } : undefined;
}

/** A program that signs, and the key that it signs with. */
export interface SigningProgram {
  command: readonly string[];
  kid: string;
  /** The folder that relative words begin at. */
  project: string;
  signal: AbortSignal;
  /** The error of what does not sign. */
  unusable(why: string): AppError;
}

/**
 * A program that holds the key, or asks what holds it: it gets the bytes to sign and gives the signature, which is 64 bytes
 * of Ed25519 and of ES256.
 */
export function programSigner({ command, kid, project, signal, unusable }: SigningProgram): Signer {
  return {
    kid,
    async sign(header: CompactJWSHeaderParameters, content: Uint8Array) {
      const encoded = [Buffer.from(JSON.stringify(header)), Buffer.from(content)].map((part) =>
        part.toString('base64url'),
      );
      const input = encoded.join('.');
      const [named = '', ...words] = command;
      // A bare name is looked for on the PATH, by the system.
      const program = isPlace(named) ? resolve(project, named) : named;
      // They came with the configuration, and are as good as that only where nobody else could have written them.
      await Promise.all(signerPaths(project, command).map((path) => requireUnexposed(path, unusable)));
      // Relative words begin at the project as well, and not wherever somebody stands.
      const answer = await askProgram({ program, words, folder: project, input, signal, timeoutMs, longestAnswer });
      if (answer.kind === 'interrupted') throw new AppError('interrupted', 'interrupted while something was signed');
      const why =
        answer.kind === 'late'
          ? `no answer within ${timeoutMs / 1000} s`
          : answer.kind === 'failed'
            ? answer.why
            : undefined;
      if (why !== undefined) throw unusable(`${quote(program)} did not sign: ${quote(why)}`);
      const signature = answer.kind === 'answered' ? answer.text.trim() : '';
      if (!/^[\w-]{86}$/.test(signature)) throw unusable(`${quote(program)} answered with no signature of 64 bytes`);
      return `${input}.${signature}`;
    },
  };
}

async function requireUnexposed(program: string, unusable: SigningProgram['unusable']): Promise<void> {
  try {
    await safePath(program);
  } catch (cause) {
    if (cause instanceof Exposed) throw unusable(`the signer ${cause.message}`);
    throw cause;
  }
}

function unusable(why: string): AppError {
  return new AppError('ownership_key', `owner records cannot be signed: ${why}`);
}

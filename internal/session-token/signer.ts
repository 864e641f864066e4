/** Where the private key of session tokens comes from: a descriptor, a program that signs, or where secrets are kept. Never a file. */
import type { Interface } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Secret } from '../secret/secret.ts';
import { type KeptSecrets, SecretUnavailable } from '../stores/kept-secret.ts';
import { quote } from '../text/quote.ts';
import { recordIn } from '../text/record.ts';
import { programSigner } from '../vault/ownership-signer.ts';
import { type Signer, signerOf } from '../vault/signature.ts';
import { signingKey, type TokenKey } from './keys.ts';

/** What a private key is called where secrets are kept. */
export function tokenKeyName(kid: string): string {
  return `session token key ${kid}`;
}

/** What a signer may come from. The first that is there is used. */
export interface TokenSignerSources {
  settings: NonNullable<Interface['session_tokens']>;
  keys: readonly TokenKey[];
  /** The folder that a relative path of a signer begins at. */
  project: string;
  /** A private JWK that was handed over on a file descriptor. */
  given: Secret | undefined;
  /** Undefined where this run keeps none. */
  secrets: KeptSecrets | undefined;
  now: Date;
  signal: AbortSignal;
}

/** The signer of a run: of the key that signs now, and no other. Throws `token_key` where it has none. */
export async function findTokenSigner(sources: TokenSignerSources): Promise<Signer> {
  const { settings, keys, project, given, secrets, now, signal } = sources;
  const key = signingKey(keys, settings.algorithm, now);
  if (key === undefined) {
    const later = keys.find(({ alg }) => alg === settings.algorithm);
    throw unusable(
      later === undefined
        ? `there is no key for ${settings.algorithm} in config/session-keys.json`
        : `no key signs before ${later.signsFrom}`,
      later === undefined ? 'make one: setup-session keys generate' : 'see them: setup-session keys list',
    );
  }
  if (given !== undefined) return privateSigner(given, key, 'the key that was handed over');
  const program = settings.signers.find(({ kid }) => kid === key.kid);
  if (program !== undefined) return programSigner({ ...program, project, signal, unusable });
  const kept = await secrets?.(tokenKeyName(key.kid))
    .read()
    .catch((error: unknown) => {
      if (error instanceof SecretUnavailable) throw unusable(quote(error.message));
      throw error;
    });
  if (kept !== undefined) return privateSigner(kept, key, 'what is kept');
  throw unusable(
    `this run does not have the key ${quote(key.kid)}, which signs now`,
    secrets === undefined
      ? 'name a program in session_tokens.signers; where this is not done by a console, hand it over with --token-key-fd'
      : 'hand it over with --token-key-fd, name a program in session_tokens.signers, or run it where the key is in the keychain',
  );
}

function privateSigner(text: Secret, { kid, alg, jwk }: TokenKey, what: string): Signer {
  const { d, x } = recordIn(text.reveal()) ?? {};
  if (typeof d !== 'string' || d === '') throw unusable(`${what} is no private key (JWK)`);
  if (x !== jwk.x) throw unusable(`${what} is not the key ${quote(kid)}, which signs now`);
  return signerOf({ ...jwk, d, kid }, alg);
}

function unusable(why: string, hint?: string): AppError {
  return new AppError('token_key', `session tokens cannot be signed: ${why}`, hint === undefined ? {} : { hint });
}

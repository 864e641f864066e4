/** Where the sign-in of a run is kept: the keychain unless the configuration names something else. */
import { join } from 'node:path';
import type { Identity } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { signInAccount, signInDigest } from '../identity/kept-place.ts';
import { PlaceUnavailable, type SignInPlace } from '../identity/kept-sign-in.ts';
import { EncryptedFileUnusable, encryptedFile } from '../outside/encrypted-file.ts';
import { KeychainUnavailable, openKeychain } from '../outside/keychain.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import type { CommandContext } from './program.ts';

/** The place that the configuration and the environment of a run name; undefined where nothing is kept. */
export async function signInPlace(context: CommandContext, identity: Identity): Promise<SignInPlace | undefined> {
  if (identity.mode !== 'sso' || identity.keep === 'memory') return undefined;
  const { environment, signal } = context;
  if (environment.MAI_KEYCHAIN !== undefined && environment.MAI_KEYCHAIN !== 'off') {
    throw new AppError('usage', `MAI_KEYCHAIN is ${quote(environment.MAI_KEYCHAIN)}, expected "off" or nothing`);
  }
  if (identity.keep === undefined || identity.keep === 'keychain') {
    if (environment.MAI_KEYCHAIN === 'off') return undefined;
    const keychain = openKeychain(signal);
    const account = signInAccount(identity);
    return translated({
      called: 'the keychain',
      asks: false,
      read: () => keychain.read(account),
      write: (value) => keychain.write(account, value),
      remove: () => keychain.remove(account),
    });
  }
  const { state } = await context.directories();
  const { file: key } = identity.keep;
  const path = join(state, 'sign-in', `${signInDigest(identity)}.age`);
  const ask = async () => {
    if (!context.interactive) return undefined;
    const { enteredLine } = await import('./entered-line.ts');
    const what = 'the passphrase of the file that keeps the sign-in';
    return new Secret((await enteredLine(context, { what, command: 'login', timeout: undefined })).trim());
  };
  const asks = key === 'passphrase';
  const file = encryptedFile(path, asks ? { passphrase: ask } : { path: key.key_file });
  return translated({ called: 'the encrypted file', asks, ...file });
}

/** The same place in the words of whoever keeps something there. */
function translated(place: SignInPlace): SignInPlace {
  const translate = (error: unknown) => {
    if (error instanceof KeychainUnavailable || error instanceof EncryptedFileUnusable) {
      throw new PlaceUnavailable(error.message, { cause: error });
    }
    throw error;
  };
  return {
    called: place.called,
    asks: place.asks,
    read: () => place.read().catch(translate),
    write: (value) => place.write(value).catch(translate),
    remove: () => place.remove().catch(translate),
  };
}

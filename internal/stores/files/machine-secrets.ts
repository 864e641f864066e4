/** Secrets of this machine: in its keychain, or each in an encrypted file. */
import { EncryptedFileUnusable, encryptedFile, type FileKey } from '../../outside/encrypted-file.ts';
import { type Keychain, KeychainUnavailable } from '../../outside/keychain.ts';
import { type KeptSecret, type KeptSecrets, SecretUnavailable } from '../kept-secret.ts';

export function keychainSecrets(keychain: Keychain): KeptSecrets {
  return (account) =>
    translated({
      called: 'the keychain',
      asks: false,
      read: () => keychain.read(account),
      write: (value) => keychain.write(account, value),
      remove: () => keychain.remove(account),
    });
}

export function encryptedSecret(path: string, key: FileKey): KeptSecret {
  return translated({ called: 'the encrypted file', asks: 'passphrase' in key, ...encryptedFile(path, key) });
}

/** The same in the words of whoever keeps something there. */
function translated({ called, asks, ...secret }: KeptSecret): KeptSecret {
  const translate = (error: unknown) => {
    if (error instanceof KeychainUnavailable || error instanceof EncryptedFileUnusable) {
      throw new SecretUnavailable(error.message, { cause: error });
    }
    throw error;
  };
  return {
    called,
    asks,
    read: () => secret.read().catch(translate),
    write: (value) => secret.write(value).catch(translate),
    remove: () => secret.remove().catch(translate),
  };
}

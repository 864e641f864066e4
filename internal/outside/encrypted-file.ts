/**
 * A private file that is encrypted with age (https://age-encryption.org/v1), for machines without a keychain. The library
 * does all of the cryptography; here is where the key comes from and that nobody else could read it.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { Secret } from '../secret/secret.ts';
import { readText, removeFile, writeText } from './files.ts';

/** What opens the file: a passphrase that somebody enters, or a file that age-keygen wrote. */
export type FileKey = { passphrase: () => Promise<Secret | undefined> } | { path: string };

/** One encrypted text. Throws {@link EncryptedFileUnusable}, or `interrupted`. */
export interface EncryptedFile {
  read(): Promise<Secret | undefined>;
  write(text: Secret): Promise<void>;
  remove(): Promise<void>;
}

/** The file cannot be opened or written now. */
export class EncryptedFileUnusable extends Error {
  override readonly name: string = 'EncryptedFileUnusable';
}

/** 2^16: a second of one processor or so for each guess, and 64 MiB. The library's own default takes four times as long. */
const workFactor = 16;
const longestFile = 256 * 1024;
const longestKeyFile = 64 * 1024;

/** The file at a path. Nothing happens before the first call; a passphrase is asked for once. */
export function encryptedFile(path: string, key: FileKey): EncryptedFile {
  let asked: Promise<Secret | undefined> | undefined;
  const passphrase = async (ask: () => Promise<Secret | undefined>) => {
    asked ??= ask();
    const entered = await asked;
    if (entered === undefined) throw new EncryptedFileUnusable('nobody is here to enter its passphrase');
    return entered.reveal();
  };
  const unlessOurs = (what: string) => (cause: unknown) => {
    if (cause instanceof EncryptedFileUnusable) throw cause;
    if (cause instanceof AppError && cause.code !== 'file_system') throw cause;
    throw new EncryptedFileUnusable(cause instanceof AppError ? cause.message : what, { cause });
  };
  return {
    async read() {
      const text = await readText(path).catch(unlessOurs('it cannot be read'));
      if (text === undefined) return undefined;
      if (text.length > longestFile) throw new EncryptedFileUnusable('it is longer than anything that was kept in it');
      const { armor, Decrypter } = await import('age-encryption');
      const decrypter = new Decrypter();
      if ('path' in key) decrypter.addIdentity(await identityIn(key.path));
      else decrypter.addPassphrase(await passphrase(key.passphrase));
      const opened = (async () => await decrypter.decrypt(armor.decode(text), 'text'))();
      return new Secret((await opened.catch(unlessOurs('this key does not open it, or it was changed'))) ?? '');
    },
    async write(text) {
      const { armor, Encrypter, identityToRecipient } = await import('age-encryption');
      const encrypter = new Encrypter();
      if ('path' in key) encrypter.addRecipient(await identityToRecipient(await identityIn(key.path)));
      else {
        encrypter.setScryptWorkFactor(workFactor);
        encrypter.setPassphrase(await passphrase(key.passphrase));
      }
      const closed = armor.encode(await encrypter.encrypt(text.reveal()));
      await writeText(path, closed, 'private').catch(unlessOurs('it cannot be written'));
    },
    remove: () => removeFile(path).catch(unlessOurs('it cannot be removed')),
  };
}

/** The first identity in a key file. A file that others could read or have written opens nothing. */
async function identityIn(named: string): Promise<string> {
  const path = named.startsWith('~/') ? join(homedir(), named.slice(2)) : named;
  // A link would lead to a file whose owner and mode say nothing about whoever can change the link; a pipe is not waited for.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const file = await open(path, flags).catch((cause: unknown) => {
    throw new EncryptedFileUnusable('its key file cannot be opened', { cause });
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > longestKeyFile) throw new EncryptedFileUnusable('its key file is none');
    const self = process.getuid?.();
    if (self !== undefined && stats.uid !== self) throw new EncryptedFileUnusable('its key file is of another user');
    if (self !== undefined && (stats.mode & 0o077) !== 0) {
      throw new EncryptedFileUnusable('its key file can be read by others: give it the mode 0600');
    }
    const text = await file.readFile('utf8');
    const identity = text.split(/\r?\n/).find((line) => /^AGE-SECRET-KEY-1[0-9A-Z]+$/.test(line.trim()));
    if (identity === undefined) throw new EncryptedFileUnusable('its key file holds no AGE-SECRET-KEY-1');
    return new Secret(identity.trim()).reveal();
  } finally {
    await file.close();
  }
}

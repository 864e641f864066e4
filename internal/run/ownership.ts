/** Whose signatures count in this run, and with what it signs. */
import { dirname } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { KeychainUnavailable, openKeychain } from '../outside/keychain.ts';
import type { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import type { Ownership } from '../vault/resolve.ts';
import type { Ports } from './ports.ts';
import type { TrustedConfiguration } from './trusted-configuration.ts';

/** What a private key is called in the keychain. */
function ownershipKeyAccount(kid: string): string {
  return `ownership key ${kid}`;
}

const descriptorTimeoutMs = 30_000;

/**
 * The ownership rules of the configuration; undefined where it names no keys. Its signer is a program that is started, so the
 * configuration is one that somebody named or confirmed. Throws `usage` for a key that none is for.
 */
export function ownershipOf(
  ports: Ports,
  { folder, interface: { ownership, platform } }: TrustedConfiguration,
): Ownership | undefined {
  const { signal, environment, tell, descriptors } = ports;
  const descriptor = descriptors.ownershipKey;
  if (ownership === undefined || platform.workspace_id === undefined) {
    if (descriptor === undefined) return undefined;
    throw new AppError('usage', '--ownership-key-fd has nothing to sign: the configuration names no ownership keys', {
      hint: 'leave it out, or list the public key in ownership.keys of config/interface.yaml, with platform.workspace_id',
    });
  }
  return {
    workspaceId: platform.workspace_id,
    keys: ownership.keys,
    async signer() {
      const { findSigner } = await import('../vault/ownership-signer.ts');
      const { readSecretFrom } = await import('../outside/file-descriptor.ts');
      const given =
        descriptor === undefined ? undefined : await readSecretFrom(descriptor, signal, descriptorTimeoutMs);
      return await findSigner({
        ownership,
        project: dirname(folder),
        given,
        signal,
        async kept(kid) {
          if (environment.MAI_KEYCHAIN === 'off') return undefined;
          try {
            return await openKeychain(signal).read(ownershipKeyAccount(kid));
          } catch (error) {
            if (!(error instanceof KeychainUnavailable)) throw error;
            tell.detail(`no ownership key from the keychain: ${quote(error.message)}`);
            return undefined;
          }
        },
      });
    },
  };
}

/** Keeps a new private key: in the keychain, or wherever a descriptor leads. Throws `ownership_key` where neither works. */
export async function keepOwnershipKey(
  { signal, environment, descriptors }: Ports,
  kid: string,
  privateKey: Secret,
): Promise<void> {
  const descriptor = descriptors.newKey;
  if (descriptor !== undefined) {
    const { writeSecretTo } = await import('../outside/file-descriptor.ts');
    return await writeSecretTo(descriptor, privateKey);
  }
  const elsewhere = {
    hint: 'write it to a descriptor, in bash or zsh: --private-key-to-fd 3 3> >(<command that keeps it>)',
  };
  if (environment.MAI_KEYCHAIN === 'off') {
    throw new AppError('ownership_key', 'the keychain is switched off with MAI_KEYCHAIN', elsewhere);
  }
  const keychain = openKeychain(signal);
  try {
    if ((await keychain.read(ownershipKeyAccount(kid))) !== undefined) {
      throw new AppError('ownership_key', `the keychain has a key ${quote(kid)} already`, {
        hint: 'choose another --kid: what it has signed would not be proven any more',
      });
    }
    await keychain.write(ownershipKeyAccount(kid), privateKey);
  } catch (cause) {
    if (!(cause instanceof KeychainUnavailable)) throw cause;
    throw new AppError('ownership_key', `the keychain does not keep the key: ${quote(cause.message)}`, elsewhere);
  }
}

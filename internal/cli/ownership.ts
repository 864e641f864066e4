/** Whose signatures count in this run, and with what it signs. */
import type { Configuration } from '../config/definitions.ts';
import { KeychainUnavailable, openKeychain } from '../outside/keychain.ts';
import type { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import type { Ownership } from '../vault/resolve.ts';
import type { CommandContext } from './program.ts';

/** What a private key is called in the keychain. */
export function ownershipKeyAccount(kid: string): string {
  return `ownership key ${kid}`;
}

/** The ownership rules of the configuration; undefined where it names no keys. */
export function ownershipOf(
  context: CommandContext,
  { interface: { ownership, platform } }: Configuration,
  given?: Secret,
): Ownership | undefined {
  if (ownership === undefined || platform.workspace_id === undefined) return undefined;
  const { signal, environment, progress } = context;
  return {
    workspaceId: platform.workspace_id,
    keys: ownership.keys,
    warn: progress.warn,
    async signer() {
      const { findSigner } = await import('../vault/ownership-signer.ts');
      return await findSigner({
        ownership,
        given,
        signal,
        async kept(kid) {
          if (environment.MAI_KEYCHAIN === 'off') return undefined;
          try {
            return await openKeychain(signal).read(ownershipKeyAccount(kid));
          } catch (error) {
            if (!(error instanceof KeychainUnavailable)) throw error;
            progress.detail(`no ownership key from the keychain: ${quote(error.message)}`);
            return undefined;
          }
        },
      });
    },
  };
}

import type { Keychain } from '../../internal/outside/keychain.ts';
import { Secret } from '../../internal/secret/secret.ts';

/** A keychain that lives as long as a test. */
export interface MemoryKeychain extends Keychain {
  /** What is in it, by account. */
  readonly kept: Map<string, string>;
}

/** An empty keychain that always answers. */
export function keychainInMemory(): MemoryKeychain {
  const kept = new Map<string, string>();
  return {
    kept,
    async read(account) {
      const value = kept.get(account);
      return value === undefined ? undefined : new Secret(value);
    },
    async write(account, value) {
      kept.set(account, value.reveal());
    },
    async remove(account) {
      kept.delete(account);
    },
  };
}

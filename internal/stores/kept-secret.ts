/** A secret that is kept between runs, wherever that is. What it means is said by the feature that keeps it. */
import type { Secret } from '../secret/secret.ts';

/**
 * One secret. Every call throws {@link SecretUnavailable} where it cannot be used now, or `interrupted`. It stands nowhere
 * in clear.
 */
export interface KeptSecret {
  /** Where it is, in words, for messages: "the keychain". */
  called: string;
  /** Whether somebody is asked for something: then it is not read before it is needed. */
  asks: boolean;
  /** Undefined where nothing is kept. */
  read(): Promise<Secret | undefined>;
  write(value: Secret): Promise<void>;
  /** Where nothing is kept is as good. */
  remove(): Promise<void>;
}

/** The secrets of one place by name. */
export type KeptSecrets = (name: string) => KeptSecret;

/** Nothing can be kept or read there now, and nothing else is in the way. */
export class SecretUnavailable extends Error {
  override readonly name: string = 'SecretUnavailable';
}

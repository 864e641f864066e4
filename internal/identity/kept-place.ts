/** Where the sign-in of one client at one provider is kept, as a run uses it: it never fails but by an interruption. */

import type { Secret } from '../secret/secret.ts';
import { type KeptSecret, SecretUnavailable } from '../stores/kept-secret.ts';
import type { Key } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { type KeptSignIn, parseKept } from './kept-sign-in.ts';
import type { SsoIdentity } from './sso-provider.ts';

/** A place that is as good as empty where it cannot be used. */
export interface KeptPlace {
  called: string;
  /** What is kept; undefined for nothing, for what was not written by us, and where the place cannot be used. */
  read(): Promise<KeptSignIn | undefined>;
  /** Whether it was written. */
  write(text: Secret): Promise<boolean>;
  remove(): Promise<boolean>;
  /** Why the place could not be used, once that is known. */
  unusable(): string | undefined;
}

/** Under which name a sign-in stands in a keychain, to be read by the person who looks into it. */
export function signInAccount({ issuer, client_id: clientId }: SsoIdentity): string {
  return `sign-in at ${issuer} as ${clientId}`;
}

/** The same as the key of what is kept beside it. */
export function signInKey({ issuer, client_id: clientId }: SsoIdentity): Required<Pick<Key, 'name'>> {
  return { name: JSON.stringify([issuer, clientId]) };
}

/**
 * A place of a run. What is wrong with it is said once, with what to do instead where that is known, and it is left alone
 * from then on.
 */
export function keptPlace(place: KeptSecret, warn: (text: string) => void, instead?: string): KeptPlace {
  let unusable: string | undefined;
  let said = false;
  const say = (text: string) => {
    if (!said) warn(text);
    said = true;
  };
  const attempt = async <Result>(act: () => Promise<Result>): Promise<Result | undefined> => {
    if (unusable !== undefined) return undefined;
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof SecretUnavailable)) throw error;
      unusable = error.message;
      say(
        [`no sign-in is kept: ${place.called} cannot be used: ${quote(error.message)}`, instead]
          .filter(Boolean)
          .join('; '),
      );
      return undefined;
    }
  };
  return {
    called: place.called,
    unusable: () => unusable,
    async read() {
      const text = await attempt(() => place.read());
      if (text === undefined) return undefined;
      const kept = parseKept(text);
      if (kept === undefined) say(`what ${place.called} keeps of a sign-in cannot be read and is not used`);
      return kept;
    },
    write: async (text) => (await attempt(() => place.write(text).then(() => true))) ?? false,
    remove: async () => (await attempt(() => place.remove().then(() => true))) ?? false,
  };
}

/**
 * The note that a refresh token was shown. It is written before the token leaves this machine and taken away once it is known
 * that nothing came of it; what came of it makes it that of another token. Whoever finds one that fits was cut off in between:
 * where tokens rotate, the token may be spent, and showing a spent one ends everything that came of the sign-in (RFC 9700
 * section 4.14). It stands beside what is kept, since a keychain or a passphrase would make every renewal wait for it twice.
 */
import type { Secret } from '../secret/secret.ts';
import type { KeptTexts } from '../stores/kept-text.ts';
import { sha256 } from '../text/canonical.ts';
import { recordIn } from '../text/record.ts';
import type { SsoIdentity } from './sso-provider.ts';

/** The note of one client at one provider. Every call throws `file_system`. */
export interface ShownToken {
  /** Whether this token was shown by a run that did not live to say what came of it. */
  is(token: Secret): Promise<boolean>;
  note(token: Secret): Promise<void>;
  takeBack(): Promise<void>;
}

const version = 1;

/** The note, which only whoever holds the sign-in may write. */
export function shownToken({ issuer, client_id: clientId }: SsoIdentity, signIns: KeptTexts): ShownToken {
  const kept = signIns.at({ name: JSON.stringify([issuer, clientId, 'shown']) });
  // Of a token nobody could guess, its digest gives nothing away.
  const digestOf = (token: Secret) => sha256(`shown to ${issuer}: ${token.reveal()}`);
  return {
    async is(token) {
      const { version: written, token: digest } = recordIn((await kept.read()) ?? '') ?? {};
      return written === version && digest === digestOf(token);
    },
    note: (token) => kept.write(`${JSON.stringify({ version, token: digestOf(token) })}\n`),
    takeBack: () => kept.remove(),
  };
}

/** Who is behind a change. */
import { quote } from '../text/quote.ts';

/** Who is behind a change, and how that was proven. */
export type Actor =
  | { kind: 'person' | 'job'; proof: 'sso' | 'os' | 'workload'; issuer: string; subject: string; label: string }
  /** Whoever holds the key on this machine: nobody has proven who that is, and the name of the account proves nothing. */
  | { kind: 'key_holder'; account: string | undefined }
  /** Somebody on this machine who has not proven anything yet, and needed no key. */
  | { kind: 'unproven'; account: string | undefined };

/** An actor in words, harmless in a terminal. */
export function actorWords(actor: Actor): string {
  if ('subject' in actor) {
    return `the ${actor.kind} ${quote(actor.label)} (${actor.proof} ${quote(actor.issuer)} ${quote(actor.subject)})`;
  }
  const account = actor.account === undefined ? 'no name' : `the name ${quote(actor.account)}, which proves nothing`;
  const who = actor.kind === 'key_holder' ? 'the holder of the key' : 'somebody';
  return `${who} on this machine, whose account has ${account}`;
}

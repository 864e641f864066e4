/** Who is behind a change. */
import { quote } from '../text/quote.ts';

/** How it was proven who somebody is: by signing in, by this machine, as a job, or by a token that a caller showed. */
type Proof = 'sso' | 'os' | 'workload' | 'session-token' | 'access-token';

/** How a person had signed in, as their provider says it (OpenID Connect Core section 2); what it does not say is not there. */
export interface SignIn {
  acr?: string | undefined;
  amr?: readonly string[] | undefined;
  /** In whole seconds since 1970. */
  auth_time?: number | undefined;
}

/** The agent that acts for itself, where somebody proven has it do so: its name, and the person who answers for it. */
export interface Autonomous {
  agent: string;
  /** By subject. */
  sponsor: string;
}

/** Who is behind a change, and how that was proven. */
export type Actor =
  | ({
      kind: 'person' | 'job';
      proof: Proof;
      issuer: string;
      subject: string;
      label: string;
      /** Undefined where they act as themselves. */
      autonomous?: Autonomous | undefined;
    } & SignIn)
  /** Whoever holds the key on this machine: nobody has proven who that is, and the name of the account proves nothing. */
  | { kind: 'key_holder'; account: string | undefined }
  /** Somebody on this machine who has not proven anything yet, and needed no key. */
  | { kind: 'unproven'; account: string | undefined };

/** An actor in words, harmless in a terminal. */
export function actorWords(actor: Actor): string {
  if ('subject' in actor) {
    const { kind, label, proof, issuer, subject, autonomous } = actor;
    const who = `the ${kind} ${quote(label)} (${proof} ${quote(issuer)} ${quote(subject)})`;
    if (autonomous === undefined) return who;
    return `${who}, as the autonomous agent ${quote(autonomous.agent)} that ${quote(autonomous.sponsor)} sponsors`;
  }
  const account = actor.account === undefined ? 'no name' : `the name ${quote(actor.account)}, which proves nothing`;
  const who = actor.kind === 'key_holder' ? 'the holder of the key' : 'somebody';
  return `${who} on this machine, whose account has ${account}`;
}

/**
 * Who the last person at this machine was, for one client of one provider. It decides nothing: somebody else is asked
 * whether that is right, since a sign-in that another person slipped in would act with that person's connections.
 */
import { AppError } from '../errors/app-error.ts';
import type { KeptTexts } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { recordIn } from '../text/record.ts';
import { signInKey } from './kept-place.ts';
import type { Principal } from './principal.ts';
import type { SsoIdentity } from './sso-provider.ts';

/** Where it is kept, and who can be asked. */
export interface LastPersonPlace {
  identity: SsoIdentity;
  signIns: KeptTexts;
  /** Asks for a yes; undefined where nobody can be asked. */
  confirm: ((question: string) => Promise<boolean>) | undefined;
  warn(text: string): void;
}

const version = 1;

/**
 * Lets the last person through, and the first; asks before anybody else takes their place. Throws `another_person`, and
 * `file_system` where somebody else could have written what is kept.
 */
export async function settlePerson(place: LastPersonPlace, principal: Principal): Promise<void> {
  const kept = place.signIns.at(signInKey(place.identity));
  const last = parse(await kept.read());
  const { subject, label } = principal;
  if (last?.subject === subject) return;
  if (last !== undefined) {
    const change = `this is ${called(principal)}, and the last person here was ${called(last)}`;
    if (!(await place.confirm?.(`${change}: is that right?`))) {
      const why = place.confirm === undefined ? 'nobody is here to confirm it' : 'it was not confirmed';
      throw new AppError('another_person', `${change}; ${why}`, {
        hint: 'nothing was kept or changed; if it is right, run logout, and then this again',
      });
    }
  }
  await kept.write(`${JSON.stringify({ version, subject, label })}\n`).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'file_system') throw error;
    place.warn(`who was here last could not be remembered: ${error.message}`);
  });
}

/** Forgets the last person: whoever signs in next is asked nothing. */
export async function forgetPerson({
  identity,
  signIns,
}: Pick<LastPersonPlace, 'identity' | 'signIns'>): Promise<void> {
  await signIns.at(signInKey(identity)).remove();
}

/** Somebody as messages name them: what the provider vouches for, and the subject, which alone decides. */
export function called({ label, subject }: Pick<Principal, 'label' | 'subject'>): string {
  return label === subject ? `the subject ${quote(subject)}` : `${quote(label)} (subject ${quote(subject)})`;
}

/** What cannot be read is nobody: a text that a crash has cut is no reason to refuse anybody. */
function parse(text: string | undefined): Pick<Principal, 'subject' | 'label'> | undefined {
  const { version: written, subject, label } = recordIn(text ?? '') ?? {};
  if (written !== version || typeof subject !== 'string') return undefined;
  return { subject, label: typeof label === 'string' ? label : subject };
}

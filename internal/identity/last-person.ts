/**
 * Who the last person at this machine was, for one client of one provider. It decides nothing: somebody else is asked
 * whether that is right, since a sign-in that another person slipped in would act with that person's connections.
 */
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { FileError, removeFile, writeText } from '../outside/files.ts';
import { ownFile, readTrusted } from '../outside/trusted-file.ts';
import { quote } from '../text/quote.ts';
import { signInDigest } from './kept-place.ts';
import type { Principal } from './principal.ts';
import type { SsoIdentity } from './sso-provider.ts';

/** Where it is kept, and who can be asked. */
export interface LastPersonPlace {
  identity: SsoIdentity;
  stateFolder: string;
  /** Asks for a yes; undefined where nobody can be asked. */
  confirm: ((question: string) => Promise<boolean>) | undefined;
  warn(text: string): void;
}

const version = 1;
/** More than a subject and an e-mail address. */
const longestBytes = 16 * 1024;

/**
 * Lets the last person through, and the first; asks before anybody else takes their place. Throws `another_person`, and
 * `file_system` where somebody else could have written what is kept.
 */
export async function settlePerson(place: LastPersonPlace, principal: Principal): Promise<void> {
  const path = pathOf(place);
  const last = parse(await readTrusted(path, ownFile(longestBytes)));
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
  await writeText(path, `${JSON.stringify({ version, subject, label })}\n`, 'private').catch((error: unknown) => {
    if (!(error instanceof FileError)) throw error;
    place.warn(`who was here last could not be remembered: ${error.message}`);
  });
}

/** Forgets the last person: whoever signs in next is asked nothing. */
export async function forgetPerson(place: Pick<LastPersonPlace, 'identity' | 'stateFolder'>): Promise<void> {
  await removeFile(pathOf(place));
}

/** Somebody as messages name them: what the provider vouches for, and the subject, which alone decides. */
export function called({ label, subject }: Pick<Principal, 'label' | 'subject'>): string {
  return label === subject ? `the subject ${quote(subject)}` : `${quote(label)} (subject ${quote(subject)})`;
}

function pathOf({ identity, stateFolder }: Pick<LastPersonPlace, 'identity' | 'stateFolder'>): string {
  return join(stateFolder, 'sign-in', `${signInDigest(identity)}.person.json`);
}

/** What cannot be read is nobody: a file that a crash has cut is no reason to refuse anybody. */
function parse(text: string | undefined): Pick<Principal, 'subject' | 'label'> | undefined {
  try {
    const kept: unknown = JSON.parse(text ?? '');
    if (!(kept instanceof Object) || !('version' in kept) || kept.version !== version) return undefined;
    if (!('subject' in kept) || typeof kept.subject !== 'string') return undefined;
    return {
      subject: kept.subject,
      label: 'label' in kept && typeof kept.label === 'string' ? kept.label : kept.subject,
    };
  } catch {
    return undefined;
  }
}

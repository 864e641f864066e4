/** The key that notices are signed with: from where the configuration says that it is, and never from the configuration. */
import type { Interface } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { askProgram } from '../../outside/child-process.ts';
import { readTrusted } from '../../outside/trusted-file.ts';
import type { Environment } from '../../run/environment.ts';
import { conceal, Secret } from '../../secret/secret.ts';
import { quote } from '../../text/quote.ts';

/** Where it is. */
export type SigningKeyPlace = NonNullable<Interface['notices']>['signing_key'];

/** 24 to 64 bytes as Standard Webhooks writes them. */
const keyText = /^whsec_(?:[A-Za-z0-9+/]{4}){8,22}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const longestBytes = 4096;
const programMs = 15_000;

/** What reading it takes. */
export interface SigningKeySetting {
  environment: Environment;
  /** Where a program is started. */
  folder: string;
  signal: AbortSignal;
}

/**
 * Reads it; several, separated by spaces, while one takes the place of another. Throws `usage` for what is no such key,
 * `file_system`, and `interrupted`.
 */
export async function readSigningKeys(place: SigningKeyPlace, setting: SigningKeySetting): Promise<Secret[]> {
  const { text, where } = await textAt(place, setting);
  const keys = text.split(/\s+/).filter((each) => each !== '');
  for (const key of keys) conceal(key);
  if (keys.length > 0 && keys.every((key) => keyText.test(key))) return keys.map((key) => new Secret(key));
  throw new AppError('usage', `${where} holds ${keys.length === 0 ? 'nothing' : 'something that is no signing key'}`, {
    hint: 'it is whsec_ and at once behind it 24 to 64 bytes in base64 (openssl rand -base64 32); the receiver gets the same',
  });
}

async function textAt(
  place: SigningKeyPlace,
  { environment, folder, signal }: SigningKeySetting,
): Promise<{ text: string; where: string }> {
  if ('environment' in place) return { text: environment[place.environment] ?? '', where: place.environment };
  if ('file' in place) {
    const correction = 'chmod go-rwx';
    const text = await readTrusted(place.file, {
      longestBytes,
      rootToo: true,
      links: true,
      forbidden: 0o077,
      correction,
    });
    return { text: text ?? '', where: quote(place.file) };
  }
  const [program = '', ...words] = place.command;
  const answer = await askProgram({
    program,
    words,
    folder,
    input: '',
    signal,
    timeoutMs: programMs,
    longestAnswer: longestBytes,
  });
  if (answer.kind === 'answered') return { text: answer.text, where: `the answer of ${quote(program)}` };
  if (answer.kind === 'interrupted') throw new AppError('interrupted', `interrupted while ${quote(program)} was asked`);
  const why = answer.kind === 'late' ? `no answer within ${programMs / 1000} s` : answer.why;
  throw new AppError('usage', `${quote(program)} does not say the key that notices are signed with: ${why}`, {
    hint: 'run it yourself as the account of the console; its command stands in notices.signing_key of interface.yaml',
  });
}

/** Where the address of the database of a console comes from. It holds a password, so it is a secret as a whole (P3). */
import { AppError } from '../errors/app-error.ts';
import { readSecretFrom } from '../outside/file-descriptor.ts';
import { readTrusted } from '../outside/trusted-file.ts';
import type { Ports } from '../run/ports.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';

/** Where it is named beside the environment. */
export interface NamedAddress {
  file: string | undefined;
  descriptor: number | undefined;
}

const patienceMs = 10_000;
const longestBytes = 8 * 1024;

/** Undefined where none is named. Throws `usage` for two at once, a file that is not there and what {@link readSecretFrom} does. */
export async function databaseAddress(
  { environment, signal }: Pick<Ports, 'environment' | 'signal'>,
  { file, descriptor }: NamedAddress,
): Promise<Secret | undefined> {
  if (file !== undefined && descriptor !== undefined) {
    throw new AppError('usage', '--database-url-file and --database-url-fd name two addresses');
  }
  if (descriptor !== undefined) return await readSecretFrom(descriptor, signal, patienceMs);
  if (file === undefined)
    return environment.DATABASE_URL === undefined ? undefined : new Secret(environment.DATABASE_URL);
  // As the key of a certificate: a group may read it, that is how systemd and Kubernetes hand one over.
  const trust = { longestBytes, rootToo: true, links: true, forbidden: 0o027, correction: 'chmod o-rwx,g-w' };
  const text = (await readTrusted(file, trust))?.trim();
  if (text === undefined || text === '') {
    throw new AppError('usage', `there is no address of a database in ${quote(file)}`, {
      hint: '--database-url-file names it',
    });
  }
  return new Secret(text);
}

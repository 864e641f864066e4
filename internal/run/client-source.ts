/** Where a command takes clients from: what is kept, a file descriptor, and the person at the terminal. */
import type { ClientSource } from '../connection/client/client-source.ts';
import { knownClients } from '../connection/client/known-clients.ts';
import { readSecretFrom } from '../outside/file-descriptor.ts';
import type { Ports } from './ports.ts';

const defaultTimeoutSeconds = 300;
/** How long a program may take that prints a secret: it may ask somebody to unlock something. */
const programTimeoutSeconds = 60;

/**
 * The sources of one run. A file descriptor is read at once, before anything is started that could inherit it. Throws
 * `usage`, `timed_out` or `interrupted`.
 */
export async function clientSource({
  signal,
  secrets,
  tell,
  ask,
  descriptors,
  timeoutSeconds = defaultTimeoutSeconds,
}: Ports): Promise<ClientSource> {
  const timeoutMs = timeoutSeconds * 1000;
  const programMs = Math.min(timeoutMs, programTimeoutSeconds * 1000);
  const descriptor = descriptors.clientSecret;
  return {
    known: knownClients(await secrets(), tell),
    entry: {
      secret: descriptor === undefined ? undefined : await readSecretFrom(descriptor, signal, programMs),
      ask: ask && {
        shown: async (question, given) => await ask.needed(question, timeoutMs, given),
        unseen: async (what, given) => await ask.unseen(what, timeoutMs, given),
      },
    },
  };
}

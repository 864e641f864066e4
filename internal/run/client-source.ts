/** Where a command takes clients from: the keychain, a file descriptor, and the person at the terminal. */
import { createInterface } from 'node:readline';
import type { CommandContext } from '../cli/program.ts';
import type { ClientSource } from '../connection/client/client-source.ts';
import type { ClientEntry } from '../connection/client/enter-client.ts';
import { knownClients } from '../connection/client/known-clients.ts';
import { AppError } from '../errors/app-error.ts';
import { readSecretFrom } from '../outside/file-descriptor.ts';
import { openKeychain } from '../outside/keychain.ts';
import { readHidden } from '../outside/terminal-input.ts';
import { quote } from '../text/quote.ts';

/** The options of every command that becomes a client of a service. */
export interface ClientOptions {
  /** `--client-secret-fd`. */
  clientSecretFd?: number | undefined;
  /** `--timeout`, in seconds. */
  timeout?: number | undefined;
}

const defaultTimeoutSeconds = 300;
/** How long a program may take that prints a secret: it may ask somebody to unlock something. */
const programTimeoutSeconds = 60;

/**
 * The sources of one run. A file descriptor is read at once, before anything is started that could inherit it. Throws
 * `usage`, `timed_out` or `interrupted`.
 */
export async function clientSource(
  context: Pick<CommandContext, 'environment' | 'signal' | 'progress' | 'stdin' | 'interactive'>,
  options: ClientOptions,
): Promise<ClientSource> {
  const { environment, signal, progress, interactive } = context;
  const timeoutMs = (options.timeout ?? defaultTimeoutSeconds) * 1000;
  const programMs = Math.min(timeoutMs, programTimeoutSeconds * 1000);
  const descriptor = options.clientSecretFd;
  if (environment.MAI_KEYCHAIN !== undefined && environment.MAI_KEYCHAIN !== 'off') {
    throw new AppError('usage', `MAI_KEYCHAIN is ${quote(environment.MAI_KEYCHAIN)}, expected "off" or nothing`);
  }
  return {
    known: knownClients(environment.MAI_KEYCHAIN === 'off' ? undefined : openKeychain(signal), progress),
    entry: {
      secret: descriptor === undefined ? undefined : await readSecretFrom(descriptor, signal, programMs),
      ask: interactive ? questions(context, timeoutMs) : undefined,
    },
  };
}

function questions(
  { stdin, signal, progress }: Pick<CommandContext, 'stdin' | 'signal' | 'progress'>,
  timeoutMs: number,
): NonNullable<ClientEntry['ask']> {
  /** One line from the terminal, or how the wait for it ended. */
  const oneLine = async (
    given: AbortSignal | undefined,
    open: (line: (text: string) => void, end: (error: AppError) => void) => { close(): void },
  ) => {
    const interruption = given === undefined ? signal : AbortSignal.any([signal, given]);
    const limit = AbortSignal.any([interruption, AbortSignal.timeout(timeoutMs)]);
    const ended = () =>
      interruption.aborted
        ? new AppError('interrupted', 'interrupted')
        : new AppError('timed_out', `nothing was entered within ${Math.round(timeoutMs / 1000)} s`);
    if (limit.aborted) throw ended();
    let opened: { close(): void } | undefined;
    return await new Promise<string>((resolve, reject) => {
      limit.addEventListener('abort', () => reject(ended()), { once: true });
      opened = open(resolve, reject);
    }).finally(() => opened?.close());
  };
  const gone = () => new AppError('client_needed', 'the terminal is gone');
  return {
    async shown(question, given) {
      progress.warn(question);
      return await oneLine(given, (line, end) => {
        // Not in raw mode: the terminal itself shows what is typed and turns Ctrl-C into the signal that everything obeys.
        const lines = createInterface({ input: stdin, terminal: false });
        lines.once('line', line).once('close', () => end(gone()));
        return lines;
      });
    },
    async unseen(what, given) {
      progress.warn(`enter or paste ${what}; nothing is shown while you do, and Enter ends it`);
      return await oneLine(given, (line, end) =>
        readHidden(stdin, {
          line,
          interrupt: () => end(new AppError('interrupted', 'interrupted')),
          end: () => end(gone()),
        }),
      );
    },
  };
}

/** A secret that a person or another program enters: unseen at the terminal, else from stdin; never an argument (P3). */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { readBounded, readHidden } from '../outside/terminal-input.ts';
import type { Entering } from '../run/ports.ts';
import type { Terminal } from './asker.ts';

/** More than any secret that is asked for. */
const longestBytes = 64 * 1024;
/** How long a person may take, and how long another program: many leave a pipe open that nothing ever comes through. */
const defaultSeconds = { terminal: 300, pipe: 30 };

/**
 * One entry as it came, line breaks included. Throws `sign_in_needed` where nobody can enter anything or nothing was
 * entered, `timed_out` or `interrupted`.
 */
export async function enteredLine(
  context: Pick<Terminal, 'stdin' | 'signal' | 'progress' | 'interactive'>,
  { what, command, timeout }: Entering & { timeout: number | undefined },
): Promise<string> {
  const { stdin, progress } = context;
  const nothing = (message: string) =>
    new AppError('sign_in_needed', message, {
      hint: `run this in a terminal: ${command}; or let a password manager write it to the command's stdin`,
    });
  const terminal = stdin.isTTY === true;
  if (terminal && !context.interactive) throw nothing(`nobody is here to enter ${what}`);
  const seconds = timeout ?? (terminal ? defaultSeconds.terminal : defaultSeconds.pipe);
  const limit = AbortSignal.any([context.signal, clock.deadline(seconds * 1000)]);
  if (terminal) progress.warn(`enter or paste ${what}; nothing is shown while you do, and Enter ends it`);
  const waiting = terminal ? undefined : progress.wait(`waiting for ${what} on stdin, at most ${seconds} s`);
  try {
    const text = terminal ? await hiddenLine(context, limit) : await readBounded(stdin, longestBytes, limit);
    if (text.trim() !== '') return text;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (context.signal.aborted) throw new AppError('interrupted', 'interrupted', { cause });
    throw new AppError('timed_out', `nobody entered ${what} within ${seconds} s`, { cause });
  } finally {
    waiting?.done();
  }
  throw nothing(`nobody entered ${what}`);
}

async function hiddenLine({ stdin }: Pick<Terminal, 'stdin'>, limit: AbortSignal): Promise<string> {
  limit.throwIfAborted();
  let close = () => {};
  return await new Promise<string>((resolve, reject) => {
    limit.addEventListener('abort', () => reject(limit.reason), { once: true });
    const reading = readHidden(stdin, {
      line: resolve,
      interrupt: () => reject(new AppError('interrupted', 'interrupted')),
      end: () => resolve(''),
    });
    close = reading.close;
  }).finally(() => close());
}

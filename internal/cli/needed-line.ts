/** One line that has to be entered at the terminal, shown or unseen, before a run can go on. */

import { createInterface } from 'node:readline';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { readHidden } from '../outside/terminal-input.ts';
import type { Asker } from './asker.ts';

/** A line that is seen while it is typed. Throws `timed_out`, `interrupted`, or `client_needed` where the terminal is gone. */
export async function shownLine(
  asker: Asker,
  question: string,
  timeoutMs: number,
  given: AbortSignal | undefined,
): Promise<string> {
  asker.progress.warn(question);
  return await oneLine(asker, timeoutMs, given, (line, end) => {
    // Not in raw mode: the terminal itself shows what is typed and turns Ctrl-C into the signal that everything obeys.
    const lines = createInterface({ input: asker.stdin, terminal: false });
    lines.once('line', line).once('close', () => end(gone()));
    return lines;
  });
}

/** The same, with nothing shown. */
export async function unseenLine(
  asker: Asker,
  what: string,
  timeoutMs: number,
  given: AbortSignal | undefined,
): Promise<string> {
  asker.progress.warn(`enter or paste ${what}; nothing is shown while you do, and Enter ends it`);
  return await oneLine(asker, timeoutMs, given, (line, end) =>
    readHidden(asker.stdin, {
      line,
      interrupt: () => end(new AppError('interrupted', 'interrupted')),
      end: () => end(gone()),
    }),
  );
}

function gone(): AppError {
  return new AppError('client_needed', 'the terminal is gone');
}

/** One line from the terminal, or how the wait for it ended. */
async function oneLine(
  { signal }: Pick<Asker, 'signal'>,
  timeoutMs: number,
  given: AbortSignal | undefined,
  open: (line: (text: string) => void, end: (error: AppError) => void) => { close(): void },
): Promise<string> {
  const interruption = given === undefined ? signal : AbortSignal.any([signal, given]);
  const limit = AbortSignal.any([interruption, clock.deadline(timeoutMs)]);
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
}

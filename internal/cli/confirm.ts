/** Questions at the terminal: one that has a yes, and one that has a line. */

import { createInterface } from 'node:readline';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { discardTyped } from '../outside/terminal-input.ts';
import type { Asker } from './asker.ts';

/**
 * Asks once for a yes. Everything else is no: Enter, Ctrl-D, a terminal that is gone, and waiting too long. Throws
 * `interrupted` on Ctrl-C.
 */
export async function confirm(asker: Asker, question: string, timeoutMs: number): Promise<boolean> {
  return /^\s*y(es)?\s*$/i.test(await typedLine(asker, `${question} [y/N]`, timeoutMs));
}

/** Asks once and waits for one line that is typed from then on, which is empty where none came. Throws `interrupted` on Ctrl-C. */
export async function typedLine(
  { stdin, signal, progress }: Asker,
  question: string,
  timeoutMs: number,
): Promise<string> {
  signal.throwIfAborted();
  if (!(await discardTyped(stdin))) throw new AppError('interrupted', 'interrupted');
  signal.throwIfAborted();
  progress.warn(question);
  if (stdin.readableEnded || stdin.destroyed) return '';
  // Not in raw mode: the terminal itself shows what is typed and turns Ctrl-C into the signal that everything obeys.
  const lines = createInterface({ input: stdin, terminal: false });
  const answer = await new Promise<string>((resolve) => {
    const none = () => resolve('');
    const ended = AbortSignal.any([signal, clock.deadline(timeoutMs)]);
    ended.addEventListener('abort', none, { once: true });
    lines.once('line', resolve).once('close', none).once('error', none);
  }).finally(() => lines.close());
  if (signal.aborted) throw new AppError('interrupted', 'interrupted');
  return answer;
}

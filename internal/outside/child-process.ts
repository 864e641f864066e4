/** Other programs that are asked something: started without a shell, told on stdin, heard on stdout. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { env } from 'node:process';
import type { Readable, Writable } from 'node:stream';
import { clock } from '../clock/clock.ts';

/** What to ask whom. */
export interface Question {
  program: string;
  words: readonly string[];
  /** Where it is started; the current folder where this is left out. */
  folder?: string;
  /** Given on stdin: words can be read by anybody on this machine (P3). */
  input: string | Uint8Array;
  signal: AbortSignal;
  timeoutMs: number;
  /** The longest answer in characters; more of it ends the program. */
  longestAnswer: number;
  /** Variables that it is not to have. */
  unset?: readonly string[];
  /** Variables that it is to have, whatever ours are. */
  set?: Readonly<Record<string, string>>;
}

/** What came of it. `answered` has what stood on stdout when the program ended by itself with 0. */
export type Answer =
  | { kind: 'answered'; text: string }
  | { kind: 'failed'; why: string }
  | { kind: 'late' }
  | { kind: 'interrupted' };

/** Runs a program to its end. It has our environment, which has no secret in it, and its stderr goes nowhere. */
export function askProgram({
  program,
  words,
  folder,
  input,
  signal,
  timeoutMs,
  longestAnswer,
  unset = [],
  set = {},
}: Question): Promise<Answer> {
  if (signal.aborted) return Promise.resolve({ kind: 'interrupted' });
  return new Promise((resolve) => {
    let child: ChildProcessByStdio<Writable, Readable, null>;
    try {
      child = spawn(program, words, {
        stdio: ['pipe', 'pipe', 'ignore'],
        windowsHide: true,
        cwd: folder,
        env: { ...Object.fromEntries(Object.entries(env).filter(([name]) => !unset.includes(name))), ...set },
      });
    } catch (error) {
      // Some reasons come as an event, and others, such as a path through a file, are thrown.
      return resolve({ kind: 'failed', why: error instanceof Error ? error.message : String(error) });
    }
    let text = '';
    const end = (answer: Answer) => {
      stopWaiting();
      signal.removeEventListener('abort', interrupt);
      child.kill('SIGKILL');
      resolve(answer);
    };
    const interrupt = () => end({ kind: 'interrupted' });
    const stopWaiting = clock.after(timeoutMs, () => end({ kind: 'late' }));
    signal.addEventListener('abort', interrupt, { once: true });
    child.once('error', ({ message }) => end({ kind: 'failed', why: message }));
    child.once('close', (code) =>
      end(code === 0 ? { kind: 'answered', text } : { kind: 'failed', why: `exit ${code}` }),
    );
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if (text.length > longestAnswer) end({ kind: 'failed', why: 'it says too much' });
    });
    // A program that ended before it was told everything has said so by ending.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

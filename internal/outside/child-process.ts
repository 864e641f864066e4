/** Other programs that are asked something: started without a shell, told on stdin, heard on stdout. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
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
      return resolve(notStarted(error));
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

/** Some reasons come as an event, and others, such as a path through a file, are thrown. */
function notStarted(error: unknown): Answer {
  return { kind: 'failed', why: error instanceof Error ? error.message : String(error) };
}

/** How long one line may wait for its answer. */
export interface LineLimits {
  signal: AbortSignal;
  timeoutMs: number;
}

/**
 * A program that answers each line on its stdin with one on stdout, and stays to be asked again: starting it costs more than
 * an answer. Each line begins with a number and a blank, and so does its answer: no answer is taken for that of another
 * question. It is begun by the first question, asked one thing at a time, and ended when nobody asked for `idleMs`, when it
 * owes an answer for too long, and with us. One that went between two questions is begun anew.
 */
export function answeringLines({
  program,
  words,
  longestAnswer,
  idleMs,
}: Pick<Question, 'program' | 'words' | 'longestAnswer'> & { idleMs: number }): (
  line: string,
  limits: LineLimits,
) => Promise<Answer> {
  let running: ChildProcessByStdio<Writable, Readable, null> | undefined;
  let keepOn = () => {};
  let turn: Promise<unknown> = Promise.resolve();
  let questions = 0;

  const start = () => {
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'ignore'], windowsHide: true });
    const gone = () => {
      if (running === child) running = undefined;
    };
    child.once('error', gone).once('close', gone);
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8');
    // Alone it keeps no process alive; the pipes of a child are sockets.
    child.unref();
    (child.stdin as Socket).unref();
    (child.stdout as Socket).unref();
    return child;
  };

  const ask = (line: string, { signal, timeoutMs }: LineLimits): Promise<Answer> => {
    if (signal.aborted) return Promise.resolve({ kind: 'interrupted' });
    if (timeoutMs <= 0) return Promise.resolve({ kind: 'late' });
    keepOn();
    questions += 1;
    const number = `${questions} `;
    const stayed = running !== undefined;
    let child: ChildProcessByStdio<Writable, Readable, null>;
    try {
      child = running ??= start();
    } catch (error) {
      return Promise.resolve(notStarted(error));
    }
    return new Promise((resolve) => {
      let text = '';
      const stopListening = () => {
        stopWaiting();
        signal.removeEventListener('abort', interrupt);
        child.off('error', broken).off('close', closed).stdout.off('data', hear);
        (child.stdout as Socket).unref();
      };
      const end = (answer: Answer) => {
        stopListening();
        if (running === child) running = undefined;
        child.kill('SIGKILL');
        resolve(answer);
      };
      const interrupt = () => end({ kind: 'interrupted' });
      const broken = ({ message }: Error) => end({ kind: 'failed', why: message });
      const closed = (code: number | null) => {
        if (!stayed || text !== '') return end({ kind: 'failed', why: `exit ${code}` });
        // It went before it heard this, as with a Ctrl-C that all of a terminal hear.
        stopListening();
        resolve(ask(line, { signal, timeoutMs }));
      };
      const hear = (piece: string) => {
        text += piece;
        const length = text.indexOf('\n');
        if (length < 0 && text.length > longestAnswer) return end({ kind: 'failed', why: 'it says too much' });
        if (length < 0) return;
        if (!text.startsWith(number)) return end({ kind: 'failed', why: 'it answers what was not asked' });
        stopListening();
        keepOn = clock.after(idleMs, () => {
          if (running === child) running = undefined;
          child.kill('SIGKILL');
        });
        resolve({ kind: 'answered', text: text.slice(number.length, length) });
      };
      const stopWaiting = clock.after(timeoutMs, () => end({ kind: 'late' }));
      signal.addEventListener('abort', interrupt, { once: true });
      child.once('error', broken).once('close', closed).stdout.on('data', hear);
      (child.stdout as Socket).ref();
      child.stdin.write(`${number}${line}\n`);
    });
  };

  return (line, { signal, timeoutMs }) => {
    const until = clock.monotonic() + timeoutMs;
    const answer = turn.then(() => ask(line, { signal, timeoutMs: until - clock.monotonic() }));
    turn = answer;
    return answer;
  };
}

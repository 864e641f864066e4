/** What is typed or piped in: lines that must not be seen on the screen, and an input that is no terminal. */

import { createInterface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import { clock } from '../clock/clock.ts';

/** Where keys come from: a terminal in a real run. */
export type TerminalInput = Readable & { isTTY?: boolean; setRawMode?(raw: boolean): unknown };

/** Long enough for what is waiting at a terminal to be handed over, and too short for anybody to notice. */
const waitingMs = 50;

/**
 * Throws away what was typed before anybody was asked: it answers something else, or nothing. A line that was begun goes
 * too, for which the terminal hands over every key for that moment. False where Ctrl-C was among them.
 */
export async function discardTyped(input: TerminalInput): Promise<boolean> {
  if (input.readableEnded || input.destroyed) return true;
  let interrupted = false;
  const discard = (piece: Buffer | string) => {
    interrupted ||= piece.toString().includes('\u0003');
  };
  const ignore = () => {};
  // A terminal that hangs up is no error of ours, and has no mode.
  input.on('error', ignore);
  input.setRawMode?.(true);
  // A question before this one has paused it, and then listening alone does not resume it.
  input.on('data', discard).resume();
  try {
    await clock.pause(waitingMs);
  } finally {
    input.off('data', discard).pause();
    if (!input.destroyed) input.setRawMode?.(false);
    input.off('error', ignore);
  }
  return !interrupted;
}

/** What to do with what is typed or pasted. */
export interface HiddenEntry {
  line(text: string): void;
  /** Ctrl-C: the terminal sends no signal while it echoes nothing. */
  interrupt(): void;
  /** Ctrl-D, or the terminal is gone: nothing more will come. */
  end(): void;
}

/**
 * Reads lines without showing them and without a history. The terminal is as it was again when `close` returns, and
 * before `interrupt` and `end` are called; `close` is safe to call more than once.
 */
export function readHidden(input: TerminalInput, entry: HiddenEntry): { close(): void } {
  // Readline echoes by itself, to its output: there is none.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0, crlfDelay: Infinity });
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    lines.close();
  };
  lines.on('line', (text) => {
    if (!closed) entry.line(text);
  });
  lines.on('SIGINT', () => {
    close();
    entry.interrupt();
  });
  const end = () => {
    if (closed) return;
    close();
    entry.end();
  };
  lines.on('close', end);
  // A terminal that hangs up is no error of ours.
  lines.on('error', end);
  return { close };
}

/**
 * All of an input that is no terminal, as text, or as much as goes beyond `longestBytes`: an input may have no end.
 * What there is when the signal aborts is thrown away, and its reason thrown.
 */
export async function readBounded(input: TerminalInput, longestBytes: number, signal: AbortSignal): Promise<string> {
  return (await readBoundedBytes(input, longestBytes, signal)).toString('utf8');
}

/** As {@link readBounded}, for whoever has to see whether it is text at all. */
export async function readBoundedBytes(
  input: TerminalInput,
  longestBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  const over = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over.signal });
      for (const name of ['end', 'close', 'error']) input.once(name, resolve);
      if (input.readableEnded || input.destroyed) return resolve();
      input.on('data', (piece: Buffer | string) => {
        pieces.push(Buffer.from(piece));
        bytes += pieces.at(-1)?.length ?? 0;
        if (bytes <= longestBytes) return;
        // At once: an input that always has more would never let another turn begin.
        input.pause();
        resolve();
      });
    });
    return Buffer.concat(pieces);
  } finally {
    over.abort();
    input.pause();
  }
}

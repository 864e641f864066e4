/** The person's keyboard, for what must not be seen on the screen. */
import { createInterface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';

/** Where keys come from: a terminal in a real run. */
export type TerminalInput = Readable & { isTTY?: boolean };

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

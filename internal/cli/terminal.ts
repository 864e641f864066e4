/**
 * The words beside the result. Results go to stdout, everything here to stderr, each line starting with the
 * name of the tool, lower case, without a final stop. The one exception is the spinner on a terminal.
 */
import type { Writable } from 'node:stream';
import type { Environment } from './environment.ts';

/** A stream that may be a terminal. */
export type Output = Writable & { isTTY?: boolean };

/** How much is said. */
export type Verbosity = 'quiet' | 'normal' | 'verbose' | 'debug';

/** Something that takes time; `done` ends it on every path, with or without a last line. */
export interface Waiting {
  done(text?: string): void;
}

/** The lines a command says while it works. */
export interface Progress {
  /** For everybody, unless `--quiet`. */
  note(text: string): void;
  /** With `--verbose`. */
  detail(text: string): void;
  /** Said even with `--quiet`: something the person has to know or do. */
  warn(text: string): void;
  /** A spinner on a terminal, one plain line otherwise; nothing with `--quiet`. */
  wait(text: string): Waiting;
}

/** Makes the progress lines of one run. The spinner library is loaded by `animate`, on a terminal only. */
export function progressOn(tool: string, stderr: Output, verbosity: Verbosity, animate: Animate | undefined): Progress {
  const line = (text: string) => void stderr.write(`${tool}: ${text}\n`);
  return {
    note: (text) => void (verbosity !== 'quiet' && line(text)),
    detail: (text) => void ((verbosity === 'verbose' || verbosity === 'debug') && line(text)),
    warn: line,
    wait(text) {
      if (verbosity === 'quiet') return { done() {} };
      if (animate !== undefined) return animate(`${tool}: ${text}`);
      line(text);
      return { done: (last) => void (last !== undefined && line(last)) };
    },
  };
}

/** Starts an animated line and returns how to end it. */
export type Animate = (text: string) => Waiting;

/** The spinner of a terminal, or undefined where plain lines are right: no terminal, CI, `--quiet`. */
export async function spinnerFor(stderr: Output, environment: Environment): Promise<Animate | undefined> {
  if (stderr.isTTY !== true || environment.CI !== undefined) return undefined;
  const { default: ora } = await import('ora');
  return (text) => {
    const spinner = ora({ text, stream: stderr as never, discardStdin: false }).start();
    return { done: (last) => void (last === undefined ? spinner.stop() : spinner.succeed(last)) };
  };
}

/**
 * The words beside the result. Results go to stdout, everything here to stderr, each line starting with the
 * name of the tool, lower case, without a final stop. The exceptions are the spinner on a terminal and commands to the
 * runner of a CI job. A name from outside in them can neither move the cursor nor forge a line (P9).
 */
import type { Writable } from 'node:stream';
import type { Environment } from '../run/environment.ts';
import type { Tell } from '../run/ports.ts';
import { boundToRun } from '../secret/secret.ts';
import { visible } from '../text/quote.ts';
import { wantsColor } from './paint.ts';

/** A stream that may be a terminal. */
export type Output = Writable & { isTTY?: boolean; columns?: number; rows?: number };

/** How much is said. */
export type Verbosity = 'quiet' | 'normal' | 'verbose' | 'debug';

/** Makes the progress lines of one run. The spinner library is loaded by `animate`, on a terminal only. */
export function progressOn(tool: string, stderr: Output, verbosity: Verbosity, animate: Animate | undefined): Tell {
  let spinning: Spinner | undefined;
  // A terminal or a socket may call what says something, and belongs to no run.
  const shown = boundToRun(visible);
  const line = (text: string) => {
    spinning?.clear();
    stderr.write(`${tool}: ${shown(text)}\n`);
  };
  return {
    note: (text) => void (verbosity !== 'quiet' && line(text)),
    detail: (text) => void ((verbosity === 'verbose' || verbosity === 'debug') && line(text)),
    warn: (text) => line(text),
    event() {},
    command(text) {
      spinning?.clear();
      stderr.write(`${shown(text)}\n`);
    },
    wait(text) {
      if (verbosity === 'quiet') return { update() {}, done() {} };
      if (animate !== undefined) {
        const spinner = animate(`${tool}: ${shown(text)}`);
        spinning = spinner;
        return {
          update: (next) => spinner.update(`${tool}: ${shown(next)}`),
          done(last) {
            spinning = undefined;
            spinner.stop();
            if (last !== undefined) line(last);
          },
        };
      }
      line(text);
      return { update() {}, done: (last) => void (last !== undefined && line(last)) };
    },
  };
}

/** An animated line: `clear` takes it off the screen for another line, `stop` for good. */
export interface Spinner {
  update(text: string): void;
  clear(): void;
  stop(): void;
}

/** Starts an animated line. */
export type Animate = (text: string) => Spinner;

/** A narrower terminal would break one animated line into many. */
const leastColumns = 20;
const usualColumns = 80;

/** Whether a line can be changed on an output: it is a terminal that knows escape codes and how wide it is. */
function canAnimate({ isTTY, columns = 0 }: Output, { CI, TERM }: Environment): boolean {
  return isTTY === true && CI === undefined && TERM !== 'dumb' && columns >= leastColumns;
}

/**
 * Keeps the width of a terminal one that can be counted with while it changes: a spinner that divides by 0 columns clears
 * lines for ever, and no signal and no time limit comes through.
 */
function keepCountable(output: Output): void {
  let columns = output.columns;
  Object.defineProperty(output, 'columns', {
    configurable: true,
    enumerable: true,
    get: () => (columns !== undefined && columns >= leastColumns ? columns : usualColumns),
    set(changed: number | undefined) {
      columns = changed;
    },
  });
}

/** The spinner of a terminal, or undefined where plain lines are right. */
export async function spinnerFor(
  stderr: Output,
  environment: Environment,
  colorFlag: boolean,
): Promise<Animate | undefined> {
  if (!canAnimate(stderr, environment)) return undefined;
  keepCountable(stderr);
  const { default: ora } = await import('ora');
  // Decided here: left to itself, it looks at the environment of the process, where `CI=false` counts as set.
  return (text) => {
    const color = wantsColor(stderr, environment, colorFlag) ? 'cyan' : false;
    const spinner = ora({ text, stream: stderr as never, discardStdin: false, color, isEnabled: true }).start();
    return {
      update(next) {
        spinner.text = next;
      },
      clear: () => void spinner.clear(),
      stop: () => void spinner.stop(),
    };
  };
}

/**
 * The words beside the result. Results go to stdout, everything here to stderr, each line starting with the
 * name of the tool, lower case, without a final stop. The exceptions are the spinner on a terminal and commands to the
 * runner of a CI job. A name from outside in them can neither move the cursor nor forge a line (P9).
 */
import type { Writable } from 'node:stream';
import { clock } from '../clock/clock.ts';
import type { Environment } from '../run/environment.ts';
import type { Tell, Waiting } from '../run/ports.ts';
import { boundToRun } from '../secret/secret.ts';
import { howFar, howLong } from '../text/how-far.ts';
import { visible } from '../text/quote.ts';
import { wantsColor } from './paint.ts';

/** A stream that may be a terminal. */
export type Output = Writable & { isTTY?: boolean; columns?: number; rows?: number };

/** How much is said. */
export type Verbosity = 'quiet' | 'normal' | 'verbose' | 'debug';

/** The progress lines of one run. */
export interface Progress extends Tell {
  /** Takes a line that changes off the screen, for what is written there by others. */
  clear(): void;
}

/**
 * Makes the progress lines of one run. The spinner library is loaded by `animate`, on a terminal only.
 *
 * @param before does what has to be done before something is said, such as ending a line that stands on the same terminal
 */
export function progressOn(
  tool: string,
  stderr: Output,
  verbosity: Verbosity,
  animate: Animate | undefined,
  before: () => void = () => {},
): Progress {
  let spinning: Spinner | undefined;
  // A terminal or a socket may call what says something, and belongs to no run.
  const shown = boundToRun(visible);
  const line = (text: string) => {
    before();
    spinning?.clear();
    stderr.write(`${tool}: ${shown(text)}\n`);
  };
  return {
    note: (text) => void (verbosity !== 'quiet' && line(text)),
    detail: (text) => void ((verbosity === 'verbose' || verbosity === 'debug') && line(text)),
    warn: (text) => line(text),
    event() {},
    clear: () => spinning?.clear(),
    command(text) {
      before();
      spinning?.clear();
      stderr.write(`${shown(text)}\n`);
    },
    wait(text) {
      if (verbosity === 'quiet') return { at() {}, done() {} };
      if (animate !== undefined) {
        before();
        const spinner = animate(`${tool}: ${shown(text)}`);
        spinning = spinner;
        return {
          at: (done, all, now = text) => spinner.update(`${tool}: ${howFar(done, all)} ${shown(now)}`),
          done(last) {
            spinning = undefined;
            spinner.stop();
            if (last !== undefined) line(last);
          },
        };
      }
      line(text);
      return inLines(line, text);
    },
  };
}

/** How often a log hears how far something is. */
const everyMs = 15_000;

/** What a log hears of something that takes long: nothing of what is over before a person would ask. */
function inLines(line: (text: string) => void, text: string): Waiting {
  const began = clock.monotonic();
  let last = began;
  return {
    at(done, all, now = text) {
      if (clock.monotonic() - last < everyMs) return;
      last = clock.monotonic();
      line(`${howFar(done, all)} ${now} (${howLong(last - began)})`);
    },
    done: (ended) => void (ended !== undefined && line(ended)),
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
/** Who has waited for so long is told how long it is. */
const longMs = 3_000;

/** Whether a line can be changed on an output: it is a terminal that knows escape codes and how wide it is. */
function canAnimate({ isTTY, columns = 0 }: Output, { CI, TERM = '' }: Environment): boolean {
  // The consoles of Windows know escape codes and set no TERM.
  const knowsCodes = TERM === '' ? process.platform === 'win32' : TERM !== 'dumb';
  return isTTY === true && CI === undefined && knowsCodes && columns >= leastColumns;
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
    const began = clock.monotonic();
    const suffixText = () => {
      const elapsed = clock.monotonic() - began;
      return elapsed < longMs ? '' : `(${howLong(elapsed)})`;
    };
    const spinner = ora({
      text,
      suffixText,
      stream: stderr as never,
      discardStdin: false,
      color,
      isEnabled: true,
    }).start();
    return {
      update(next) {
        spinner.text = next;
      },
      clear: () => void spinner.clear(),
      stop: () => void spinner.stop(),
    };
  };
}

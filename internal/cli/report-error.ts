/**
 * The only file that prints an error, once, and the only one that knows both the error and its exit code (P10).
 */
import { AppError, asAppError } from '../errors/app-error.ts';
import { type ExitCode, exitCodeOf } from '../errors/exit-codes.ts';
import { didYouMean, nearestCommands } from '../text/nearest.ts';
import { quote, visible } from '../text/quote.ts';
import { type Paint, paintFor } from './paint.ts';
import type { CommonOptions, Invocation } from './program.ts';

/** A complaint of commander's about the command line, and the command that it is about, as it is called. */
export interface Complaint {
  said: string;
  command: string | undefined;
  /** A word where a command can stand, and the commands: the words that lead to each. `only` where nothing else can. */
  instead?: { word: string; commands: readonly string[]; only: boolean };
}

/** What ended a run. `usage` is there where the command line was wrong. */
export interface Failure {
  error: unknown;
  usage?: Complaint | undefined;
}

/** Prints an error on stderr, with `--json` as one JSON value in the last line, and returns the code to exit with. */
export async function reportError(
  tool: string,
  failure: Failure,
  { argv, environment, stderr, signal }: Invocation,
  { debug = false, json, jsonEvents, color }: CommonOptions,
): Promise<ExitCode> {
  const { error, usage } = failure;
  const appError = usage === undefined || error instanceof AppError ? asAppError(error, signal) : usageError(usage);
  const exit = exitCodeOf[appError.code];
  // Commander may have failed before it knew its options.
  const asEvents = jsonEvents ?? argv.includes('--json-events');
  if (asEvents || (json ?? argv.includes('--json'))) {
    const { causeEvent, errorEvent } = await import('./events.ts');
    const cause = asEvents ? causeEvent(appError) : '';
    stderr.write(`${cause}${errorEvent(appError, exit, debug ? debugLines(appError) : undefined)}`);
    return exit;
  }
  const paint = await paintFor(stderr, environment, color ?? !argv.includes('--no-color'));
  stderr.write(errorText(tool, appError, paint, debug));
  return exit;
}

/** An error the one way errors are printed. */
function errorText(tool: string, error: AppError, paint: Paint, debug: boolean): string {
  const lines = error.message
    .split('\n')
    .map((line, index) =>
      index === 0 ? `${paint.error('error:')} ${visible(line)} [${error.code}]` : `  ${visible(line)}`,
    );
  if (error.hint !== undefined) lines.push(`${paint.hint('hint:')} ${visible(error.hint)}`);
  if (debug) lines.push(...debugLines(error).map((line) => `debug: ${line}`));
  return lines.map((line) => `${tool}: ${line}\n`).join('');
}

/** Commander words its errors as `error: unknown option '--x'` with an optional second line of advice. */
function usageError({ said, command, instead }: Complaint): AppError {
  const near = instead === undefined ? [] : nearestCommands(instead.word, instead.commands);
  if (instead !== undefined && (instead.only || near.length > 0)) {
    const hint = near.length > 0 ? didYouMean(near) : `${command} --help lists what there is`;
    return new AppError('usage', `${command} has no command ${quote(instead.word)}`, { hint });
  }
  const [first = '', ...rest] = said.replace(/^error: /, '').split('\n');
  const advice = rest
    .join(' ')
    .replace(/^\((.*)\)$/, '$1')
    .trim();
  const help = `${command === undefined ? '' : `${command} `}--help lists what there is`;
  return new AppError('usage', first, { hint: advice === '' ? help : advice.toLowerCase() });
}

/** Where each error of the chain was made: names and frames, never the messages of causes, which may quote bodies. */
function debugLines(error: Error): string[] {
  const lines: string[] = [];
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    const frames = (current.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
    lines.push(current.name, ...frames.map((frame) => frame.trim()));
  }
  return lines;
}

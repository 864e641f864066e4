/**
 * Runs one command line from argv to exit code. The only file that prints an error, once, and the only one
 * that knows both the error and its exit code (P10). A failing command prints nothing on stdout.
 */
import { type Command, CommanderError } from 'commander';
import { AppError } from '../errors/app-error.ts';
import { type ExitCode, exitCodeOf } from '../errors/exit-codes.ts';
import type { OpenBrowser } from '../outside/browser.ts';
import type { Directories } from '../outside/directories.ts';
import { harmlessJson, visible } from '../text/quote.ts';
import type { Environment } from './environment.ts';
import { type Paint, paintFor } from './paint.ts';
import { type Output, type Progress, progressOn, spinnerFor, type Verbosity } from './terminal.ts';

/** What a process gives to a run; tests give their own. */
export interface Invocation {
  /** The words after the program's name. */
  argv: readonly string[];
  environment: Environment;
  stdin: { isTTY?: boolean };
  stdout: { write(text: string): unknown };
  stderr: Output;
  /** Aborted on SIGINT and SIGTERM. */
  signal: AbortSignal;
  directories(): Directories | Promise<Directories>;
  openBrowser: OpenBrowser;
}

/** The options that every command of every executable takes. */
export interface CommonOptions {
  config?: string;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
  debug?: boolean;
  color?: boolean;
}

/** What a command works with, beside its own options. */
export interface CommandContext {
  environment: Environment;
  progress: Progress;
  signal: AbortSignal;
  directories(): Directories | Promise<Directories>;
  openBrowser: OpenBrowser;
  options: CommonOptions;
  /** Whether questions can be asked: stdin and stderr are terminals and this is not CI. */
  interactive: boolean;
  /** Writes a piece of the result before the command ends, for answers that stream. Not with `--json`. */
  stream(text: string): void;
}

/** The result of a command: text for people, one value for `--json`. */
export interface CommandResult {
  text: string;
  json: unknown;
  /** 0 unless the result itself says otherwise (7 for `--check`). */
  exit?: ExitCode;
}

/** Turns an action into a commander action. */
export type Run = <Words extends unknown[]>(
  action: (context: CommandContext, ...words: Words) => Promise<CommandResult>,
) => (...words: [...Words, Command]) => Promise<void>;

/** An executable: its name and how its commander program is built around a {@link Run}. */
export interface Executable {
  name: string;
  build(run: Run): Promise<Command>;
}

/** Runs an executable once and returns the code to exit with. Never throws and never exits by itself. */
export async function runExecutable(executable: Executable, invocation: Invocation): Promise<ExitCode> {
  let exit: ExitCode = 0;
  let options: CommonOptions = {};
  const run: Run =
    (action) =>
    async (...words) => {
      const command = words.at(-1) as Command;
      options = command.optsWithGlobals<CommonOptions>();
      const verbosity = verbosityOf(options);
      const { environment } = invocation;
      const animate =
        verbosity === 'quiet' ? undefined : await spinnerFor(invocation.stderr, environment, options.color !== false);
      const result = await action(
        {
          environment,
          progress: progressOn(executable.name, invocation.stderr, verbosity, animate),
          signal: invocation.signal,
          directories: invocation.directories,
          openBrowser: invocation.openBrowser,
          options,
          interactive:
            invocation.stdin.isTTY === true && invocation.stderr.isTTY === true && environment.CI === undefined,
          stream: (text) => void (options.json !== true && invocation.stdout.write(text)),
        },
        // An option of the program may stand behind a subcommand, so what commander hands over is not all there is.
        ...([...words.slice(0, -2), options] as never),
      );
      exit = result.exit ?? 0;
      const text = options.json === true ? harmlessJson(result.json) : result.text;
      if (text !== '') invocation.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    };

  try {
    const program = await executable.build(run);
    for (const command of [program, ...program.commands]) {
      command.exitOverride().configureOutput({
        writeOut: (text) => void invocation.stdout.write(text),
        writeErr: () => {},
      });
    }
    await program.parseAsync(invocation.argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    // Commander may have failed before it knew its options.
    const paint = await paintFor(invocation.stderr, invocation.environment, !invocation.argv.includes('--no-color'));
    const appError = asAppError(error, invocation.signal);
    invocation.stderr.write(errorText(executable.name, appError, paint, options.debug === true));
    return exitCodeOf[appError.code];
  }
}

/** An error the one way errors are printed. */
function errorText(tool: string, error: AppError, paint: Paint, debug: boolean): string {
  const lines = error.message
    .split('\n')
    .map((line, index) =>
      index === 0 ? `${paint.error('error:')} ${visible(line)} [${error.code}]` : `  ${visible(line)}`,
    );
  if (error.hint !== undefined) lines.push(`${paint.hint('hint:')} ${visible(error.hint)}`);
  if (debug) lines.push(...debugLines(error));
  return lines.map((line) => `${tool}: ${line}\n`).join('');
}

function asAppError(error: unknown, signal: AbortSignal): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof CommanderError) return usageError(error);
  if (signal.aborted) return new AppError('interrupted', 'interrupted', { cause: error });
  return new AppError('bug', 'this is a bug in the tool', {
    hint: 'run again with --debug and report the stack',
    cause: error,
  });
}

/** Commander words its errors as `error: unknown option '--x'` with an optional second line of advice. */
function usageError(error: CommanderError): AppError {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const advice = rest
    .join(' ')
    .replace(/^\((.*)\)$/, '$1')
    .trim();
  return new AppError('usage', first, { hint: advice === '' ? '--help lists what there is' : advice.toLowerCase() });
}

/** Where each error of the chain was made: names and frames, never the messages of causes, which may quote bodies. */
function debugLines(error: Error): string[] {
  const lines: string[] = [];
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    const frames = (current.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
    lines.push(`debug: ${current.name}`, ...frames.map((frame) => `debug: ${frame.trim()}`));
  }
  return lines;
}

function verbosityOf(options: CommonOptions): Verbosity {
  if (options.debug === true) return 'debug';
  if (options.verbose === true) return 'verbose';
  return options.quiet === true ? 'quiet' : 'normal';
}

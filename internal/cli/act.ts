/** Carries out the action of one command: its context before, its result on stdout after. */
import type { ExitCode } from '../errors/exit-codes.ts';
import { harmlessJson } from '../text/quote.ts';
import type { CommandContext, CommandResult, CommonOptions, Invocation } from './program.ts';
import { progressOn, spinnerFor, type Verbosity } from './terminal.ts';

/** Runs an action and prints its result, as text or with `--json` as one value. */
export async function act(
  tool: string,
  invocation: Invocation,
  options: CommonOptions,
  action: (context: CommandContext) => Promise<CommandResult>,
): Promise<ExitCode> {
  const { environment, stdin, stdout, stderr } = invocation;
  const verbosity = verbosityOf(options);
  const animate = verbosity === 'quiet' ? undefined : await spinnerFor(stderr, environment, options.color !== false);
  const result = await action({
    environment,
    progress: progressOn(tool, stderr, verbosity, animate),
    signal: invocation.signal,
    directories: invocation.directories,
    openBrowser: invocation.openBrowser,
    stdin,
    options,
    interactive: stdin.isTTY === true && stderr.isTTY === true && environment.CI === undefined,
    stream: (text) => void (options.json !== true && stdout.write(text)),
  });
  const text = options.json === true ? harmlessJson(result.json) : result.text;
  if (text !== '') stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  return result.exit ?? 0;
}

function verbosityOf(options: CommonOptions): Verbosity {
  if (options.debug === true) return 'debug';
  if (options.verbose === true) return 'verbose';
  return options.quiet === true ? 'quiet' : 'normal';
}

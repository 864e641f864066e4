/** Carries out the action of one command: its context before, its result on stdout after. */
import type { ExitCode } from '../errors/exit-codes.ts';
import { harmlessJson, unmoving } from '../text/quote.ts';
import { withoutCommands } from '../text/runner-commands.ts';
import type { CommandContext, CommandResult, CommonOptions, Invocation } from './program.ts';
import { plainText } from './result-text.ts';
import { type Progress, progressOn, spinnerFor, type Verbosity } from './terminal.ts';
import { contextOf } from './terminal-ports.ts';
import { requireVerifiedTls } from './verified-tls.ts';

/** Runs an action and prints its result, as text or with `--json` as one value. */
export async function act(
  tool: string,
  invocation: Invocation,
  { options, besideServices }: Pick<CommandContext, 'options' | 'besideServices'>,
  action: (context: CommandContext) => Promise<CommandResult>,
): Promise<ExitCode> {
  const { environment, stdout } = invocation;
  requireVerifiedTls(environment);
  const { json = false } = options;
  const verbosity = verbosityOf(options);
  const streamed = streamOn(invocation);
  const { clear, ...tell } = await progressOf(tool, invocation, options, verbosity, streamed.endLine);
  const last: (() => Promise<void>)[] = [];
  const result = await action(
    contextOf(invocation, options, {
      executable: tool,
      tell,
      besideServices,
      stream(text) {
        if (json) return;
        if (stdout.columns !== undefined) clear();
        streamed.write(text);
      },
      afterwards: (work) => void last.push(work),
    }),
  )
    .finally(streamed.end)
    .catch((error: unknown) => {
      streamed.endLine();
      throw error;
    });
  const text =
    result.secret ??
    (json
      ? harmlessJson(withoutBeside(result.json))
      : printed(await plainText(result.text, () => stdout.columns), invocation));
  if (text !== '') stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  for (const work of last) await work();
  if (result.failure !== undefined) throw result.failure;
  return result.exit ?? 0;
}

/** What a result holds for the text alone is no part of the value for programs. */
function withoutBeside(result: unknown): unknown {
  if (typeof result !== 'object' || result === null || !('beside' in result)) return result;
  const { beside: _, ...value } = result;
  return value;
}

/**
 * A result moves no cursor, whatever is in it: it may come from a console, which is another machine. The runner of GitHub
 * Actions reads commands out of it as well (P9).
 */
function printed(text: string, { environment }: Invocation): string {
  const still = unmoving(text);
  return environment.GITHUB_ACTIONS === undefined ? still : withoutCommands(still);
}

/** Pieces of a result as they come. `endLine` is for who says something else on the terminal where they are shown. */
interface Streamed {
  write(text: string): void;
  end(): void;
  endLine(): void;
}

/** For a runner a line at a time: what two pieces have in common may be a command. */
function streamOn({ environment, stdout, stderr }: Invocation): Streamed {
  let open = false;
  const print = (text: string) => {
    if (text !== '') open = !text.endsWith('\n');
    stdout.write(text);
  };
  const endLine = () => {
    // In the stream of words, not of the result: that is the same wherever it goes.
    if (open && stderr.isTTY === true && stdout.columns !== undefined) stderr.write('\n');
    open = false;
  };
  if (environment.GITHUB_ACTIONS === undefined) return { write: print, end() {}, endLine };
  let kept = '';
  return {
    write(text) {
      kept += text;
      const end = kept.lastIndexOf('\n') + 1;
      if (end > 0) print(withoutCommands(kept.slice(0, end)));
      kept = kept.slice(end);
    },
    end() {
      if (kept !== '') print(withoutCommands(kept));
      kept = '';
    },
    endLine,
  };
}

async function progressOf(
  tool: string,
  { stderr, environment }: Invocation,
  options: CommonOptions,
  verbosity: Verbosity,
  before: () => void,
): Promise<Progress> {
  const { jsonEvents = false, color = true } = options;
  if (jsonEvents) return { ...(await import('./events.ts')).eventsOn(stderr, verbosity), clear() {} };
  const animate = verbosity === 'quiet' ? undefined : await spinnerFor(stderr, environment, color);
  return progressOn(tool, stderr, verbosity, animate, before);
}

function verbosityOf({ debug, verbose, quiet }: CommonOptions): Verbosity {
  if (debug === true) return 'debug';
  if (verbose === true) return 'verbose';
  return quiet === true ? 'quiet' : 'normal';
}

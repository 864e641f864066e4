/** Runs an executable in this process as a person would: its own streams, directories and browser. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, type Readable, Writable } from 'node:stream';
import type { Executable, Invocation } from '../../internal/cli/program.ts';
import { runExecutable } from '../../internal/cli/run-executable.ts';
import { type Clock, inTimeOf, machineClock } from '../../internal/clock/clock.ts';
import type { ExitCode } from '../../internal/errors/exit-codes.ts';
import type { Directories } from '../../internal/outside/directories.ts';
import { readEnvironment } from '../../internal/run/environment.ts';
import type { PersonName } from '../sandbox/people.ts';
import { visit } from '../sandbox/visit.mjs';
import { plainly } from './plain-values.ts';
import type { FakeTerminal } from './terminal.ts';

/** How a command is run. */
export interface CommandSetting {
  environment: Readonly<Record<string, string>>;
  /** Who sits at the browser; nobody when undefined. */
  person?: PersonName | undefined;
  /** Presses "deny" on the consent page of a service. */
  deny?: boolean;
  /** Replaces the browser. */
  browse?: (url: string) => Promise<unknown>;
  /** Where caches go; a new folder when undefined, as on a new machine. */
  folder?: string;
  /** Where exactly, instead of below the folder. */
  directories?: Directories;
  /** Where things are kept between runs, instead of in the folder. */
  kept?: Invocation['kept'];
  signal?: AbortSignal;
  /** The time that the run follows; that of this machine when undefined. */
  clock?: Clock;
  /** Where somebody sits who can be asked; nobody when undefined. */
  terminal?: FakeTerminal;
  /** How wide the terminal is that stdout is; it is none when undefined. Where somebody sits, it is 80 for them then. */
  columns?: number;
  /** What is piped in; a pipe that says nothing and has no end when undefined. */
  stdin?: Readable;
  /** Hears everything that was said on stderr so far, whenever something is added. */
  hear?: (said: string) => void;
  /** The same of stdout. */
  hearResult?: (said: string) => void;
}

/** What came of it. */
export interface CommandOutcome {
  exit: ExitCode;
  stdout: string;
  stderr: string;
  /** The authorization addresses that the browser came to; where a test has a browser of its own, what that was opened with. */
  visited: string[];
}

/** Runs a command line to its end, the browser included. */
export async function runCommand(
  executable: Executable,
  argv: readonly string[],
  setting: CommandSetting,
): Promise<CommandOutcome> {
  const folder = setting.folder ?? (await mkdtemp(join(tmpdir(), 'command-')));
  const [stdout, stderr] = [captured(setting.hearResult), captured(setting.hear)];
  const visited: string[] = [];
  const visits: Promise<unknown>[] = [];
  const wrong: string[] = [];
  const invocation: Invocation = {
    argv,
    environment: readEnvironment({ ...(setting.terminal && { NO_COLOR: '1', TERM: 'xterm' }), ...setting.environment }),
    stdin: setting.terminal?.stdin ?? setting.stdin ?? new PassThrough(),
    stdout: Object.assign(stdout.stream, { columns: setting.columns }),
    stderr:
      setting.terminal === undefined
        ? stderr.stream
        : Object.assign(stderr.stream, { ...screenOf(setting.terminal), columns: setting.columns ?? 80 }),
    signal: setting.signal ?? new AbortController().signal,
    directories: () =>
      setting.directories ?? {
        cache: join(folder, 'cache'),
        config: join(folder, 'config'),
        state: join(folder, 'state'),
      },
    kept: setting.kept,
    perform: plainly(wrong),
    openBrowser: async (url) => {
      const place = visited.push(url.href) - 1;
      const browse =
        setting.browse ??
        (setting.person &&
          ((address) => visit(address, { person: setting.person ?? '', deny: setting.deny === true })));
      if (browse === undefined) return false;
      const visiting = browse(url.href).then((last) => {
        visited[place] = authorizationIn(last) ?? url.href;
      });
      visits.push(visiting.catch((error: unknown) => error));
      return true;
    },
  };
  const exit = await inTimeOf(setting.clock ?? machineClock, () => runExecutable(executable, invocation));
  await Promise.all(visits);
  if (wrong.length > 0) throw new Error(`no plain values:\n${wrong.join('\n')}`);
  return { exit, stdout: stdout.text(), stderr: stderr.text(), visited };
}

/** The authorization address that a browser passed. */
function authorizationIn(last: unknown): string | undefined {
  if (!(last instanceof Object && 'passed' in last && Array.isArray(last.passed))) return undefined;
  return last.passed.map(String).find((url) => new URL(url).searchParams.has('redirect_uri'));
}

/** What a terminal has beside a stream, for the spinner. */
function screenOf(terminal: FakeTerminal) {
  const clearLine = () => {
    terminal.cleared += 1;
  };
  return { isTTY: true, cursorTo() {}, clearLine, moveCursor() {} };
}

function captured(hear: (said: string) => void = () => {}) {
  const chunks: Buffer[] = [];
  const text = () => Buffer.concat(chunks).toString('utf8');
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
      hear(text());
    },
  });
  return { stream, text };
}

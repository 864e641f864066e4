/** The one file that touches `process`: streams, signals, environment and exit code of a real run. */
import { type Environment, isWithheld, readEnvironment } from '../run/environment.ts';
import type { Executable } from './program.ts';
import { runExecutable } from './run-executable.ts';
import { standardOutput } from './standard-output.ts';

/**
 * Runs an executable on this process and sets its exit code. The platform's variables and the tokens of a CI job are taken
 * out of `process.env` first: no child inherits a secret (P3), and the SDK's own silent switches have no effect. The first
 * SIGINT, SIGTERM, SIGHUP or, on Windows, SIGBREAK asks the run to end; a second one ends it at once.
 */
export async function runOnProcess(executable: Executable): Promise<void> {
  let interruption: AbortSignal | undefined;
  let hungUp = false;
  let over = false;
  const opened = new Set<{ fd: number; isTTY?: boolean }>();
  // Without this a run that waits for what never comes would end as one that went well, as soon as nothing else is left to do.
  process.once('beforeExit', () => {
    if (over) return;
    process.exitCode = 70;
    process.stderr.write(`${executable.name}: error: ended before its work did: this is a bug\n`);
  });
  const environment = takeEnvironment();
  process.exitCode = await runExecutable(executable, {
    argv: process.argv.slice(2),
    environment,
    // What a run may not need is made when it is first looked at: opening a stream costs more than printing a version.
    get stdin() {
      opened.add(process.stdin);
      return process.stdin;
    },
    stdout: standardOutput,
    get stderr() {
      opened.add(process.stderr);
      return unbreakable(process.stderr);
    },
    get signal() {
      interruption ??= interruptionSignal(() => {
        hungUp = true;
      });
      return interruption;
    },
    directories: async () => (await import('../outside/directories.ts')).directories(environment.MAI_HOME),
    openBrowser: async (url, environment) => (await import('../outside/browser.ts')).openBrowser(url, environment),
  });
  over = true;
  // Node would put the terminal back on its way out, and abort with a core file where that is gone.
  if (hungUp || [...opened].some(isGone)) dieOf('SIGHUP');
}

/**
 * Aborted by the first SIGINT, SIGTERM or SIGHUP, which says that the terminal is gone; a second SIGINT or SIGTERM ends the
 * process. The listeners stay: the spinner's library ends the process at once where its own is the only one.
 */
function interruptionSignal(onHangUp: () => void): AbortSignal {
  const interruption = new AbortController();
  const interrupt = (signal: NodeJS.Signals) => {
    if (signal === 'SIGHUP') onHangUp();
    else if (interruption.signal.aborted) dieOf(signal);
    interruption.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt).on('SIGBREAK', interrupt);
  return interruption.signal;
}

/** Whether a stream was a terminal that is there no more: its end may be heard of before the signal. */
function isGone({ fd, isTTY }: { fd: number; isTTY?: boolean }): boolean {
  return isTTY === true && !process.getBuiltinModule('node:tty').isatty(fd);
}

/** Ends the process as a signal does that nobody listens to. */
function dieOf(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  // Windows has no signals to die of.
  if (process.platform === 'win32') process.exit(130);
  process.kill(process.pid, signal);
}

/** A reader that left (`| head`) is no error of ours; writing to it must not end in a stack trace. */
function unbreakable<Stream extends NodeJS.WriteStream>(stream: Stream): Stream {
  if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  return stream;
}

function takeEnvironment(): Environment {
  // biome-ignore lint/style/noProcessEnv: this is the door
  const source = process.env;
  const environment = readEnvironment(source);
  for (const name of Object.keys(source)) if (isWithheld(name)) delete source[name];
  return environment;
}

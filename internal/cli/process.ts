/** The one file that touches `process`: streams, signals, environment and exit code of a real run. */
import { type Environment, isWithheld, readEnvironment } from './environment.ts';
import { type Executable, runExecutable } from './program.ts';
import { standardOutput } from './standard-output.ts';

/**
 * Runs an executable on this process and sets its exit code. The platform's variables and the tokens of a CI job are taken
 * out of `process.env` first: no child inherits a secret (P3), and the SDK's own silent switches have no effect. The first
 * SIGINT or SIGTERM asks the run to end; a second one ends it at once.
 */
export async function runOnProcess(executable: Executable): Promise<void> {
  let interruption: AbortSignal | undefined;
  process.exitCode = await runExecutable(executable, {
    argv: process.argv.slice(2),
    environment: takeEnvironment(),
    // What a run may not need is made when it is first looked at: opening a stream costs more than printing a version.
    get stdin() {
      return process.stdin;
    },
    stdout: standardOutput,
    get stderr() {
      return unbreakable(process.stderr);
    },
    get signal() {
      interruption ??= interruptionSignal();
      return interruption;
    },
    directories: async () => (await import('../outside/directories.ts')).directories(),
    openBrowser: async (url, environment) => (await import('../outside/browser.ts')).openBrowser(url, environment),
  });
}

/** Aborted by the first SIGINT or SIGTERM; the second one finds no listener and ends the process. */
function interruptionSignal(): AbortSignal {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  return interruption.signal;
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

/** The one file that touches `process`: streams, signals, environment and exit code of a real run. */
import { directories } from '../outside/directories.ts';
import { type Environment, readEnvironment, secretVariables } from './environment.ts';
import { type Executable, runExecutable } from './program.ts';

/**
 * Runs an executable on this process and sets its exit code. Secrets are taken out of `process.env` first, so
 * that no child inherits them (P3). The first SIGINT or SIGTERM asks the run to end; a second one ends it at once.
 */
export async function runOnProcess(executable: Executable): Promise<void> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  // A reader that left (`| head`) is no error of ours; writing to it must not end in a stack trace.
  process.stdout.on('error', () => {});
  process.exitCode = await runExecutable(executable, {
    argv: process.argv.slice(2),
    environment: takeEnvironment(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: interruption.signal,
    directories,
    openBrowser: async (url, environment) => (await import('../outside/browser.ts')).openBrowser(url, environment),
  });
}

function takeEnvironment(): Environment {
  // biome-ignore lint/style/noProcessEnv: this is the door
  const source = process.env;
  const environment = readEnvironment(source);
  for (const name of secretVariables()) delete source[name];
  return environment;
}

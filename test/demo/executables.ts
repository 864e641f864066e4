/** Runs the built executables as a person's own processes: one machine per person, nothing of ours in its environment. */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { PersonName } from '../sandbox/people.ts';

/** The executables of the package. */
export type ExecutableName = 'service-connection' | 'setup-session' | 'skill-sync';

/** Where the executables are: the first word is the program, what follows goes before the arguments. */
export type Locate = (name: ExecutableName) => readonly [program: string, ...words: string[]];

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The executables that `npm run build` made. */
export const built: Locate = builtIn(join(root, 'dist'));

/** Executables that were built into a folder. */
export function builtIn(folder: string): Locate {
  return (name) => [process.execPath, join(folder, `${name}.js`)];
}

/** The executables of the package as npm installed it in a folder. */
export function installedIn(folder: string): Locate {
  return (name) => [join(folder, 'node_modules', '.bin', name)];
}

/** What came of a run. */
export interface Outcome {
  /** The command line as a person would type it. */
  readonly command: string;
  /** Undefined when it had to be ended. */
  readonly exit: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** How the executables are run. */
export interface Setting {
  readonly locate: Locate;
  /** The variables that lead to the sandbox. */
  readonly environment: Readonly<Record<string, string>>;
  /** The working directory; homes and temporary folders of the machines are made in it. */
  readonly folder: string;
}

/** Somebody at a machine, with nothing remembered there but what this person's commands left behind. */
export interface Machine {
  run(name: ExecutableName, ...words: readonly string[]): Promise<Outcome>;
}

/** Where programs are looked for; the one thing of our own environment that the executables get, for `env node`. */
// biome-ignore lint/style/noProcessEnv: see above
export const searchPath: string = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
const timeoutMs = 60_000;
const script = join(root, 'test', 'sandbox', 'browser.mjs');
/** Windows starts no script by its first line. */
const browser = process.platform === 'win32' ? `node "${script}"` : script;

/** Seats a person at a machine; a machine of another name is one where the person was never before. */
export function machineOf(setting: Setting, person: PersonName, name: string = person): Machine {
  const home = join(setting.folder, 'home', name);
  const environment = {
    PATH: searchPath,
    ...setting.environment,
    HOME: home,
    TMPDIR: join(home, 'tmp'),
    MAI_HOME: home,
    BROWSER: browser,
    SANDBOX_PERSON: person,
  };
  return {
    async run(executable, ...words) {
      await mkdir(environment.TMPDIR, { recursive: true });
      const [program, ...before] = setting.locate(executable);
      const outcome = await runProgram(program, [...before, ...words], { cwd: setting.folder, environment });
      return { command: [executable, ...words.map(asTyped)].join(' '), ...outcome };
    },
  };
}

function asTyped(word: string): string {
  return /^[\w./:=-]+$/.test(word) ? word : JSON.stringify(word);
}

/** Runs a program to its end, with exactly this environment and no input. */
export async function runProgram(
  program: string,
  words: readonly string[],
  { cwd, environment }: { cwd: string; environment: Readonly<Record<string, string>> },
): Promise<Omit<Outcome, 'command'>> {
  const child = spawn(program, words, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve(code ?? undefined));
  });
  const [exit, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { exit, stdout, stderr };
}

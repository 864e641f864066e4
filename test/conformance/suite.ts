/**
 * The public conformance suite (@modelcontextprotocol/conformance): what it lists, and its runner, one scenario at a
 * time. The runner is a program of its own, and needs a newer Node.js than the client that it tests.
 */
import { execFile, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { searchPath } from '../demo/executables.ts';

/** A version of the suite and the Node.js that runs it. */
export interface Suite {
  readonly version: string;
  /** The client scenarios that are about authorization. */
  readonly scenarios: readonly string[];
  run(scenario: string, setting: RunSetting): Promise<Verdict>;
}

/** How one scenario is run. */
export interface RunSetting {
  /** The words of the command that is tested; the suite adds the server's URL. */
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** An empty folder for what the suite writes down. */
  folder: string;
}

/** What the suite says of one scenario. */
export interface Verdict {
  passed: boolean;
  /** The suite's own words, for whoever has to find out why. */
  report: string;
  /** The checks that succeeded. */
  succeeded: readonly string[];
}

const here = fileURLToPath(new URL('.', import.meta.url));
const installed = dirname(fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/package.json')));
/** The runner uses `fs.globSync`. */
const oldestMajor = 22;
const runnerNode = '22.23.3';
/** The suite would give its client 30 s, which is little where several run at once on a small machine. */
const clientTimeoutMs = 60_000;
/** A runner that takes longer than this hangs. */
const timeoutMs = 90_000;

/** Opens the suite that is installed, or the one in another folder, such as a pre-release; of one revision, or of all. */
export async function openSuite(folder: string = installed, revision?: string): Promise<Suite> {
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
  const main = join(folder, 'dist', 'index.js');
  const node = await nodeForRunner();
  const only = revision === undefined ? [] : ['--spec-version', revision];
  const listed = await promisify(execFile)(node, [main, 'list', '--client', ...only]);
  const scenarios = [...listed.stdout.matchAll(/^ +- (auth\/\S+)/gm)].map(([, name = '']) => name);
  return {
    version: [version, ...only].join(' '),
    scenarios,
    run: (scenario, setting) => runScenario(node, [main, 'client', '--scenario', scenario, ...only], setting),
  };
}

async function runScenario(node: string, words: readonly string[], setting: RunSetting): Promise<Verdict> {
  // The suite splits the command at its spaces and gives it to a shell joined again: quotes hold.
  const command = setting.command.map((word) => `"${word}"`).join(' ');
  const own = ['--command', command, '--timeout', String(clientTimeoutMs), '-o', setting.folder];
  const child = spawn(node, ['--require', join(here, 'on-loopback.cjs'), ...words, ...own], {
    cwd: setting.folder,
    env: { PATH: searchPath, ...setting.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const [exit, ...said] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  const checks = await checksIn(setting.folder);
  return {
    passed: exit === 0,
    report: said.join('\n'),
    succeeded: checks.filter(({ status }) => status === 'SUCCESS').map(({ id }) => id),
  };
}

async function checksIn(folder: string): Promise<{ id: string; status: string }[]> {
  const written = await readdir(folder, { recursive: true });
  const [file] = written.filter((name) => name.endsWith('checks.json'));
  return file === undefined ? [] : JSON.parse(await readFile(join(folder, file), 'utf8'));
}

/** This Node.js where it is new enough, else one that npm brings as a package, kept in npm's cache. */
async function nodeForRunner(): Promise<string> {
  if (Number(process.versions.node.split('.')[0]) >= oldestMajor) return process.execPath;
  const system = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${system}-${process.arch}@${runnerNode}`;
  const found = await promisify(execFile)('npm', [
    'exec',
    '--yes',
    '--loglevel=error',
    `--package=${name}`,
    '--',
    'node',
    '--print',
    'process.execPath',
  ]);
  return found.stdout.trim();
}

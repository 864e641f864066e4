/** Commands run as a person against a sandbox that each test has to itself. */
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, beforeEach, expect } from 'vitest';
import { parse, stringify } from 'yaml';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import type { Executable } from '../../internal/cli/program.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../sandbox/start.ts';
import { type CommandOutcome, type CommandSetting, runCommand } from './command.ts';
import { type RunningConsole, startConsole } from './console.ts';
import { environmentFor, keepRoles, reasonAgainst, throughConsole } from './through-console.ts';

/** The sandbox of the running test and the ways to act on it. */
export interface SandboxedCommands {
  readonly sandbox: Sandbox;
  /** The official client, for looking at the platform and for what others do to it. */
  readonly client: Anthropic;
  /** `service-connection`, as Ada on a new machine unless told. */
  connect(argv: readonly string[], setting?: Partial<CommandSetting>): Promise<CommandOutcome>;
  /** `setup-session`, as Ada on a new machine unless told. */
  setup(argv: readonly string[], setting?: Partial<CommandSetting>): Promise<CommandOutcome>;
  /** `setup-session agents apply` by an operator: what the files say is in force afterwards, or the test fails. */
  apply(...names: readonly string[]): Promise<void>;
  /** `connect` and `setup` with `--json`, the value read; fails unless the command ends with 0. */
  connectJson(argv: readonly string[], setting?: Partial<CommandSetting>): Promise<Record<string, unknown>>;
  setupJson(argv: readonly string[], setting?: Partial<CommandSetting>): Promise<Record<string, unknown>>;
  /** A folder for the caches of one machine. */
  machine(): Promise<string>;
  /** In which folder `cache` and `state` of what runs remember are: that of the machine, or the one of the console for every machine. */
  keptIn(folder: string): string;
  /** Changes one file of the configuration. */
  configure(path: string, change: (content: Content) => unknown): Promise<void>;
  /** The requests to the platform since the log was reset, as `METHOD /path`. */
  asked(): string[];
  /** Every active credential of every active vault. */
  credentials(): Promise<Anthropic.Beta.Vaults.BetaManagedAgentsCredential[]>;
}

/** A parsed configuration file. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into files whose shape is checked by what they test
export type Content = any;

/** Starts a sandbox before each test and stops it after. */
export function sandboxPerTest(options: SandboxOptions = {}): SandboxedCommands {
  let started: Sandbox | undefined;
  let console: RunningConsole | undefined;
  beforeEach(async ({ task, skip }) => {
    if (throughConsole) {
      const reason = reasonAgainst(task);
      if (reason !== undefined) skip(reason);
    }
    started = await startSandbox(options);
    if (throughConsole) console = await startConsole(started);
  });
  afterEach(async () => {
    await console?.stop();
    const journal = console?.journal() ?? '';
    console = undefined;
    await started?.close();
    started = undefined;
    // A fault behind the result is nobody's answer: the console alone says it.
    expect(journal).not.toMatch(/"(what|code)":"bug"/);
  });

  const sandbox = () => {
    if (started === undefined) throw new Error('the sandbox runs in tests only');
    return started;
  };
  const client = () =>
    new Anthropic({ apiKey: sandbox().platform.apiKey, baseURL: sandbox().platform.baseUrl, maxRetries: 0 });
  const run = async (executable: Executable, argv: readonly string[], setting: Partial<CommandSetting> = {}) => {
    const folder = setting.folder ?? (await machine());
    const environment = { ...environmentFor(sandbox(), argv), ...setting.environment };
    const outcome = await runCommand(executable, argv, { person: 'ada', ...setting, folder, environment });
    // What was told before a turn, a guard or a watch failed is not thrown away, and alarms are a result as well.
    const talks = ['--message', 'reconcile', 'guard', '--watch'].some((word) => argv.includes(word));
    await expectWellBehaved(outcome, folder, talks);
    return outcome;
  };
  const runJson = async (executable: Executable, argv: readonly string[], setting?: Partial<CommandSetting>) => {
    const { exit, stdout, stderr } = await run(executable, [...argv, '--json'], setting);
    expect([exit, stderr]).toEqual([0, expect.not.stringContaining('error')]);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const machine = () => mkdtemp(join(sandbox().folder, 'machine-'));

  /** What holds for every run of every command: one error, nothing on stdout beside it, and no secret anywhere (P3). */
  async function expectWellBehaved(outcome: CommandOutcome, folder: string, talks: boolean): Promise<void> {
    const { exit, stdout, stderr } = outcome;
    const errors = stderr.split('\n').filter((line) => /^([\w-]+: error: |\{"event":"error",)/.test(line));
    // 7 and 8 are results as well: what is pending, and what waits. 7 without a result is an error as any other.
    if (exit === 0 || exit === 8 || (exit === 7 && stdout !== '')) expect(errors).toEqual([]);
    else expect([exit, talks ? '' : stdout, errors.length]).toEqual([exit, '', 1]);
    const kept = [folder, sandbox().configFolder, ...(console === undefined ? [] : [console.data])];
    const written = [stdout, stderr, console?.journal() ?? '', ...(await Promise.all(kept.map(textsIn))).flat()];
    const secrets = [sandbox().platform.apiKey, ...sandbox().issuedSecrets()];
    for (const text of written) expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  }

  return {
    get sandbox() {
      return sandbox();
    },
    get client() {
      return client();
    },
    connect: (argv, setting) => run(serviceConnection, argv, setting),
    setup: (argv, setting) => run(setupSession, argv, setting),
    async apply(...names) {
      const { exit, stderr } = await run(setupSession, ['agents', 'apply', ...names], { person: undefined });
      expect([exit, stderr]).toEqual([0, expect.not.stringContaining('error')]);
    },
    connectJson: (argv, setting) => runJson(serviceConnection, argv, setting),
    setupJson: (argv, setting) => runJson(setupSession, argv, setting),
    machine,
    keptIn: (folder) => console?.data ?? folder,
    async configure(path, change) {
      const file = join(sandbox().configFolder, path);
      const content: unknown = parse(await readFile(file, 'utf8'));
      const changed = change(content) ?? content;
      await writeFile(
        file,
        stringify(throughConsole ? keepRoles(path, changed) : changed, { aliasDuplicateObjects: false }),
      );
    },
    asked: () => sandbox().platform.control.log.entries.map(({ method, path }) => `${method} ${path}`),
    async credentials() {
      const found = [];
      for await (const vault of client().beta.vaults.list()) {
        for await (const credential of client().beta.vaults.credentials.list(vault.id)) found.push(credential);
      }
      return found;
    },
  };
}

async function textsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      // What a command beside this one has removed meanwhile holds nothing any more.
      .map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8').catch(() => '')),
  );
}

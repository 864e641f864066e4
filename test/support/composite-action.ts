/** action.yml as the runner of GitHub Actions would run it: one step, its variables from the inputs, its script in bash. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { commandsIn, outputsIn, type RunnerCommand } from './actions-runner.ts';

/** What action.yml says, as far as it is used here. */
export interface Action {
  inputs: Record<string, { description: string; default: string }>;
  outputs: Record<string, { description: string; value: string }>;
  runs: { using: string; steps: { id: string; shell: string; env: Record<string, string>; run: string }[] };
}

/** Reads action.yml. Every default is a text there, as the runner makes it. */
export async function readAction(): Promise<Action> {
  return parse(await readFile(fileURLToPath(new URL('../../action.yml', import.meta.url)), 'utf8'));
}

/** What came of a run of the action. */
export interface ActionOutcome {
  exit: number | null;
  stdout: string;
  stderr: string;
  summary: string;
  outputs: Record<string, string>;
  /** What the runner would have carried out, from both streams. */
  commands: RunnerCommand[];
}

/** How a job runs the action. */
export interface ActionSetting {
  /** The folder of the job. */
  workspace: string;
  /** Its variables, and no others. */
  environment: Readonly<Record<string, string>>;
  /** Where the runner has put the commit of the action; this repository unless told. */
  checkout?: string;
}

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the action with these inputs. */
export async function runAction(
  inputs: Readonly<Record<string, string>>,
  { workspace, environment, checkout = repository }: ActionSetting,
): Promise<ActionOutcome> {
  const { inputs: known, runs } = await readAction();
  const [step] = runs.steps;
  if (step === undefined) throw new Error('the action has no step');
  const files = await mkdtemp(join(tmpdir(), 'runner-'));
  const [summary, outputs, script] = ['summary', 'outputs', 'script.sh'].map((name) => join(files, name)) as [
    string,
    string,
    string,
  ];
  for (const [path, content] of [
    [summary, ''],
    [outputs, ''],
    [script, step.run],
  ] as const) {
    await writeFile(path, content);
  }
  const resolved = Object.entries(step.env).map(([name, expression]) => {
    const [, input = ''] = /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(expression) ?? [];
    if (!(input in known)) throw new Error(`${name} is ${expression}`);
    return [name, inputs[input] ?? known[input]?.default ?? ''];
  });
  // The runner's own way to start a script of `shell: bash`.
  const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
    cwd: workspace,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 180_000,
    env: {
      ...environment,
      ...Object.fromEntries(resolved),
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTION_PATH: checkout,
      GITHUB_WORKSPACE: workspace,
      GITHUB_STEP_SUMMARY: summary,
      GITHUB_OUTPUT: outputs,
    },
  });
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const [exit, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return {
    exit,
    stdout,
    stderr,
    summary: await readFile(summary, 'utf8'),
    outputs: outputsIn(await readFile(outputs, 'utf8')),
    commands: [...commandsIn(stdout), ...commandsIn(stderr)],
  };
}

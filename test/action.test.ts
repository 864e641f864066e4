/** action.yml says what the command line says, and is what GitHub takes. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { skillSync } from '../cmd/skill-sync/cli.ts';
import { outputsOf } from '../internal/skills/report/github.ts';
import { codeQualityFile } from '../internal/skills/report/write.ts';
import { searchPath } from './demo/executables.ts';
import { outputsIn } from './support/actions-runner.ts';
import { readAction, runAction } from './support/composite-action.ts';
import { judgeBy } from './support/published-schema.ts';

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8');

/** What has no place in a job: stdout is its log, and a job that failed is looked at with everything it said. */
const notInJobs = ['--json', '--json-events', '--quiet', '--verbose', '--debug', '--no-color', '--version', '--only'];
/** What the action needs beside the options. */
const notOptions = ['folders', 'plan', 'command', 'executable'];

test('is valid by the published schema, which can refuse', async () => {
  const complaints = judgeBy('github-action');
  const action = parse(await read('action.yml'));
  expect(complaints(action)).toEqual([]);
  expect(complaints({ ...action, runs: { using: 'composite', steps: [{ run: 'x' }] } })).not.toEqual([]);
});

test('has an input for every option that makes sense in a job, and no other', async () => {
  const program = await skillSync.build(() => async () => {});
  const options = program.options.map(({ long }) => long ?? '');
  expect(options).toEqual(expect.arrayContaining(notInJobs));
  const wanted = options.filter((option) => !notInJobs.includes(option)).map((option) => option.slice(2));
  const { inputs, runs } = await readAction();
  expect(Object.keys(inputs).sort()).toEqual([...wanted, ...notOptions].sort());
  // Each reaches the script, as a flag or with a value, just as the command line has it.
  const [step] = runs.steps;
  for (const option of program.options) {
    const name = (option.long ?? '').slice(2);
    if (!wanted.includes(name)) continue;
    const variable = `SYNC_${name.toUpperCase().replaceAll('-', '_')}`;
    expect(step?.run).toContain(`${option.required ? 'value' : 'flag'} ${name} "$${variable}"\n`);
    expect(step?.env[variable]).toBe(`\${{ inputs.${name} }}`);
  }
});

test('no expression is part of the script: what an input holds can never be run [P9]', async () => {
  const { runs } = await readAction();
  expect(runs.steps.map(({ run }) => run.includes('${{'))).toEqual([false]);
});

test('what is built gets what programs need on any system, and nothing of the job', async () => {
  const workspace = await mkdtemp(join(tmpdir(), 'action-'));
  const checkout = join(workspace, 'checkout');
  await mkdir(join(checkout, 'dist'), { recursive: true });
  // In place of npm: it tells what it is given, and builds a program that does nothing.
  const npm = join(workspace, 'npm');
  await writeFile(npm, '#!/bin/sh\nenv >>"$HOME/told"\n: >dist/skill-sync.js\n', { mode: 0o755 });
  const windows = { SYSTEMROOT: 'C:\\Windows', COMSPEC: 'cmd.exe', PATHEXT: '.EXE', TEMP: 'T', TMP: 'T', APPDATA: 'A' };
  const needed = { PATH: `${workspace}:${searchPath}`, HOME: workspace, ...windows };
  const environment = { ...needed, ANTHROPIC_API_KEY: 'key', GITHUB_TOKEN: 'token', NODE_OPTIONS: '--no-warnings' };
  expect(await runAction({}, { workspace, checkout, environment })).toMatchObject({ exit: 0 });
  const told = (await readFile(join(workspace, 'told'), 'utf8')).split('\n');
  expect(told).toEqual(expect.arrayContaining(Object.entries(needed).map(([name, value]) => `${name}=${value}`)));
  expect(told.join('\n')).not.toMatch(/^(ANTHROPIC|GITHUB|SYNC|NODE_OPTIONS)/m);
  await rm(workspace, { recursive: true });
});

test('has the outputs that are written, and docs/ci.md has both lists', async () => {
  const { inputs, outputs } = await readAction();
  const written = outputsIn(outputsOf({ problems: [], findings: [], skills: [], exit: 0 }));
  expect(Object.keys(outputs)).toEqual(Object.keys(written));
  for (const [name, { value }] of Object.entries(outputs)) expect(value).toBe(`\${{ steps.sync.outputs.${name} }}`);
  const documented = async (heading: string) => {
    const [, table = ''] = (await read('docs/ci.md')).split(`| ${heading} | what |\n| --- | --- |\n`);
    return [...(table.split('\n\n')[0] ?? '').matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name);
  };
  expect(await documented('input')).toEqual(Object.keys(inputs));
  expect(await documented('output')).toEqual(Object.keys(outputs));
});

test('the workflows of docs/ci.md are valid by the published schema, pin what they use and ask for few permissions', async () => {
  const complaints = judgeBy('github-workflow');
  const examples = [...(await read('docs/ci.md')).matchAll(/^```yaml file=(\.github\/\S+)\n([\s\S]*?)^```$/gm)];
  expect(examples.length).toBeGreaterThan(0);
  const { inputs } = await readAction();
  for (const [, path, text = ''] of examples) {
    const workflow = parse(text);
    expect(complaints(workflow), path).toEqual([]);
    expect(workflow.permissions).toEqual({});
    for (const job of Object.values<{ steps: Record<string, unknown>[] }>(workflow.jobs)) {
      for (const { uses, with: given = {} } of job.steps) {
        // A commit, or the place where the reader puts one: a tag can be moved by whoever owns the action.
        if (uses !== undefined) expect(uses).toMatch(/^[\w-]+\/[\w/-]+@<commit of [\w.-]+>$/);
        if (!String(uses).includes('managed-agents-interface')) continue;
        expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(given as object)));
      }
    }
  }
  expect(complaints({ on: 'push' })).not.toEqual([]);
});

test('so is the pipeline for GitLab, and it hands over the report that is written there', async () => {
  const [, text = ''] = /^```yaml file=\.gitlab-ci\.yml\n([\s\S]*?)^```$/m.exec(await read('docs/ci.md')) ?? [];
  const complaints = judgeBy('gitlab-ci');
  const pipeline = parse(text);
  expect(complaints(pipeline)).toEqual([]);
  expect(complaints({ skills: { script: 1 } })).not.toEqual([]);
  expect(pipeline.skills.artifacts.reports.codequality).toBe(codeQualityFile);
  expect(pipeline.skills.script).toEqual(['npm ci --ignore-scripts', 'node_modules/.bin/skill-sync --dry-run']);
});

test('every version in docs/ci.md is that of the package', async () => {
  const { version } = JSON.parse(await read('package.json'));
  const named = [...(await read('docs/ci.md')).matchAll(/managed-agents-interface@<commit of v([\d.]+)/g)];
  expect(new Set(named.map(([, found]) => found))).toEqual(new Set([version]));
});

test('nothing that a person copies fetches a package by a name that anybody may take', async () => {
  const docs = await readdir(new URL('../docs', import.meta.url), { recursive: true });
  const documents = docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  for (const path of ['README.md', 'SECURITY.md', 'action.yml', 'test/sandbox/introduction.ts', ...documents]) {
    const fetching = (await read(path)).split('\n').filter((line) => /\bnpx\b|npm (exec|x)\b|--package[ =]/.test(line));
    expect(fetching, path).toEqual([]);
  }
});

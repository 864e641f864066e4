/** action.yml at work: its script in bash, the built executable, and the sandbox platform. */
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { searchPath } from '../demo/executables.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { type ActionOutcome, runAction } from '../support/composite-action.ts';
import { goldenText } from '../support/golden.ts';
import { type BuiltCopy, copyOfBuild, root } from './build.ts';

let build: BuiltCopy;
beforeAll(async () => {
  build = await copyOfBuild();
}, 60_000);
afterAll(() => build.remove());

let platform: PlatformSandbox;
let workspace: string;
beforeEach(async () => {
  platform = await startPlatform();
  workspace = await mkdtemp(join(tmpdir(), 'workspace-'));
  await cp(join(root, 'skills'), join(workspace, 'skills'), { recursive: true });
  await rm(join(workspace, 'skills', 'skills.lock.json'), { force: true });
});
afterEach(async () => {
  await platform.close();
  await rm(workspace, { recursive: true });
});

/** Runs the action as a job would, on the built executable unless told. */
async function run(
  inputs: Record<string, string>,
  changed: Record<string, string> = {},
  checkout = root,
): Promise<ActionOutcome> {
  const [, script = ''] = build.locate('skill-sync');
  const home = join(workspace, '..', 'home');
  const outcome = await runAction(
    { executable: script, ...inputs },
    {
      workspace,
      checkout,
      environment: {
        PATH: searchPath,
        HOME: home,
        ANTHROPIC_API_KEY: platform.apiKey,
        ANTHROPIC_BASE_URL: platform.baseUrl,
        ...changed,
      },
    },
  );
  const told = [outcome.stdout, outcome.stderr, outcome.summary, JSON.stringify(outcome.outputs)];
  for (const text of told) expect(text).not.toContain(platform.apiKey);
  return outcome;
}

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(workspace, path)), { recursive: true });
  await writeFile(join(workspace, path), text);
}

test('a check before anything was pushed, a push, a check after it', async () => {
  const pending = await run({ check: 'true' });
  expect(pending.exit).toBe(7);
  expect(pending.outputs).toEqual({
    pending: '2',
    changed: '["meeting-notes","support-triage"]',
    created: '2',
    updated: '0',
    findings: expect.stringMatching(/^\d+$/),
    'stale-pins': '0',
    'exit-code': '7',
  });
  expect(pending.commands).toContainEqual({
    command: 'notice',
    properties: { title: 'changes are pending' },
    data: 'meeting-notes (create), support-triage (create)',
  });
  expect(pending.summary).toContain('**2 changes are pending.**');
  expect(platform.control.log.count(/^POST/)).toBe(0);

  const pushed = await run({});
  expect([pushed.exit, pushed.outputs['pending'], pushed.outputs['created']]).toEqual([0, '0', '2']);
  await expect(goldenText(pushed.summary)).toMatchFileSnapshot('../golden/skill-sync/action-summary.md');

  const checked = await run({ check: 'true', sarif: 'out/skills.sarif' });
  expect([checked.exit, checked.outputs['changed']]).toEqual([0, '[]']);
  expect(JSON.parse(await readFile(join(workspace, 'out/skills.sarif'), 'utf8'))).toMatchObject({ version: '2.1.0' });
});

test('a change is shown as a diff on the pull request', async () => {
  await run({});
  await put('skills/meeting-notes/agenda.md', 'first\n');
  const { exit, summary, outputs } = await run({ check: 'true' });
  expect([exit, outputs['updated']]).toEqual([7, '1']);
  expect(summary).toContain('+++ folder/meeting-notes/agenda.md\n@@ -1,0 +1,1 @@\n+first\n```\n');
});

test('an invalid skill is an error on its file and line, and nothing is pushed', async () => {
  await put('skills/wrong/SKILL.md', '---\nname: wrong\ndescription: ""\n---\n');
  const { exit, commands, outputs, summary, stdout } = await run({});
  expect([exit, stdout, outputs['exit-code']]).toEqual([2, '', '2']);
  expect(commands).toMatchObject([
    { command: 'error', properties: { file: 'skills/wrong/SKILL.md', line: '3', title: 'skill-invalid' } },
  ]);
  expect(summary).toContain('| error | `skills/wrong/SKILL.md:3:14` |');
  // The valid ones are looked at all the same.
  expect(platform.control.log.count(/^(?!GET)/)).toBe(0);
});

test('a plan is made, and carried out by another run', async () => {
  expect((await run({ out: 'plan.json' })).exit).toBe(0);
  expect(platform.control.log.count(/^POST/)).toBe(0);
  const applied = await run({ plan: 'plan.json', folders: 'nowhere' });
  expect([applied.exit, applied.outputs['created']]).toEqual([0, '2']);
});

test('several folders, one in each line; nothing that stands in an input is run or is an option [P9]', async () => {
  const trap = ['$(touch pwned)', '`touch pwned`', '"; touch pwned; "', "'; touch pwned; '", '--prune', '*'];
  for (const folder of trap) {
    await put(`${folder}/one-skill/SKILL.md`, '---\nname: one-skill\ndescription: Does one thing.\n---\n');
    const { exit, stdout } = await run({ folders: `\n  ${folder}\n`, 'dry-run': 'true' });
    expect([exit, stdout], folder).toEqual([0, expect.stringContaining('one-skill')]);
    await rm(join(workspace, folder), { recursive: true });
  }
  for (const input of ['lock', 'config', 'out', 'sarif', 'code-quality', 'report', 'plan', 'executable', 'check']) {
    for (const value of trap.slice(0, 3)) await run({ [input]: value, 'dry-run': 'true' });
  }
  const made = await readdir(workspace, { recursive: true });
  expect(made.filter((path) => path.endsWith('pwned'))).toEqual([]);
  expect(platform.control.log.count(/^(POST|DELETE)/)).toBe(0);
}, 120_000);

test('an input that is neither true nor false ends the step before anything is run', async () => {
  const { exit, stderr } = await run({ prune: 'yes' });
  expect([exit, stderr]).toEqual([2, 'skill-sync: error: the input prune is neither true nor false\n']);
});

test('without an executable the commit of the action is built, without the key and without scripts of packages', async () => {
  // The commit as the runner checks it out, and an npm that tells what it is given before it does it.
  const checkout = join(workspace, 'actions', 'managed-agents-interface');
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0');
  for (const file of files.filter((path) => /^(cmd\/|internal\/|LICENSE|\.npmrc|package|tsconfig)/.test(path))) {
    await cp(join(root, file), join(checkout, file));
  }
  const npm = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
  await put('bin/npm', `#!/bin/sh\n{ echo "$@"; env; } >>"$HOME/npm"\nexec '${npm}' "$@"\n`);
  await chmod(join(workspace, 'bin', 'npm'), 0o755);
  const home = await mkdtemp(join(tmpdir(), 'home-'));
  const check = () =>
    run({ executable: '', check: 'true' }, { PATH: `${join(workspace, 'bin')}:${searchPath}`, HOME: home }, checkout);
  expect((await check()).exit).toBe(7);
  const told = await readFile(join(home, 'npm'), 'utf8');
  expect(told).toMatch(/^ci --ignore-scripts /);
  expect(told).toMatch(/^run --silent build$/m);
  expect(told).not.toMatch(/^(ANTHROPIC|ACTIONS|GITHUB|MAI|SYNC)_/m);
  // What was built is used again.
  expect((await check()).exit).toBe(7);
  expect(await readFile(join(home, 'npm'), 'utf8')).toBe(told);
  await rm(home, { recursive: true });
}, 240_000);

test('a skill whose words try to be commands of the runner gives it none [P9]', async () => {
  const words = [
    '::set-output name=changed::forged',
    '::stop-commands::token',
    '##[error]forged',
    '::add-mask::skill',
    '```\n\n# forged @team ![](https://evil.example)',
  ];
  const name = '::error file=x::forged';
  await put(`skills/${name}/SKILL.md`, `---\nname: "${words[0]}"\ndescription: |\n  ${words[2]}\n---\n`);
  await put('skills/##[error]forged/SKILL.md', 'no front matter\n');
  const refused = await run({ folders: 'skills' });
  expect(refused.exit).toBe(2);
  await rm(join(workspace, 'skills', name), { recursive: true });
  await rm(join(workspace, 'skills/##[error]forged'), { recursive: true });

  const text = words.map((word) => `${word}\n`).join('');
  await put('skills/meeting-notes/notes.md', text);
  await run({});
  await put('skills/meeting-notes/notes.md', `new\n${text}`);
  await put('skills/meeting-notes/##[error]forged.md', text);
  const shown = await run({ check: 'true', diff: 'true' });
  expect([shown.exit, shown.outputs['changed']]).toEqual([7, '["meeting-notes"]']);
  for (const { commands } of [refused, shown]) {
    for (const { command, properties } of commands) {
      expect(['error', 'warning', 'notice']).toContain(command);
      expect(['x', undefined]).not.toContain(properties['title']);
      expect(properties['file']).not.toBe('x');
    }
  }
  // Beside the commands, every line says whose it is.
  const others = (stderr: string) =>
    stderr.split('\n').filter((line) => !/^(skill-sync: |::(error|warning|notice) (file|title)=|$)/.test(line));
  expect([...others(refused.stderr), ...others(shown.stderr)]).toEqual([]);
  expect(shown.stdout).toContain('+new\n');
});

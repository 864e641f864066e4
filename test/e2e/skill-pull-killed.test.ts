/**
 * `kill -9` at every step of `skill-sync pull --overwrite`: the folder is the old one or the new one whole, or the old one
 * lies aside; the same command again ends with the new one, and with everything that is not part of the skill (P8).
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { searchPath } from '../demo/executables.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { runCommand } from '../support/command.ts';
import { keyAlone } from '../support/key-alone.ts';
import { runToDeath } from '../support/killing.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';

let built: BuiltCopy;
let platform: PlatformSandbox;
let home: string;
beforeAll(async () => {
  built = await copyOfBuild();
  platform = await startPlatform();
  home = await mkdtemp(join(tmpdir(), 'skill-pull-killed-'));
}, 240_000);
afterAll(async () => {
  await platform.close();
  await rm(home, { recursive: true });
  await built.remove();
});

type Tree = Record<string, string>;

const pushed: Tree = {
  'SKILL.md': '---\nname: notes\ndescription: Takes notes.\n---\n',
  'a/b.md': 'b',
  empty: '',
};
/** What no push uploads, and nobody may lose. */
const kept: Tree = { '.git/HEAD': 'x', 'node_modules/y/z.js': 'z', 'a/.DS_Store': 'x', '.skillignore': '*.log\n' };
const changed: Tree = { 'SKILL.md': 'broken', 'a/b.md': 'other', 'mine.md': 'mine' };

async function plant(folder: string, tree: Tree): Promise<void> {
  for (const [path, text] of Object.entries(tree)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

async function treeOf(folder: string): Promise<Tree> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file.slice(folder.length + 1), await readFile(file, 'utf8')])),
  );
}

const environment = () => ({
  PATH: searchPath,
  HOME: home,
  ANTHROPIC_API_KEY: platform.apiKey,
  ANTHROPIC_BASE_URL: platform.baseUrl,
  MAI_CONFIG: keyAlone,
});

const run = (argv: readonly string[]) =>
  runCommand(skillSync, argv, { environment: environment(), folder: join(home, 'machine') });

const pull = (skills: string) => ['pull', 'notes', '--overwrite', '--folder', skills];

/** Everything below a folder of skills that belongs to nobody's skill, wherever it is. */
function keptIn(tree: Tree): string[] {
  const found = Object.keys(tree).map((path) => path.replace(/^(\.pull-[^/]+~\/(old|new)\/)?notes\//, ''));
  return Object.keys(kept).filter((path) => found.includes(path));
}

async function killOnce(template: string, killAt: number): Promise<{ step: string; faults: string[] }> {
  const skills = join(home, `skills-${killAt}`);
  await cp(template, skills, { recursive: true });
  const { exit, steps } = await runToDeath(built.locate('skill-sync'), pull(skills), {
    environment: environment(),
    log: join(home, `steps-${killAt}`),
    killAt,
  });
  const faults: string[] = [];
  if (exit !== undefined) faults.push(`it was not killed, but ended with ${exit}`);

  const [all, notes] = [await treeOf(skills), await treeOf(join(skills, 'notes'))];
  const parts = Object.fromEntries(Object.entries(notes).filter(([path]) => kept[path] === undefined));
  const state = JSON.stringify(Object.entries(parts).sort());
  const whole = [changed, pushed, {}].some((tree) => JSON.stringify(Object.entries(tree).sort()) === state);
  if (!whole) faults.push(`half of a folder: ${Object.keys(notes)}`);
  if (Object.keys(parts).length === 0 && !Object.values(all).includes('mine')) faults.push('neither old nor new');
  if (keptIn(all).length !== Object.keys(kept).length) faults.push(`lost: ${keptIn(all)}`);

  const again = await run(pull(skills));
  if (again.exit !== 0) faults.push(`the next run ended with ${again.exit}: ${again.stderr}`);
  const after = await treeOf(join(skills, 'notes'));
  if (JSON.stringify(Object.entries(after).sort()) !== JSON.stringify(Object.entries({ ...pushed, ...kept }).sort())) {
    faults.push(`afterwards there is ${Object.keys(after)}`);
  }
  const left = (await readdir(skills)).filter((name) => !['notes', 'skills.lock.json'].includes(name));
  if (left.length > 0) faults.push(`left behind: ${left}`);
  return { step: steps.at(-1)?.replace(skills, 'skills') ?? '', faults };
}

test.runIf(process.platform === 'linux')('survives kill -9 at every step [P8]', { timeout: 300_000 }, async () => {
  const template = join(home, 'template');
  await plant(join(template, 'notes'), pushed);
  expect(await run([template])).toMatchObject({ exit: 0 });
  await rm(join(template, 'notes'), { recursive: true });
  await plant(join(template, 'notes'), { ...changed, ...kept });

  const whole = join(home, 'whole');
  await cp(template, whole, { recursive: true });
  const { steps, exit } = await runToDeath(built.locate('skill-sync'), pull(whole), {
    environment: environment(),
    log: join(home, 'steps'),
    killAt: 0,
  });
  expect([exit, steps.length > 20]).toEqual([0, true]);
  // The death that matters most is among them.
  expect(steps.filter((step) => step.startsWith('rename to') && step.includes('/old/notes'))).not.toEqual([]);

  const wanted = steps.map((_, index) => index + 1);
  const deaths: { step: string; faults: string[] }[] = [];
  const lane = async () => {
    for (let at = wanted.shift(); at !== undefined; at = wanted.shift()) deaths.push(await killOnce(template, at));
  };
  await Promise.all([lane(), lane()]);
  expect(deaths).toHaveLength(steps.length);
  expect(deaths.filter(({ faults }) => faults.length > 0)).toEqual([]);
});

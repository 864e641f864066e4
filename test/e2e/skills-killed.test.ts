/**
 * `kill -9` at every kind of step of skill-sync, then the same command again (P8): the locks say what the platform has, and
 * nothing was uploaded twice. Of steps of one kind (an upload is one of twenty) a run dies at the first, the middle and the last.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { hashOf } from '../../internal/skills/hash.ts';
import { formatLock, type LockedSkill, parseLock } from '../../internal/skills/lock.ts';
import { sha256 } from '../../internal/text/canonical.ts';
import { searchPath } from '../demo/executables.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { runCommand } from '../support/command.ts';
import { keyAlone } from '../support/key-alone.ts';
import { runToDeath } from '../support/killing.ts';
import { skillText } from '../support/skill-project.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';

let built: BuiltCopy;
beforeAll(async () => {
  built = await copyOfBuild();
}, 240_000);
afterAll(() => built.remove());

/** What changes between the last push and the run that is killed. */
interface Scenario {
  changes: readonly ('change' | 'add' | 'rename' | 'remove')[];
  /** Where the skills lie, in turns; each folder has its lock. */
  folders: readonly string[];
  lockName: string;
  /** The command line in a world. */
  argv: (home: string) => readonly string[];
}

const scenarios: Record<string, Scenario> = {
  'twenty changed skills': {
    changes: Array.from({ length: 20 }, () => 'change' as const),
    folders: ['skills'],
    lockName: 'skills.lock.json',
    argv: (home) => [join(home, 'skills')],
  },
  'new, changed, renamed and removed skills in two folders of a pattern, in a workspace with a name': {
    changes: ['change', 'change', 'change', 'add', 'add', 'add', 'rename', 'remove', 'remove'],
    folders: ['plugins/a/skills', 'plugins/b/skills'],
    lockName: 'skills.dev.lock.json',
    argv: (home) => ['--prune', '--workspace', 'dev', '--config', join(home, 'config')],
  },
};

/** One machine with a checkout, and a platform that nobody else uses. */
interface World {
  platform: PlatformSandbox;
  home: string;
  scenario: Scenario;
  /** The folder of the skill that a change is about. */
  folderOf(index: number): string;
  lockFiles: readonly string[];
  /** The command line that is killed, and run again. */
  argv: readonly string[];
}

async function withWorld<Result>(scenario: Scenario, act: (world: World) => Promise<Result>): Promise<Result> {
  const platform = await startPlatform();
  const home = await mkdtemp(join(tmpdir(), 'skills-killed-'));
  try {
    const { folders, lockName, argv } = scenario;
    await mkdir(join(home, 'config'));
    await writeFile(
      join(home, 'config', 'interface.yaml'),
      `identity: { mode: os }\nplatform: { workspaces: { dev: ${platform.workspaceId}, prod: wrkspc_prod } }\nskills: { folders: ["plugins/*/skills"] }\n`,
    );
    return await act({
      platform,
      home,
      scenario,
      folderOf: (index) => join(home, folders[index % folders.length] ?? ''),
      lockFiles: folders.map((folder) => join(home, folder, lockName)),
      argv: argv(home),
    });
  } finally {
    await platform.close();
    await rm(home, { recursive: true });
  }
}

const environmentOf = ({ platform, home }: World) => ({
  PATH: searchPath,
  HOME: home,
  ANTHROPIC_API_KEY: platform.apiKey,
  ANTHROPIC_BASE_URL: platform.baseUrl,
  MAI_CONFIG: keyAlone,
});

async function write(folder: string, name: string, text: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'SKILL.md'), skillText(name, text));
}

/** A skill that was pushed before, folder and all, by the official client: quicker than a run. */
async function pushed(world: World, index: number): Promise<LockedSkill> {
  const [name, text] = [`skill-${index}`, `before ${index}`];
  await write(world.folderOf(index), name, text);
  const bytes = skillText(name, text);
  const skill = await clientOf(world).skills.create({ files: [new File([bytes], `${name}/SKILL.md`)] });
  const hash = hashOf([{ path: 'SKILL.md', sha256: sha256(bytes) }]);
  return { skillId: skill.id, versionId: skill.latest_version_id, sha256: hash };
}

const clientOf = ({ platform }: World) =>
  new Anthropic({ apiKey: platform.apiKey, baseURL: platform.baseUrl, maxRetries: 0 });

/** Pushes what is there before, changes it, and runs to the given step. Says how many versions there are in the end. */
async function begin(world: World, { kind, nth }: Place) {
  const { changes } = world.scenario;
  const expected: Record<string, number> = {};
  const locks = world.lockFiles.map(() => new Map<string, LockedSkill>());
  await Promise.all(
    changes.map(async (change, index) => {
      if (change !== 'add') locks[index % locks.length]?.set(`skill-${index}`, await pushed(world, index));
    }),
  );
  for (const [index, lock] of locks.entries()) await writeFile(world.lockFiles[index] ?? '', formatLock(lock));
  for (const [index, change] of changes.entries()) {
    const [folder, name] = [world.folderOf(index), `skill-${index}`];
    if (change === 'remove') await rm(join(folder, name), { recursive: true });
    else if (change === 'rename') {
      await rename(join(folder, name), join(folder, `new-${index}`));
      await write(folder, `new-${index}`, `before ${index}`);
      expected[`new-${index}`] = 1;
    } else {
      await write(folder, name, `after ${index}`);
      expected[name] = change === 'add' ? 1 : 2;
    }
  }
  const log = join(world.home, 'steps');
  const run = await runToDeath(built.locate('skill-sync'), world.argv, {
    environment: environmentOf(world),
    log,
    killAt: nth,
    of: stepsOf(kind),
  });
  return { ...run, expected };
}

/** The same command to its end, in this process, which is quicker. */
async function runAgain(world: World) {
  return await runCommand(skillSync, world.argv, {
    environment: environmentOf(world),
    folder: join(world.home, 'machine'),
  });
}

/** Ids of the versions of every skill on the platform, oldest first, by the name that they carry. */
async function remote(world: World): Promise<Map<string, { skillId: string; versions: string[] }[]>> {
  const client = clientOf(world);
  const found = new Map<string, { skillId: string; versions: string[] }[]>();
  const ids: string[] = [];
  for await (const { id } of client.skills.list({ source: 'custom' })) ids.push(id);
  const read = async (id: string) => {
    const versions: string[] = [];
    let name = '';
    for await (const version of client.skills.versions.list(id)) {
      versions.push(version.id);
      name = version.name;
    }
    return { name, skillId: id, versions };
  };
  for (const { name, ...skill } of await Promise.all(ids.map(read))) {
    found.set(name, [...(found.get(name) ?? []), skill]);
  }
  return found;
}

/** What all locks of a world say; each skill is in the one of its folder. */
async function readLocks(world: World): Promise<ReadonlyMap<string, LockedSkill>> {
  const all = new Map<string, LockedSkill>();
  for (const [index, file] of world.lockFiles.entries()) {
    const { skills, problems } = parseLock(await readFile(file, 'utf8'));
    expect(problems).toEqual([]);
    for (const [name, locked] of skills) {
      expect(Number(name.split('-')[1]) % world.lockFiles.length).toBe(index);
      all.set(name, locked);
    }
  }
  return all;
}

interface Row {
  step: string;
  /** Skills that the dead run had pushed or deleted, and those of them that its lock knew. */
  made: number;
  known: number;
  faults: string[];
}

/** Undefined where the step does not come as often as it did before: what is saved at once differs from run to run. */
async function killOnce(scenario: Scenario, place: Place): Promise<Row | undefined> {
  return await withWorld(scenario, async (world) => {
    const { expected, ...killed } = await begin(world, place);
    const step = place.kind;
    if (killed.exit !== undefined) {
      const came = killed.steps.filter((one) => kindOf(world, one) === step).length;
      return came < place.nth ? undefined : { step, made: 0, known: 0, faults: ['it was not killed'] };
    }
    const faults: string[] = [];
    const between = await remote(world);
    let made = 0;
    let known = 0;
    for (const [name, { skillId, versionId }] of await readLocks(world)) {
      const skill = between.get(name)?.find((one) => one.skillId === skillId);
      // Deleted and not written yet: the one thing that a lock may name and the platform not have.
      const removed = expected[name] === undefined && skill === undefined;
      if (!removed && skill?.versions.includes(versionId) !== true)
        faults.push(`${name}: the lock names what is not there`);
      if (skill?.versions.at(-1) === versionId) known += 1;
    }
    for (const [name, [skill]] of between) made += skill?.versions.length === expected[name] ? 1 : 0;

    const again = await runAgain(world);
    if (again.exit !== 0) faults.push(`the next run ended with ${again.exit}: ${again.stderr}`);
    const after = await remote(world);
    const lock = await readLocks(world);
    for (const [name, skills] of after) {
      const [skill, ...others] = skills;
      if (others.length > 0) faults.push(`${name}: ${skills.length} skills of this name`);
      if (skill?.versions.length !== expected[name]) faults.push(`${name}: ${skill?.versions.length} versions`);
      const locked = lock.get(name);
      if (locked?.skillId !== skill?.skillId || locked?.versionId !== skill?.versions.at(-1)) {
        faults.push(`${name}: the lock is not what the platform has`);
      }
    }
    const names = Object.keys(expected).sort();
    if ([...after.keys()].sort().join() !== names.join()) faults.push(`on the platform: ${[...after.keys()]}`);
    if ([...lock.keys()].sort().join() !== names.join()) faults.push(`in the lock: ${[...lock.keys()]}`);
    const there = await Promise.all(world.lockFiles.map((file) => readdir(dirname(file))));
    const left = there.flat().filter((name) => !names.includes(name) && name !== scenario.lockName);
    if (left.length > 0) faults.push(`left behind: ${left}`);
    return { step, made, known, faults };
  });
}

describe.runIf(process.platform === 'linux').each(Object.entries(scenarios))('%s', (name, scenario) => {
  test('survive kill -9 at every kind of step [P8]', { timeout: 600_000 }, async () => {
    const kinds = await withWorld(scenario, async (world) => {
      const { steps } = await begin(world, { kind: '', nth: 0 });
      return steps.map((step) => kindOf(world, step));
    });
    expect(kinds.length).toBeGreaterThan(50);
    const wanted = placesOf(kinds);
    const rows: Row[] = [];
    const lane = async () => {
      for (let place = wanted.shift(); place !== undefined; place = wanted.shift()) {
        const row = await killOnce(scenario, place);
        if (row !== undefined) rows.push(row);
      }
    };
    // One process each on a machine with two cores.
    await Promise.all([lane(), lane()]);
    const order = [...new Set(kinds)];
    const inOrder = rows.sort((a, b) => order.indexOf(a.step) - order.indexOf(b.step));
    print(name, inOrder);
    expect([...new Set(inOrder.map(({ step }) => step))]).toEqual(order);
    expect(inOrder.filter(({ faults }) => faults.length > 0)).toEqual([]);
  });
});

/** Where a run dies: the step of a kind that comes as the nth of it, counted from 1. */
interface Place {
  kind: string;
  nth: number;
}

/** The first, the middle and the last step of each kind. */
function placesOf(kinds: readonly string[]): Place[] {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].flatMap(([kind, count]) =>
    [...new Set([1, (count + 1) >> 1, count])].map((nth) => ({ kind, nth })),
  );
}

/** A step in words that are the same in every run. */
function kindOf({ platform, home }: World, step: string): string {
  return (
    step
      .replace(platform.baseUrl, 'platform ')
      // A pattern's files are named from where the run stands.
      .replace(`${relative(process.cwd(), home)}/`, '')
      .replace(`${home}/`, '')
      .replace(/plugins\/[ab]\//, 'plugins/:x/')
      .replace(/\b(skill|skver)_\w+/g, ':$1')
      .replace(/\.[0-9a-f-]{36}/g, '.…')
  );
}

/** The steps of a kind. */
function stepsOf(kind: string): RegExp {
  const pattern = kind
    .replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
    .replace(/^(\w+) platform /, '$1 http.*')
    .replace(/:(skill|skver)\b/g, '$1_\\w+')
    .replace('…', '[0-9a-f-]{36}')
    .replace(':x', '[ab]')
    // Named from the root: the folders of skills, and that of what a run keeps.
    .replace(/(plugins|skills|\\\.local)/, '.*$1');
  return new RegExp(kind === '' ? '' : `^${pattern}$`);
}

/** One line for each kind of step, with how often a run died there and how far it had come. */
function print(name: string, rows: readonly Row[]): void {
  const kinds = new Map<string, Row[]>();
  for (const row of rows) kinds.set(row.step, [...(kinds.get(row.step) ?? []), row]);
  const width = Math.max(...[...kinds.keys()].map((step) => step.length));
  const range = (values: readonly number[]) => `${Math.min(...values)} to ${Math.max(...values)}`;
  const lines = [...kinds].map(([step, some]) => {
    const wrong = some.filter(({ faults }) => faults.length > 0).length;
    const far = `${range(some.map(({ made }) => made))} done, ${range(some.map(({ known }) => known))} in the lock as latest`;
    return `  ${step.padEnd(width)}  ${String(some.length).padStart(3)} deaths, ${far}${wrong > 0 ? `, ${wrong} WRONG` : ''}`;
  });
  process.stdout.write([`${name}: killed at ${rows.length} steps`, ...lines, ''].join('\n'));
}

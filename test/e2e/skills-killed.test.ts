/**
 * `kill -9` at every step of skill-sync with twenty changed skills, then the same command again (P8): the lock says what the
 * platform has, and nothing was uploaded twice.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { hashOf, sha256 } from '../../internal/skills/hash.ts';
import { formatLock, type LockedSkill, parseLock } from '../../internal/skills/lock.ts';
import { searchPath } from '../demo/executables.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { runCommand } from '../support/command.ts';
import { type KilledRun, runToDeath } from '../support/killing.ts';
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
  argv: readonly string[];
}

const scenarios: Record<string, Scenario> = {
  'twenty changed skills': { changes: Array.from({ length: 20 }, () => 'change' as const), argv: [] },
  'new, changed, renamed and removed skills': {
    changes: ['change', 'change', 'change', 'add', 'add', 'add', 'rename', 'remove', 'remove'],
    argv: ['--prune'],
  },
};

/** One machine with a checkout, and a platform that nobody else uses. */
interface World {
  platform: PlatformSandbox;
  home: string;
  skills: string;
}

async function withWorld<Result>(act: (world: World) => Promise<Result>): Promise<Result> {
  const platform = await startPlatform();
  const home = await mkdtemp(join(tmpdir(), 'skills-killed-'));
  try {
    return await act({ platform, home, skills: join(home, 'skills') });
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
});

async function write({ skills }: World, name: string, text: string): Promise<void> {
  await mkdir(join(skills, name), { recursive: true });
  await writeFile(join(skills, name, 'SKILL.md'), skillText(name, text));
}

/** A skill that was pushed before, folder and all, by the official client: quicker than a run. */
async function pushed(world: World, name: string, text: string): Promise<LockedSkill> {
  await write(world, name, text);
  const bytes = skillText(name, text);
  const skill = await clientOf(world).skills.create({ files: [new File([bytes], `${name}/SKILL.md`)] });
  const hash = hashOf([{ path: 'SKILL.md', sha256: sha256(bytes) }]);
  return { skillId: skill.id, versionId: skill.latest_version_id, sha256: hash };
}

const clientOf = ({ platform }: World) =>
  new Anthropic({ apiKey: platform.apiKey, baseURL: platform.baseUrl, maxRetries: 0 });

/** Pushes what is there before, changes it, and runs to the given step. Says how many versions there are in the end. */
async function begin(world: World, { changes, argv }: Scenario, killAt: number) {
  const expected: Record<string, number> = {};
  const lock = new Map<string, LockedSkill>();
  for (const [index, change] of changes.entries()) {
    if (change !== 'add') lock.set(`skill-${index}`, await pushed(world, `skill-${index}`, `before ${index}`));
  }
  await writeFile(join(world.skills, 'skills.lock.json'), formatLock(lock));
  for (const [index, change] of changes.entries()) {
    const name = `skill-${index}`;
    if (change === 'remove') await rm(join(world.skills, name), { recursive: true });
    else if (change === 'rename') {
      await rename(join(world.skills, name), join(world.skills, `new-${index}`));
      await write(world, `new-${index}`, `before ${index}`);
      expected[`new-${index}`] = 1;
    } else {
      await write(world, name, `after ${index}`);
      expected[name] = change === 'add' ? 1 : 2;
    }
  }
  const log = join(world.home, 'steps');
  const run = await runToDeath(built.locate('skill-sync'), [...argv, world.skills], {
    environment: environmentOf(world),
    log,
    killAt,
  });
  return { ...run, expected };
}

/** The same command to its end, in this process, which is quicker. */
async function runAgain(world: World, argv: readonly string[]) {
  return await runCommand(skillSync, [...argv, world.skills], {
    environment: environmentOf(world),
    folder: join(world.home, 'machine'),
  });
}

/** Ids of the versions of every skill on the platform, oldest first, by the name that they carry. */
async function remote(world: World): Promise<Map<string, { skillId: string; versions: string[] }[]>> {
  const client = clientOf(world);
  const found = new Map<string, { skillId: string; versions: string[] }[]>();
  for await (const { id } of client.skills.list({ source: 'custom' })) {
    const versions: string[] = [];
    let name = '';
    for await (const version of client.skills.versions.list(id)) {
      versions.push(version.id);
      name = version.name;
    }
    found.set(name, [...(found.get(name) ?? []), { skillId: id, versions }]);
  }
  return found;
}

async function readLock(world: World): Promise<ReadonlyMap<string, LockedSkill>> {
  const { skills, problems } = parseLock(await readFile(join(world.skills, 'skills.lock.json'), 'utf8'));
  expect(problems).toEqual([]);
  return skills;
}

interface Row {
  step: string;
  /** Skills that the dead run had pushed or deleted, and those of them that its lock knew. */
  made: number;
  known: number;
  faults: string[];
}

async function killOnce(scenario: Scenario, killAt: number): Promise<Row | undefined> {
  return await withWorld(async (world) => {
    const { expected, ...killed } = await begin(world, scenario, killAt);
    const step = stepOf(world, killed);
    if (killed.exit !== undefined) {
      return killed.steps.length < killAt ? undefined : { step, made: 0, known: 0, faults: ['it was not killed'] };
    }
    const faults: string[] = [];
    const between = await remote(world);
    let made = 0;
    let known = 0;
    for (const [name, { skillId, versionId }] of await readLock(world)) {
      const skill = between.get(name)?.find((one) => one.skillId === skillId);
      // Deleted and not written yet: the one thing that a lock may name and the platform not have.
      const removed = expected[name] === undefined && skill === undefined;
      if (!removed && skill?.versions.includes(versionId) !== true)
        faults.push(`${name}: the lock names what is not there`);
      if (skill?.versions.at(-1) === versionId) known += 1;
    }
    for (const [name, [skill]] of between) made += skill?.versions.length === expected[name] ? 1 : 0;

    const again = await runAgain(world, scenario.argv);
    if (again.exit !== 0) faults.push(`the next run ended with ${again.exit}: ${again.stderr}`);
    const after = await remote(world);
    const lock = await readLock(world);
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
    const left = (await readdir(world.skills)).filter((name) => !names.includes(name) && name !== 'skills.lock.json');
    if (left.length > 0) faults.push(`left behind: ${left}`);
    return { step, made, known, faults };
  });
}

describe.runIf(process.platform === 'linux').each(Object.entries(scenarios))('%s', (name, scenario) => {
  test('survive kill -9 at every step [P8]', { timeout: 600_000 }, async () => {
    const { steps } = await withWorld((world) => begin(world, scenario, 0));
    expect(steps.length).toBeGreaterThan(50);
    const wanted = Array.from({ length: steps.length }, (_, index) => index + 1);
    const rows = new Map<number, Row>();
    const lane = async () => {
      for (let at = wanted.shift(); at !== undefined; at = wanted.shift()) {
        const row = await killOnce(scenario, at);
        if (row !== undefined) rows.set(at, row);
      }
    };
    // One process each on a machine with two cores.
    await Promise.all([lane(), lane()]);
    const inOrder = [...rows].sort(([a], [b]) => a - b).map(([, row]) => row);
    print(name, inOrder);
    expect(inOrder.filter(({ faults }) => faults.length > 0)).toEqual([]);
  });
});

/** The step of a death in words that are the same in every run. */
function stepOf({ platform, skills }: World, { steps }: KilledRun): string {
  return (steps.at(-1) ?? 'before anything')
    .replace(platform.baseUrl, 'platform ')
    .replace(skills, 'skills')
    .replace(/\b(skill|skver)_\w+/g, ':$1')
    .replace(/\.[0-9a-f-]{36}/g, '.…');
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

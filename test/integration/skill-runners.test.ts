/**
 * Two runs of skill-sync at once, on two machines with a checkout and a lock each (P8): nothing is uploaded twice, nobody's
 * upload is lost, and both locks say what the platform has.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { parseLock } from '../../internal/skills/lock.ts';
import { type Clock, runningClock, standingClock } from '../sandbox/clock.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { type CommandOutcome, runCommand } from '../support/command.ts';
import { keyAlone } from '../support/key-alone.ts';

const name = 'triage';
let platform: PlatformSandbox;
let home: string;

async function begin(clock: Clock): Promise<void> {
  platform = await startPlatform({ clock });
  home = await mkdtemp(join(tmpdir(), 'skill-runners-'));
}
afterEach(async () => {
  await platform.close();
  await rm(home, { recursive: true });
});

/** A checkout on one machine. */
class Machine {
  readonly skills: string;
  private readonly which: string;
  /** Whether the configuration names the workspace and the folder, by a pattern; else the command line names the folder. */
  private readonly configured: boolean;
  constructor(which: string, configured = false) {
    this.which = which;
    this.configured = configured;
    this.skills = join(home, which, 'skills');
  }

  async write(text: string): Promise<void> {
    await mkdir(join(this.skills, name), { recursive: true });
    await writeFile(join(this.skills, name, 'SKILL.md'), `---\nname: ${name}\ndescription: Sorts.\n---\n${text}\n`);
  }

  async push(): Promise<CommandOutcome> {
    const words = this.configured ? ['--config', await this.configuration(), '--workspace', 'dev'] : [this.skills];
    return await runCommand(skillSync, [...words, '--quiet'], {
      environment: { ANTHROPIC_API_KEY: platform.apiKey, ANTHROPIC_BASE_URL: platform.baseUrl, MAI_CONFIG: keyAlone },
      folder: home,
    });
  }

  get lockFile(): string {
    return join(this.skills, this.configured ? 'skills.dev.lock.json' : 'skills.lock.json');
  }

  private async configuration(): Promise<string> {
    const config = join(home, this.which, 'config');
    await mkdir(config, { recursive: true });
    await writeFile(
      join(config, 'interface.yaml'),
      `identity: { mode: os }\nplatform: { workspaces: { dev: ${platform.workspaceId}, prod: wrkspc_prod } }\nskills: { folders: ["s*"] }\n`,
    );
    return config;
  }

  async locked() {
    return parseLock(await readFile(this.lockFile, 'utf8')).skills.get(name);
  }

  /** As after a pull from the repository: the other's folder and lock. */
  async follow(other: Machine): Promise<void> {
    const skill = join(name, 'SKILL.md');
    await writeFile(join(this.skills, skill), await readFile(join(other.skills, skill)));
    await writeFile(this.lockFile, await readFile(other.lockFile));
  }
}

/** What the platform has: the skills, and the texts of their versions in the order in which they came. */
async function remote(): Promise<{ id: string; latest: string; texts: string[] }[]> {
  const client = new Anthropic({ apiKey: platform.apiKey, baseURL: platform.baseUrl, maxRetries: 0 });
  const found = [];
  for await (const skill of client.skills.list({ source: 'custom' })) {
    const texts = [];
    for await (const { id } of client.skills.versions.list(skill.id)) texts.push(textOf(id));
    found.push({ id: skill.id, latest: skill.latest_version_id, texts });
  }
  return found;
}

/** Which text a version holds, as seen when it was uploaded. */
function textOf(versionId: string): string {
  return platform.control.peek.skillFile(versionId, 'SKILL.md')?.trimEnd().split('\n').at(-1) ?? '';
}

/** Both push, the second a moment after the first. */
async function race(machines: readonly [Machine, Machine], delayMs: number): Promise<CommandOutcome[]> {
  const [first, second] = machines;
  return await Promise.all([first.push(), sleep(delayMs).then(() => second.push())]);
}

/** Both push the same text at once: both succeed, the platform has one skill, and both locks say its latest version. */
async function pushAlike(machines: readonly [Machine, Machine], index: number) {
  for (const machine of machines) await machine.write(`round ${index}`);
  platform.control.log.reset();
  const outcomes = await race(machines, Math.random() * (index % 2 === 0 ? 4 : 30));
  const uploads = platform.control.log.count(/^POST /);
  expect(outcomes.map(({ exit, stderr }) => [exit, stderr])).toEqual([
    [0, ''],
    [0, ''],
  ]);
  const [skill, ...others] = await remote();
  expect(others).toEqual([]);
  const locks = await Promise.all(machines.map((machine) => machine.locked()));
  expect(locks[0]).toMatchObject({ skillId: skill?.id, versionId: skill?.latest });
  expect(locks[1]).toEqual(locks[0]);
  return { skill, uploads };
}

/** Repeats a race and counts how it came out. */
async function rounds(count: number, label: string, round: (index: number) => Promise<string>): Promise<void> {
  const ends = new Map<string, number>();
  for (let index = 0; index < count; index += 1) {
    const end = await round(index);
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  const told = [...ends].map(([end, times]) => `${end} ${times}`).sort();
  process.stderr.write(`${label}: ${count} rounds: ${told.join(', ')}\n`);
}

const clocks = [
  ['a clock that tells them apart', runningClock, 100],
  ['a clock that stands still', () => standingClock('2026-11-22T12:00:00Z'), 12],
] as const;

describe.each(clocks)('two runners, %s', (label, clock, count) => {
  test(`with the same change: one version each time (${count} rounds) [P8]`, { timeout: 300_000 }, async () => {
    await begin(clock());
    const machines = [new Machine('a'), new Machine('b', true)] as const;
    await rounds(count, `the same change, ${label}`, async (index) => {
      const { skill, uploads } = await pushAlike(machines, index);
      expect(skill?.texts).toEqual(Array.from({ length: index + 1 }, (_, earlier) => `round ${earlier}`));
      return `uploads ${uploads}`;
    });
  });

  test(`with different changes: one stays, the other is told (${count} rounds) [P8]`, {
    timeout: 300_000,
  }, async () => {
    await begin(clock());
    const machines = [new Machine('a', true), new Machine('b', true)] as const;
    const pushed: string[] = [];
    await rounds(count, `different changes, ${label}`, async (index) => {
      for (const [who, machine] of machines.entries()) await machine.write(`round ${index} by ${who}`);
      const outcomes = await race(machines, Math.random() * (index % 2 === 0 ? 4 : 30));
      const winners = outcomes.flatMap(({ exit }, who) => (exit === 0 ? [who] : []));
      // Of two that cannot be told apart both may take back what they uploaded: then both are told, and nothing is there.
      expect(winners.length).toBeLessThanOrEqual(1);
      const told = outcomes.map(({ exit, stderr }) =>
        exit === 0 ? 'done' : (/\[(\w+)\]/.exec(stderr)?.[1] ?? stderr),
      );
      expect(new Set(told)).toEqual(new Set(winners.length === 0 ? ['drift'] : ['done', 'drift']));
      pushed.push(...winners.map((who) => `round ${index} by ${who}`));
      const [winner = 0] = winners;
      // Whoever was turned away takes over the other's work and pushes on top of it.
      const [one, other] = [machines[winner] as Machine, machines[1 - winner] as Machine];
      if (winners.length === 1) await other.follow(one);
      await other.write(`round ${index} again`);
      expect((await other.push()).exit).toBe(0);
      pushed.push(`round ${index} again`);
      await one.write(`round ${index} again`);
      await one.follow(other);
      const [skill, ...others] = await remote();
      expect(others).toEqual([]);
      expect(skill?.texts).toEqual(pushed);
      expect(await other.locked()).toMatchObject({ skillId: skill?.id, versionId: skill?.latest });
      return `winners ${winners.length}`;
    });
  });

  test(`that make the same skill: one skill (${count} rounds) [P8]`, { timeout: 300_000 }, async () => {
    await begin(clock());
    await rounds(count, `the same new skill, ${label}`, async (index) => {
      const machines = [new Machine(`a${index}`), new Machine(`b${index}`)] as const;
      const { skill, uploads } = await pushAlike(machines, index);
      const client = new Anthropic({ apiKey: platform.apiKey, baseURL: platform.baseUrl });
      await client.skills.delete(skill?.id ?? '');
      return `uploads ${uploads}`;
    });
  });
});

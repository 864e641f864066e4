/** Versions of skills that agents pin: from skill-sync into the lock, from the lock into the agents, and back. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { type LockedSkill, parseLock } from '../../internal/skills/lock.ts';
import { type CommandOutcome, runCommand } from '../support/command.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest({ skills: ['meeting-notes', 'support-triage'] });

const agents = (...argv: string[]) => world.setup(['agents', ...argv], { person: undefined });
const skills = () => join(world.sandbox.folder, 'skills');

beforeEach(() => cp(new URL('../../skills', import.meta.url), skills(), { recursive: true }));

/** Runs skill-sync; like every run of it, it prints nothing on stdout when it fails. */
async function sync(...argv: string[]): Promise<CommandOutcome> {
  const environment = world.sandbox.environment;
  const outcome = await runCommand(skillSync, [...argv, skills()], { environment, folder: await world.machine() });
  if (outcome.exit !== 0 && outcome.exit !== 7) expect(outcome.stdout).toBe('');
  return outcome;
}

async function locked(name: string): Promise<LockedSkill> {
  const skill = parseLock(await readFile(join(skills(), 'skills.lock.json'), 'utf8')).skills.get(name);
  if (skill === undefined) throw new Error(`${name} is not in the lock`);
  return skill;
}

/** Pushes everything and brings the agents in line with it. */
async function settle(): Promise<void> {
  expect(await sync()).toMatchObject({ exit: 0 });
  expect(await agents('apply')).toMatchObject({ exit: 0 });
  world.sandbox.platform.control.log.reset();
}

/** Changes a skill and pushes it; returns its version before and after. */
async function pushChange(name = 'meeting-notes'): Promise<[before: string, after: string]> {
  const before = (await locked(name)).versionId;
  await writeFile(join(skills(), name, 'more.md'), '# More\n');
  expect(await sync()).toMatchObject({ exit: 0 });
  return [before, (await locked(name)).versionId];
}

describe('agents plan', () => {
  test('says by name which skill goes from which version to which, and apply does it', async () => {
    await settle();
    const [before, after] = await pushChange();
    const { versionId: triage } = await locked('support-triage');
    const planned = await agents('plan');
    expect([planned.exit, planned.stdout.split('\n')]).toEqual([
      7,
      expect.arrayContaining([
        'agent support: to be updated',
        `  skills: meeting-notes from ${before} on the platform to ${after} in the file`,
        `  skill meeting-notes pinned at ${after}`,
        `  skill support-triage pinned at ${triage}`,
      ]),
    ]);
    expect(planned.stdout).not.toContain('skills: support-triage');
    expect(await agents('apply')).toMatchObject({ exit: 0 });
    expect(await agents('plan')).toMatchObject({ exit: 0 });
  });

  test('names a skill that somebody left to be the latest', async () => {
    await settle();
    const { skillId, versionId } = await locked('meeting-notes');
    for await (const { id, name } of world.client.beta.agents.list()) {
      if (name !== 'support') continue;
      await world.client.beta.agents.update(id, { skills: [{ type: 'custom', skill_id: skillId, version: 'latest' }] });
    }
    const planned = await agents('plan');
    expect([planned.exit, planned.stderr]).toEqual([
      1,
      expect.stringContaining(`skills: meeting-notes from latest on the platform to ${versionId} in the file`),
    ]);
  });
});

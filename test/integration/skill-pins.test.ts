/** Versions of skills that agents pin: from skill-sync into the lock, from the lock into the agents, and back. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
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

/** An agent that somebody made by hand. */
async function stranger(name: string, skillId: string, version: string) {
  return await world.client.beta.agents.create({
    name,
    model: 'claude-sonnet-5-5',
    tools: [{ type: 'agent_toolset_20260401' }],
    skills: [{ type: 'custom', skill_id: skillId, version }],
  });
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

describe('skill-sync --check', () => {
  const checkJson = async (...argv: string[]) => {
    const ran = await sync('--check', '--json', ...argv);
    return { ...JSON.parse(ran.stdout), exit: ran.exit, stderr: ran.stderr };
  };

  test('ends with 7 while an agent of ours is behind the lock, and says which and what to do', async () => {
    await settle();
    expect(await sync('--check')).toMatchObject({ exit: 0 });

    await writeFile(join(skills(), 'meeting-notes', 'more.md'), '# More\n');
    const planned = await sync('--check');
    expect([planned.exit, planned.stdout]).toEqual([7, expect.stringMatching(/^meeting-notes +update +- +support$/m)]);
    expect(planned.stdout).not.toContain('pins');
    expect(await checkJson()).toMatchObject({ skills: [{ agents: ['support'] }, { agents: ['support'] }] });

    const before = (await locked('meeting-notes')).versionId;
    expect(await sync()).toMatchObject({ exit: 0 });
    const { versionId: after, skillId } = await locked('meeting-notes');
    const line = `agent support pins meeting-notes at ${before}, the lock says ${after}: setup-session agents apply`;
    const behind = await sync('--check');
    expect([behind.exit, behind.stdout.split('\n').slice(-2), behind.stderr]).toEqual([
      7,
      [line, ''],
      expect.not.stringContaining('pins'),
    ]);
    expect(await sync('--dry-run')).toMatchObject({ exit: 0, stdout: behind.stdout });
    expect(await checkJson()).toMatchObject({
      exit: 7,
      pending: 0,
      stale_pins: [
        {
          agent: 'support',
          agent_name: 'support',
          agent_version: 1,
          skill: 'meeting-notes',
          skill_id: skillId,
          pinned: before,
          locked: after,
        },
      ],
    });

    expect(await agents('apply')).toMatchObject({ exit: 0 });
    expect(await checkJson()).toMatchObject({ exit: 0, pending: 0, stale_pins: [] });
  });

  test('finds an agent of ours by its mark when the agents lock is lost, and not one that is only called like it', async () => {
    await settle();
    const [before] = await pushChange();
    await rm(join(world.sandbox.configFolder, 'agents.lock.json'));
    expect(await sync('--check')).toMatchObject({ exit: 7, stdout: expect.stringContaining(`agent support pins`) });

    const { skillId } = await locked('meeting-notes');
    expect(await agents('apply')).toMatchObject({ exit: 1, stderr: expect.stringContaining('[drift]') });
    expect(await agents('apply', '--overwrite')).toMatchObject({ exit: 0 });
    const { id } = await stranger('support', skillId, before);
    const checked = await sync('--check');
    expect([checked.exit, checked.stdout]).toEqual([0, expect.not.stringContaining('pins')]);
    expect(checked.stderr).toContain(`agent "support" (${id}) pins meeting-notes at ${before}`);
  });

  test("notes a stranger's agent at another version or at the latest, and counts no archived one", async () => {
    await settle();
    const [before, after] = await pushChange();
    expect(await agents('apply')).toMatchObject({ exit: 0 });
    const { skillId } = await locked('meeting-notes');
    const follower = await stranger('Night \u001b[2J shift', skillId, 'latest');
    const older = await stranger('Older', skillId, before);
    await stranger('Up to date', skillId, after);
    const ended = await stranger('Ended', skillId, before);
    await world.client.beta.agents.archive(ended.id);
    for (const option of ['--check', '--dry-run']) {
      const checked = await sync(option);
      expect([checked.exit, checked.stdout]).toEqual([0, expect.not.stringContaining('pins')]);
      expect(checked.stderr.split('\n').filter((line) => line.includes(' agent '))).toEqual([
        `skill-sync: agent "Night \\u001b[2J shift" (${follower.id}) follows the latest version of meeting-notes, ` +
          `the lock says ${after}; no file stands for it`,
        `skill-sync: agent "Older" (${older.id}) pins meeting-notes at ${before}, the lock says ${after}; ` +
          'no file stands for it',
      ]);
    }
  });

  test('asks for the agents beside the skills, one request per hundred; a plain run asks for none', async () => {
    await settle();
    const { skillId, versionId } = await locked('meeting-notes');
    for (let index = 0; index < 249; index += 1) await stranger(`agent ${index}`, skillId, versionId);
    const asked = async (...argv: string[]) => {
      world.sandbox.platform.control.log.reset();
      expect(await sync(...argv)).toMatchObject({ exit: 0 });
      return world.asked().toSorted();
    };
    expect(await asked()).toEqual(['GET /v1/skills']);
    for (const option of ['--check', '--dry-run']) {
      expect(await asked(option)).toEqual([...Array(3).fill('GET /v1/agents'), 'GET /v1/skills']);
    }
    expect(await asked('--check', '--prune')).toEqual([...Array(3).fill('GET /v1/agents'), 'GET /v1/skills']);
  });
});

describe('skill-sync --prune', () => {
  const onPlatform = async () => {
    const ids: string[] = [];
    for await (const { id } of world.client.skills.list({ source: 'custom' })) ids.push(id);
    return ids;
  };

  test('deletes a skill whose folder is gone only when no file names it and no agent pins it, at any version', async () => {
    await settle();
    const { skillId, versionId } = await locked('meeting-notes');
    const follower = await stranger('follower', skillId, 'latest');
    const member = await stranger('member', skillId, versionId);
    const keeper = await world.client.beta.agents.create({
      name: 'keeper',
      model: 'claude-sonnet-5-5',
      multiagent: { type: 'coordinator', agents: [member.id] },
    });
    await world.client.beta.agents.update(member.id, { skills: [] });
    await rm(join(skills(), 'meeting-notes'), { recursive: true });
    const ours = JSON.parse(await readFile(join(world.sandbox.configFolder, 'agents.lock.json'), 'utf8')).agents.support
      .id;

    /** Every refusal is the same for all ways to ask, deletes nothing and names exactly these. */
    const expectRefusedFor = async (...pinners: string[]) => {
      for (const option of ['--prune', '--prune --overwrite', '--prune --check']) {
        const { exit, stderr } = await sync(...option.split(' '));
        expect([exit, stderr]).toEqual([1, expect.stringContaining('[skill_in_use]')]);
        expect(stderr).toContain(`meeting-notes: it is to be deleted, but is pinned by ${pinners.join(', ')};`);
      }
      expect(await onPlatform()).toContain(skillId);
    };
    const others = [
      `agent "follower" (${follower.id}) at latest`,
      `agent "member" (${member.id}) version 1, a sub-agent of "keeper" (${keeper.id}), at ${versionId}`,
    ];
    const own = `agent "support" (${ours}) at ${versionId}`;
    await expectRefusedFor('agent file support', own, ...others);
    await world.configure('agents/support.yaml', (content) => {
      content.skills = ['support-triage'];
    });
    await expectRefusedFor(own, ...others);
    expect(await agents('apply')).toMatchObject({ exit: 0 });
    await expectRefusedFor(...others);
    await world.client.beta.agents.archive(follower.id);
    await expectRefusedFor(...others.slice(1));
    await world.client.beta.agents.archive(keeper.id);

    expect(await sync('--check', '--prune')).toMatchObject({ exit: 7 });
    expect(await sync('--prune')).toMatchObject({ exit: 0 });
    expect(await onPlatform()).toEqual([(await locked('support-triage')).skillId]);
    await expect(locked('meeting-notes')).rejects.toThrow('is not in the lock');
  });
});

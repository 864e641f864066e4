/** What skill-sync plans beside uploads: renames, skills that are there already, deletions, and plans that are reviewed. */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { changesOf, skillProjectPerTest, skillText } from '../support/skill-project.ts';

const project = skillProjectPerTest();
const { run, runJson, client, locked, put, putSkill, remoteVersions, expectLockIsTrue } = project;
const changing = /^(POST|DELETE) /;

beforeEach(async () => {
  await putSkill('minutes', 'Write minutes.');
  await putSkill('triage', 'Sort tickets.');
});

async function renameSkill(from: string, to: string): Promise<void> {
  await rename(join(project.skills, from), join(project.skills, to));
  const path = join(project.skills, to, 'SKILL.md');
  await writeFile(path, (await readFile(path, 'utf8')).replace(`name: ${from}`, `name: ${to}`));
}

async function uploadByHand(name: string, text: string): Promise<string> {
  const { skillId = '' } = (await locked()).get(name) ?? {};
  const files = [new File([skillText(name, text)], `${name}/SKILL.md`)];
  return (await client().skills.versions.create(skillId, { files })).id;
}

async function makeAgent(skillId: string, version: string): Promise<string> {
  const agent = await client().beta.agents.create({
    name: 'Night shift',
    model: 'claude-sonnet-5-5',
    skills: [{ type: 'custom', skill_id: skillId, version }],
    tools: [{ type: 'agent_toolset_20260401', configs: [{ name: 'read', enabled: true }] }],
  });
  return agent.id;
}

describe('a rename', () => {
  test('is told apart from a new skill and followed; the old one stays until it is pruned', async () => {
    await put('triage/references/a.md', 'a');
    await run([project.skills]);
    await renameSkill('triage', 'sorting');
    expect((await runJson('--check')).skills).toMatchObject([
      { name: 'minutes', change: 'unchanged' },
      { name: 'sorting', change: 'rename', renamed_from: 'triage' },
      { name: 'triage', change: 'orphaned' },
    ]);
    expect((await run([project.skills])).stdout).toMatch(/^sorting +renamed from triage +skver_/m);
    expect(Object.keys(await remoteVersions())).toEqual(['minutes', 'sorting', 'triage']);
    await expectLockIsTrue();
    const pruned = await run(['--prune', project.skills]);
    expect([pruned.exit, pruned.stdout]).toEqual([0, expect.stringMatching(/^triage +deleted/m)]);
    expect(Object.keys(await remoteVersions())).toEqual(['minutes', 'sorting']);
    await expectLockIsTrue();
  });

  test('with other changes, of a copy, and of one of two is none', async () => {
    await run([project.skills]);
    await renameSkill('triage', 'sorting');
    await put('sorting/more.md', 'more');
    await putSkill('protocol', 'Write minutes.');
    expect(changesOf(await runJson('--dry-run'))).toEqual([
      'minutes unchanged',
      'protocol create',
      'sorting create',
      'triage orphaned',
    ]);
    await rm(join(project.skills, 'sorting', 'more.md'));
    for (const copy of ['sorting-a', 'sorting-b']) {
      const text = (await readFile(join(project.skills, 'sorting/SKILL.md'), 'utf8')).replace('sorting', copy);
      await put(`${copy}/SKILL.md`, text);
    }
    expect(changesOf(await runJson('--dry-run')).filter((change) => change.endsWith('rename'))).toEqual([]);
  });
});

describe('what is there already', () => {
  test('with other content is shown as a diff and refused; --overwrite uploads over it', async () => {
    await run([project.skills]);
    await uploadByHand('triage', 'By \u001b[2Jhand.');
    const refused = await run([project.skills]);
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('[drift]')]);
    expect(refused.stderr).toMatch(/^skill-sync: {3}-By \\u\{1b\}\[2Jhand\.$/m);
    expect(refused.stderr).toMatch(/^skill-sync: {3}\+Sort tickets\.$/m);
    expect((await run(['--overwrite', project.skills])).exit).toBe(0);
    expect((await remoteVersions())['triage']).toHaveLength(3);
    await expectLockIsTrue();
    expect((await run(['--check', project.skills])).exit).toBe(0);
  });

  test('of the same name, known to no lock: adopted when it is the same, else refused, or taken over by --overwrite', async () => {
    const upload = async (name: string, text: string) =>
      await client().skills.create({ files: [new File([skillText(name, text)], `${name}/SKILL.md`)] });
    await upload('minutes', 'Write minutes.');
    const other = await upload('triage', 'Something else.');
    const refused = await run([project.skills]);
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringMatching(/-Something else\.\n.*\+Sort tickets\./)]);
    expect(changesOf(await runJson('--overwrite'))).toEqual(['minutes adopt', 'triage update']);
    expect((await locked()).get('triage')?.skillId).toBe(other.id);
    await expectLockIsTrue();
  });

  test('is not uploaded over when somebody uploads between plan and upload', async () => {
    await run([project.skills]);
    await putSkill('triage', 'Sort better.');
    const { latest, skillId } = await latestOfTriage();
    const byHand = await uploadByHand('triage', 'By hand.');
    const { control } = project.platform;
    // As it was when the plan was made.
    control.tamper('GET /v1/skills', (answer) => {
      const { data } = answer as { data: { id: string; latest_version_id: string }[] };
      for (const skill of data) if (skill.id === skillId) skill.latest_version_id = latest;
      return answer;
    });
    control.log.reset();
    const refused = await run([project.skills]);
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('while this run was at work')]);
    expect(refused.stderr).toContain(byHand);
    expect(control.log.count(changing)).toBe(0);
    // Where it is the very same content, it is taken over.
    await putSkill('triage', 'By hand.');
    expect((await run([project.skills])).exit).toBe(0);
    expect((await latestOfTriage()).latest).toBe(byHand);
    expect(control.log.count(changing)).toBe(0);
  });
});

async function latestOfTriage(): Promise<{ skillId: string; latest: string }> {
  const { skillId = '', versionId = '' } = (await locked()).get('triage') ?? {};
  return { skillId, latest: versionId };
}

describe('--prune', () => {
  beforeEach(async () => {
    await run([project.skills]);
    await rm(join(project.skills, 'triage'), { recursive: true });
  });

  test('deletes on the platform and in the lock what has no folder, and nothing else', async () => {
    expect(await runJson('--prune', '--check')).toMatchObject({
      exit: 7,
      skills: [{ change: 'unchanged' }, { name: 'triage', change: 'prune', applied: false }],
    });
    expect(Object.keys(await remoteVersions())).toEqual(['minutes', 'triage']);
    expect(changesOf(await runJson('--prune'))).toEqual(['minutes unchanged', 'triage prune']);
    expect(Object.keys(await remoteVersions())).toEqual(['minutes']);
    await expectLockIsTrue();
  });

  test('deletes nothing that an agent of the platform pins, and says which', async () => {
    const { skillId = '', versionId = '' } = (await locked()).get('triage') ?? {};
    const agent = await makeAgent(skillId, versionId);
    await putSkill('minutes', 'Write long minutes.');
    project.platform.control.log.reset();
    const refused = await run(['--prune', project.skills]);
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('[skill_in_use]')]);
    expect(refused.stderr).toContain(`agent "Night shift" (${agent}) at ${versionId}`);
    expect(project.platform.control.log.count(changing)).toBe(0);
    await client().beta.agents.archive(agent);
    expect((await run(['--prune', project.skills])).exit).toBe(0);
  });

  test('deletes nothing that an agent file names', async () => {
    await put('support-triage/SKILL.md', skillText('support-triage', 'x'));
    await run([project.skills]);
    await rm(join(project.skills, 'support-triage'), { recursive: true });
    const refused = await run(['--prune', project.skills]);
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('pinned by agent file support')]);
  });

  test('deletes nothing that somebody uploaded to since, unless --overwrite says so', async () => {
    const version = await uploadByHand('triage', 'By hand.');
    const refused = await run(['--prune', project.skills]);
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining(version)]);
    expect((await run(['--prune', '--overwrite', project.skills])).exit).toBe(0);
    expect(Object.keys(await remoteVersions())).toEqual(['minutes']);
  });

  test('ends well when the answer is lost, and when it is gone already', async () => {
    project.platform.control.faults.add({ on: 'DELETE /v1/skills/:id', fault: { kind: 'drop-after-commit' } });
    expect((await run(['--prune', project.skills])).exit).toBe(0);
    await expectLockIsTrue();
    await rm(join(project.skills, 'minutes'), { recursive: true });
    await client().skills.delete((await locked()).get('minutes')?.skillId ?? '');
    expect((await run(['--prune', '--yes-prune', '1', project.skills])).exit).toBe(0);
    expect((await locked()).size).toBe(0);
  });
});

describe('a plan in a file', () => {
  const planFile = () => join(project.home, 'plan.json');
  const apply = () => run(['apply', planFile()]);

  test('is written without changing anything, and carried out as it is', async () => {
    const made = await run(['--out', planFile(), project.skills]);
    expect([made.exit, project.platform.control.log.count(changing)]).toEqual([0, 0]);
    const plan = JSON.parse(await readFile(planFile(), 'utf8'));
    expect(plan).toMatchObject({
      plan_version: 1,
      workspace_id: null,
      overwrite: false,
      prune: false,
      folders: [
        {
          folder: project.skills,
          lock_file: project.lockFile,
          changes: [
            { name: 'minutes', change: 'create', skill_id: null, version_id: null },
            { name: 'triage', change: 'create', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
          ],
        },
      ],
    });
    expect((await run(['--out', planFile(), '--check', project.skills])).exit).toBe(7);
    expect((await apply()).exit).toBe(0);
    await expectLockIsTrue();
    // Carried out a second time it has nothing to do.
    expect((await apply()).exit).toBe(0);
    expect(project.platform.control.log.count(changing)).toBe(2);
  });

  test('keeps what was chosen', async () => {
    await run([project.skills]);
    await rm(join(project.skills, 'triage'), { recursive: true });
    await run(['--out', planFile(), '--prune', project.skills]);
    expect((await apply()).exit).toBe(0);
    expect(Object.keys(await remoteVersions())).toEqual(['minutes']);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['the platform moved', () => uploadByHand('triage', 'By hand.')],
    ['the platform moved, elsewhere', () => uploadByHand('minutes', 'By hand.')],
    ['the folder changed', () => putSkill('triage', 'Sort otherwise.')],
    ['a skill came', () => putSkill('another', 'One more.')],
    ['the change was taken back', () => putSkill('triage', 'Sort tickets.')],
    ['the lock changed', () => rm(project.lockFile)],
  ])('is refused when %s', async (_case, move) => {
    await run([project.skills]);
    await putSkill('triage', 'Sort better.');
    await run(['--out', planFile(), '--overwrite', project.skills]);
    await move();
    project.platform.control.log.reset();
    const refused = await apply();
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringMatching(/\[plan_stale\]/)]);
    expect(project.platform.control.log.count(changing)).toBe(0);
  });

  test('is refused in another workspace than the one it was made for', async () => {
    const config = join(project.home, 'config');
    await mkdir(config);
    const interfaceFile = `identity: { mode: os }\nplatform: { workspace_id: ${project.platform.workspaceId} }\n`;
    await writeFile(join(config, 'interface.yaml'), interfaceFile);
    await run(['--out', planFile(), '--config', config, project.skills]);
    const refused = await apply();
    expect([refused.exit, refused.stderr]).toEqual([
      1,
      expect.stringContaining(`planned for workspace ${project.platform.workspaceId}, now the key's workspace`),
    ]);
    expect(project.platform.control.log.count(changing)).toBe(0);
    expect((await run(['apply', planFile(), '--config', config])).exit).toBe(0);
  });

  test('takes no other choices than those it was made with', async () => {
    await run(['--out', planFile(), project.skills]);
    const refused = await run(['apply', planFile(), '--prune']);
    expect([refused.exit, refused.stderr]).toEqual([
      2,
      expect.stringContaining("unknown option '--prune' of skill-sync apply"),
    ]);
  });

  test('that a run did not finish is finished by the next', async () => {
    await run(['--out', planFile(), project.skills]);
    project.platform.control.faults.add({ on: 'POST /v1/skills', fault: { kind: 'status', status: 400 } });
    expect((await apply()).exit).toBe(1);
    expect((await locked()).size).toBe(1);
    expect((await apply()).exit).toBe(0);
    await expectLockIsTrue();
  });

  test.each([
    ['nothing', undefined, 'config_missing'],
    ['no JSON', '{', 'config_invalid'],
    ['another version', '{"plan_version":2}', 'config_invalid'],
    [
      'other things',
      '{"plan_version":1,"workspace_id":null,"overwrite":false,"prune":false,"folders":[{"folder":7}]}',
      'config_invalid',
    ],
  ])('that is %s is refused', async (_case, text, code) => {
    if (text !== undefined) await writeFile(planFile(), text);
    const refused = await apply();
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining(`[${code}]`)]);
  });
});

test('a pipe for a plan or a lock is refused, and not waited for', async () => {
  const pipe = join(project.skills, '..', 'pipe');
  spawnSync('mkfifo', [pipe]);
  for (const argv of [
    ['apply', pipe],
    ['--check', `--lock=${pipe}`, project.skills],
  ]) {
    const { exit, stderr } = await run(argv);
    expect([exit, stderr], argv[0]).toEqual([1, expect.stringContaining('not an ordinary file')]);
  }
});

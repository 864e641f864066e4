/** What `--prune` deletes: what is gone, and much at once only after a second yes. */
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { changesOf, skillProjectPerTest, skillText } from '../support/skill-project.ts';
import { fakeTerminal } from '../support/terminal.ts';

const project = skillProjectPerTest();
const { run, runJson, locked, put, putSkill, remoteVersions, expectLockIsTrue } = project;
const changing = /^(POST|DELETE) /;
const at = (...parts: string[]) => join(project.skills, ...parts);
const onPlatform = async () => Object.keys(await remoteVersions());

async function move(from: string, to: string): Promise<void> {
  await mkdir(dirname(at(to)), { recursive: true });
  await rename(at(from), at(to));
}

describe('a folder that is there, and only not read', () => {
  beforeEach(async () => {
    for (const name of ['minutes', 'plans', 'triage']) await putSkill(name, `Do ${name}.`);
    await run([project.skills]);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    [
      'a submodule that was not checked out',
      async () => {
        await rm(at('triage'), { recursive: true });
        await mkdir(at('triage'));
      },
      'skills/triage is there, without a SKILL.md (a submodule or a sparse checkout?); check it out as a whole',
    ],
    [
      'a sparse checkout that has other files of it',
      async () => {
        await put('triage/references/a.md', 'a');
        await rm(at('triage', 'SKILL.md'));
      },
      'skills/triage is there, without a SKILL.md',
    ],
    [
      'a line in the ignore file',
      () => put('.skillignore', 'triage\n'),
      'skills/triage is there, and left out by .skillignore; take it back in there, or remove it',
    ],
    [
      'a link to a folder',
      async () => {
        await rename(at('triage'), join(project.home, 'triage'));
        await symlink(join(project.home, 'triage'), at('triage'));
      },
      'skills/triage is a link; put the folder itself there',
    ],
    [
      'a link that git wrote as a file',
      async () => {
        await rm(at('triage'), { recursive: true });
        await put('triage', '../elsewhere/triage');
      },
      'skills/triage is a file',
    ],
    [
      'a category',
      () => move('triage', 'support/triage'),
      'its folder is now SKILLS/support/triage; give SKILLS/support',
    ],
    ['categories in categories', () => move('triage', 'a/b/c/triage'), 'its folder is now SKILLS/a/b/c/triage; give'],
  ])('blocks --prune, and is told without it: %s', async (_case, hide, said) => {
    await hide();
    const words = said.replaceAll('SKILLS', project.skills).replace(/^skills/, project.skills);
    const told = await runJson('--check');
    expect([told.exit, changesOf(told).at(-1)]).toEqual([0, 'triage orphaned']);
    const shown = await run([project.skills]);
    expect([shown.exit, shown.stdout]).toEqual([0, expect.stringContaining(`\n\ntriage: ${words}`)]);
    project.platform.control.log.reset();
    for (const flags of [[], ['--overwrite'], ['--yes-prune', '3'], ['--check']]) {
      const refused = await run(['--prune', ...flags, project.skills]);
      expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('[skill_not_gone]')]);
      expect(refused.stderr).toContain(`triage: it is to be deleted, but ${words}`);
    }
    expect(project.platform.control.log.count(changing)).toBe(0);
    expect((await locked()).has('triage')).toBe(true);
  });

  test('has a JSON value and an annotation', async () => {
    await move('triage', 'support/triage');
    const { skills } = await runJson('--check');
    expect(skills.at(-1)).toMatchObject({ where: { what: expect.stringContaining('its folder is now') } });
    expect(skills[0]).not.toHaveProperty('where');
    const { stdout, stderr } = await run(['--check', '--report', 'github', project.skills]);
    expect(stdout + stderr).toMatch(/^::warning title=orphaned::triage: its folder is now /m);
  });

  test('is no more in the way when it was removed', async () => {
    await move('triage', 'support/triage');
    await rm(at('support'), { recursive: true });
    expect(changesOf(await runJson('--prune'))).toEqual(['minutes unchanged', 'plans unchanged', 'triage prune']);
    expect(await onPlatform()).toEqual(['minutes', 'plans']);
  });

  test('is not looked for where no skill lies, and not through links', async () => {
    for (const folder of ['node_modules/x', '.git/x']) await put(`${folder}/triage/SKILL.md`, 'x');
    await mkdir(join(project.home, 'else'));
    await move('triage', '../else/triage');
    await mkdir(at('more'));
    await symlink(join(project.home, 'else'), at('more', 'link'));
    expect((await run(['--prune', project.skills])).exit).toBe(0);
    expect(await onPlatform()).toEqual(['minutes', 'plans']);
  });

  test('that moved into another folder of the run is not deleted from under it', async () => {
    const other = join(project.home, 'other');
    await mkdir(other);
    await rename(at('triage'), join(other, 'triage'));
    const refused = await run(['--prune', project.skills, other]);
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('[skill_not_gone]')]);
    const [lock, otherLock] = [project.lockFile, join(other, 'skills.lock.json')];
    expect(refused.stderr).toContain(`its folder is now ${other}/triage; move its entry from ${lock} to ${otherLock}`);
    const whole = JSON.parse(await readFile(lock, 'utf8'));
    const { triage, ...rest } = whole.skills;
    await writeFile(lock, JSON.stringify({ ...whole, skills: rest }));
    await writeFile(otherLock, JSON.stringify({ ...whole, skills: { triage } }));
    expect((await run(['--prune', project.skills, other])).exit).toBe(0);
    expect(await onPlatform()).toEqual(['minutes', 'plans', 'triage']);
  });
});

describe('many deletions at once', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const remove = async (...gone: string[]) => {
    for (const name of gone) await rm(at(name), { recursive: true });
  };

  beforeEach(async () => {
    for (const name of names) await putSkill(name, `Do ${name}.`);
    await run([project.skills]);
    project.platform.control.log.reset();
  });

  test('of less than half need no second yes', async () => {
    await remove('a', 'b');
    expect((await run(['--prune', project.skills])).exit).toBe(0);
    expect(await onPlatform()).toEqual(['c', 'd', 'e']);
  });

  test('of more than half are refused where nobody is, until the number is named', async () => {
    await remove('a', 'b', 'c');
    const refused = await run(['--prune', project.skills]);
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('[prune_unconfirmed]')]);
    expect(refused.stderr).toContain(`deletes 3 of the 5 skills in ${project.lockFile}, and nobody is here`);
    const fewer = await run(['--prune', '--yes-prune', '2', project.skills]);
    expect([fewer.exit, fewer.stderr]).toEqual([2, expect.stringContaining('3 skills would be deleted')]);
    const planned = await run(['--prune', '--dry-run', project.skills]);
    expect([planned.exit, planned.stderr]).toEqual([0, expect.stringContaining('or --yes-prune 3')]);
    expect(project.platform.control.log.count(changing)).toBe(0);
    expect((await run(['--prune', '--yes-prune', '3', project.skills])).exit).toBe(0);
    expect(await onPlatform()).toEqual(['d', 'e']);
    await expectLockIsTrue();
  });

  test('of a run that failed half-way are finished by the same words', async () => {
    await remove(...names);
    project.platform.control.faults.add({
      on: 'DELETE /v1/skills/:id',
      after: 2,
      fault: { kind: 'status', status: 400 },
    });
    const words = ['--prune', '--yes-prune', '5', project.skills];
    expect((await run(words)).exit).toBe(1);
    expect((await locked()).size).toBeLessThan(5);
    expect((await run(words)).exit).toBe(0);
    expect(await onPlatform()).toEqual([]);
  });

  test.each([
    ['y\n', 0, ['d', 'e']],
    ['n\n', 2, names],
    ['\n', 2, names],
  ])('of more than half are asked for at a terminal: %j', async (answer, exit, left) => {
    await remove('a', 'b', 'c');
    const terminal = fakeTerminal();
    const running = run(['--prune', project.skills], {
      terminal,
      hear: (said) => {
        if (said.includes('[y/N]')) void terminal.type(answer);
      },
    });
    expect(await running).toMatchObject({ exit, stderr: expect.stringContaining('deletes 3 of the 5 skills') });
    expect(await onPlatform()).toEqual(left);
  });

  test('of a reviewed plan keep the same rule', async () => {
    await remove(...names);
    const plan = join(project.home, 'plan.json');
    const made = await run(['--prune', '--out', plan, project.skills]);
    expect([made.exit, made.stderr]).toEqual([0, expect.stringContaining('--yes-prune 5')]);
    const refused = await run(['apply', plan]);
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining(`deletes all 5 skills`)]);
    expect(await onPlatform()).toEqual(names);
    expect((await run(['apply', plan, '--yes-prune', '5'])).exit).toBe(0);
    expect(await onPlatform()).toEqual([]);
  });

  test('are counted for each lock', async () => {
    await mkdir(join(project.home, 'other'));
    await mkdir(join(project.home, 'other', 'lone'));
    await writeFile(join(project.home, 'other', 'lone', 'SKILL.md'), skillText('lone', 'Alone.'));
    await run([join(project.home, 'other')]);
    await rm(join(project.home, 'other', 'lone'), { recursive: true });
    await remove('a');
    const refused = await run(['--prune', project.skills, join(project.home, 'other')]);
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('deletes the one skill in')]);
    expect(refused.stderr).toContain('--yes-prune 2');
  });

  test.each([['0'], ['-1'], ['many'], ['1e3']])('are not agreed to by %s', async (number) => {
    expect((await run(['--prune', `--yes-prune=${number}`, project.skills])).exit).toBe(2);
  });

  test('are not agreed to where nothing is to be deleted', async () => {
    expect((await run(['--yes-prune', '2', project.skills])).stderr).toContain('there is no --prune');
    const plan = join(project.home, 'plan.json');
    await run(['--out', plan, project.skills]);
    expect((await run(['apply', plan, '--yes-prune', '2'])).stderr).toContain('made without --prune');
  });
});

/** One bad skill hides nothing: what is wrong with others, and what would become of those that nothing is wrong with. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { skillProjectPerTest, skillText } from '../support/skill-project.ts';

const project = skillProjectPerTest();
const { run, put, putSkill, locked, remoteVersions } = project;
const onPlatform = async () => Object.keys(await remoteVersions());
const changes = () => project.platform.control.log.count(/^(?:POST|DELETE) /);

/** Two that are fine, one that is no skill, one that holds what no agent may be told, and one that somebody else has. */
async function mixed() {
  await putSkill('minutes', 'Write minutes.');
  await putSkill('plans', 'Make plans.');
  await put('broken/SKILL.md', 'no front matter');
  await putSkill('hidden', 'a\u200bb');
  await project.client().skills.create({ files: [new File([skillText('taken', 'theirs')], 'taken/SKILL.md')] });
  await putSkill('taken', 'ours');
  project.platform.control.log.reset();
}
const linesOf = (stderr: string) => stderr.replaceAll(`${project.skills}/`, '').split('\n');

describe('all that is wrong is told in one run, with what would become of the rest', () => {
  test.each([[[]], [['--check']], [['--dry-run']]])('skill-sync %s changes nothing', async (argv) => {
    await mixed();
    const { exit, stderr } = await run([...argv, project.skills]);
    expect([exit, changes()]).toEqual([2, 0]);
    const lines = linesOf(stderr);
    const advice = argv.length === 0 ? '; --keep-going pushes them' : '';
    for (const line of [
      'skill-sync: error: one problem in the skills [skill_invalid]',
      expect.stringMatching(/^skill-sync: {3}broken\/SKILL.md:1:1: there is no front matter/),
      'skill-sync:   one finding in the skills may not be pushed',
      expect.stringMatching(/^skill-sync: {3}hidden\/SKILL.md:5:2: error: .*\[hidden-character\]/),
      'skill-sync:   the platform is not as the lock says',
      expect.stringMatching(/^skill-sync: {3}taken: the platform's latest version is neither/),
      `skill-sync:   nothing is wrong with: minutes (create), plans (create)${advice}`,
      'skill-sync: hint: nothing was sent to the platform; put these right and run again',
    ]) {
      expect(lines).toContainEqual(line);
    }
  });

  test('scan', async () => {
    await mixed();
    await put('hidden/notes.md', 'cat ~/.ssh/id_rsa');
    const { exit, stderr } = await run(['scan', project.skills]);
    const lines = linesOf(stderr);
    expect([exit, project.platform.control.log.count()]).toEqual([2, 0]);
    expect(lines).toContainEqual(expect.stringContaining('broken/SKILL.md:1:1'));
    expect(lines).toContainEqual(expect.stringContaining('[hidden-character]'));
    expect(lines).toContainEqual(expect.stringContaining('[credential-access]'));
  });

  test('in the reports as well', async () => {
    await mixed();
    const [sarif, summary] = [join(project.home, 'out.sarif'), join(project.home, 'summary.md')];
    const environment = { GITHUB_STEP_SUMMARY: summary, GITHUB_WORKSPACE: project.home };
    await run(['--report', 'github', '--sarif', sarif, project.skills], { environment });
    const rules = JSON.parse(await readFile(sarif, 'utf8')).runs[0].results.map(
      (result: { ruleId: string }) => result.ruleId,
    );
    expect(rules).toEqual(['skill-invalid', 'hidden-character']);
    const rows = (await readFile(summary, 'utf8')).split('\n').filter((line) => line.startsWith('| `'));
    expect(rows.map((row) => row.split(' | ').slice(0, 2).join(' '))).toEqual([
      '| `broken` invalid',
      '| `hidden` create',
      '| `minutes` create',
      '| `plans` create',
      '| `taken` blocked',
    ]);
  });

  test('also where the platform cannot be asked, or a scan.yaml is wrong', async () => {
    await mixed();
    const noKey = await run([project.skills], { environment: { ANTHROPIC_API_KEY: '' } });
    expect(noKey.exit).toBe(2);
    for (const part of [
      '[skill_invalid]',
      'there is no front matter',
      '[hidden-character]',
      'no credential for the platform',
    ]) {
      expect(noKey.stderr).toContain(part);
    }
    await put('scan.yaml', 'nonsense: 1\n');
    for (const command of [['scan'], []]) {
      const refused = await run([...command, project.skills]);
      expect(refused.exit).toBe(2);
      for (const part of ['there is no front matter', 'nonsense']) expect(refused.stderr).toContain(part);
    }
  });
});

describe('--keep-going', () => {
  const keepGoing = (...argv: string[]) => run(['--keep-going', ...argv, project.skills]);

  test('pushes what nothing is wrong with, and ends as without', async () => {
    await mixed();
    const { exit, stderr } = await keepGoing();
    expect(exit).toBe(2);
    const lines = linesOf(stderr);
    for (const line of [
      'skill-sync: error: one problem in the skills [skill_invalid]',
      'skill-sync:   pushed all the same: minutes (created), plans (created)',
      'skill-sync:   not pushed: broken (invalid), hidden (create), taken (blocked)',
      'skill-sync: hint: put these right and run again',
    ]) {
      expect(lines).toContain(line);
    }
    expect(await onPlatform()).toEqual(['minutes', 'plans', 'taken']);
    expect([...(await locked()).keys()]).toEqual(['minutes', 'plans']);
    const again = await keepGoing();
    expect([again.exit, again.stderr.includes('pushed all the same')]).toEqual([2, false]);
    await rm(join(project.skills, 'broken'), { recursive: true });
    expect((await keepGoing()).exit).toBe(3);
    await rm(join(project.skills, 'hidden'), { recursive: true });
    expect((await keepGoing()).exit).toBe(1);
    await rm(join(project.skills, 'taken'), { recursive: true });
    expect((await keepGoing()).exit).toBe(0);
  });

  test('takes no skill that is wrong now for one that is gone, nor for the old name of another', async () => {
    await putSkill('plans', 'Make plans.');
    await putSkill('minutes', 'Write minutes.');
    await run([project.skills]);
    await put('plans/SKILL.md', 'no front matter');
    await put('schemes/SKILL.md', skillText('schemes', 'Make plans.').replace('Does schemes', 'Does plans'));
    const { stderr } = await keepGoing();
    expect(stderr).toContain('pushed all the same: schemes (created)');
    expect(stderr).not.toContain('orphaned');
    expect([...(await locked()).keys()]).toEqual(['minutes', 'plans', 'schemes']);
    expect((await run(['--prune', project.skills])).stderr).not.toContain('prune');
    expect(await onPlatform()).toEqual(['minutes', 'plans', 'schemes']);
  });

  test('pushes neither of two of one name, and nothing of a folder whose .skillignore cannot be read', async () => {
    const other = join(project.home, 'other');
    await putSkill('plans', 'Make plans.');
    await putSkill('minutes', 'Write minutes.');
    await put('../other/plans/SKILL.md', skillText('plans', 'Others.'));
    await put('../other/triage/SKILL.md', skillText('triage', 'Sort.'));
    await put('../other/.skillignore', 'a\0b');
    const { exit } = await run(['--keep-going', project.skills, other]);
    expect([exit, await onPlatform()]).toEqual([2, ['minutes']]);
    await rm(join(other, '.skillignore'));
    await run(['--keep-going', project.skills, other]);
    expect(await onPlatform()).toEqual(['minutes', 'triage']);
  });

  test('tells of the problems also where a push fails', async () => {
    await mixed();
    project.platform.control.faults.add({ on: 'POST /v1/skills', fault: { kind: 'status', status: 413 }, times: 2 });
    const { exit, stderr } = await keepGoing();
    expect(exit).toBe(2);
    expect(stderr).toContain('there is no front matter');
    expect(stderr).toContain('answered 413');
  });

  test.each([['--prune'], ['--out=plan.json']])('goes not with %s', async (option) => {
    const { exit, stderr } = await keepGoing(option);
    expect([exit, stderr]).toEqual([2, expect.stringContaining('--keep-going')]);
  });
});

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commandsIn, outputsIn } from '../../../test/support/actions-runner.ts';
import type { SkillsReport } from './report.ts';
import { type ReportSettings, reporterOf, repositoryRoot, writeReports } from './write.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'reports-'));
});
afterEach(() => rm(root, { recursive: true }));

const problem = { file: 'SKILL.md', line: 1, what: 'it is empty', fix: 'write something' };
const done: SkillsReport = { problems: [], findings: [], skills: [], exit: 0 };
const failed = (): SkillsReport => ({
  ...done,
  problems: [{ ...problem, file: join(root, 'skills/a/SKILL.md') }],
  exit: 2,
  error: { code: 'skill_invalid', message: 'one problem in the skills' },
});

/** Writes the reports and returns what was said to people, to the runner, and as warnings. */
async function write(report: SkillsReport, changed: Partial<ReportSettings> = {}) {
  const told = { said: [] as string[], warned: [] as string[], commands: [] as string[], thrown: undefined as unknown };
  const settings: ReportSettings = {
    reporter: 'plain',
    environment: {},
    sarif: undefined,
    codeQuality: undefined,
    root,
    version: '0.1.0',
    say: (text) => told.said.push(text),
    warn: (text) => told.warned.push(text),
    command: (line) => told.commands.push(line),
    ...changed,
  };
  await writeReports(report, settings).catch((error: unknown) => {
    told.thrown = error;
  });
  return told;
}

const github = () => ({
  reporter: 'github' as const,
  environment: { GITHUB_STEP_SUMMARY: join(root, 'summary.md'), GITHUB_OUTPUT: join(root, 'outputs') },
});
const read = (name: string) => readFile(join(root, name), 'utf8');

test('plain without a file says and writes nothing', async () => {
  expect(await write(failed())).toEqual({ said: [], warned: [], commands: [], thrown: undefined });
  expect(await readdir(root)).toEqual([]);
});

test('GitHub gets annotations, outputs and a summary beside what other steps said; a failed run too', async () => {
  await writeFile(join(root, 'outputs'), 'earlier=1\n');
  await writeFile(join(root, 'summary.md'), '# Earlier\n');
  const { commands, thrown } = await write(failed(), github());
  expect(thrown).toBeUndefined();
  expect(commandsIn(commands.join('\n'))).toMatchObject([{ properties: { file: 'skills/a/SKILL.md', line: '1' } }]);
  expect(outputsIn(await read('outputs'))).toMatchObject({ earlier: '1', findings: '0', 'exit-code': '2' });
  expect(await read('summary.md')).toMatch(/^# Earlier\n## skill-sync\n\n\*\*Failed\*\* with exit code 2/);
  expect((await readdir(root)).sort()).toEqual(['outputs', 'summary.md']);
});

test('the summary has the room that earlier steps left', async () => {
  await writeFile(join(root, 'summary.md'), 'x'.repeat(2 ** 20 - 400));
  const skills = Array.from({ length: 200 }, (_, n) => ({
    folder: 'skills',
    name: `skill-${n}`,
    change: 'update' as const,
    applied: false,
    skillId: 'a',
    versionId: 'b',
    sha256: '',
    agents: [],
  }));
  await write({ ...done, skills }, github());
  const summary = await read('summary.md');
  expect(Buffer.byteLength(summary)).toBeLessThanOrEqual(2 ** 20);
  expect(summary).toContain('Left out, because a summary has 1 MiB at most');
});

test('what is left out of the annotations is said', async () => {
  const problems = Array.from({ length: 13 }, (_, line) => ({ ...problem, line: line + 1 }));
  const { said, commands } = await write({ ...failed(), problems }, github());
  expect([commands.length, said]).toEqual([10, ['left out as annotations: 3 more errors; GitHub shows 10 of a kind']]);
});

test('GitLab gets a code quality report where it looks for one, or where it is wanted', async () => {
  await write(failed(), { reporter: 'gitlab' });
  await write(done, { reporter: 'gitlab', codeQuality: join(root, 'made/here.json') });
  await write(done, { codeQuality: join(root, 'plain.json') });
  expect(JSON.parse(await read('gl-code-quality-report.json'))).toMatchObject([{ check_name: 'skill-invalid' }]);
  expect([await read('made/here.json'), await read('plain.json')]).toEqual(['[]\n', '[]\n']);
});

test('a SARIF log goes wherever it is wanted, from every reporter', async () => {
  for (const reporter of ['github', 'gitlab', 'plain'] as const) {
    await write(failed(), { reporter, sarif: join(root, `${reporter}.sarif`), codeQuality: join(root, 'x.json') });
    const { runs } = JSON.parse(await read(`${reporter}.sarif`));
    expect(runs[0].results).toHaveLength(1);
  }
});

test('what a reader of the files does not see stands there as an escape', async () => {
  const hidden = { ...problem, file: join(root, '\u202ea\u200b'), what: '\u202e', fix: '\u001b' };
  await write({ ...failed(), problems: [hidden] }, { sarif: join(root, 's'), codeQuality: join(root, 'c') });
  expect((await read('s')) + (await read('c'))).toMatch(/^[\x20-\x7e\n]*$/);
  expect(JSON.parse(await read('c'))[0].location.path).toBe('\u202ea\u200b');
});

test('one that cannot be written is the error of a run that had none, and keeps none of the others', async () => {
  await writeFile(join(root, 'blocker'), '');
  const blocked = { sarif: join(root, 'blocker/a.sarif'), codeQuality: join(root, 'b.json') };
  const { thrown, warned } = await write(done, { ...github(), ...blocked });
  expect(thrown).toMatchObject({ code: 'file_system', message: expect.stringMatching(/^could not write .*a\.sarif/) });
  expect(warned).toEqual([]);
  expect((await readdir(root)).sort()).toEqual(['b.json', 'blocker', 'outputs', 'summary.md']);
});

test('after another error it is a warning', async () => {
  await writeFile(join(root, 'blocker'), '');
  const blocked = { sarif: join(root, 'blocker/a.sarif'), codeQuality: join(root, 'blocker/b.json') };
  const { thrown, warned } = await write(failed(), blocked);
  expect(thrown).toBeUndefined();
  expect(warned).toEqual([
    expect.stringMatching(/^could not write .*b\.json/),
    expect.stringMatching(/^could not write .*a\.sarif/),
  ]);
});

test.each([
  [undefined, {}, 'plain'],
  [undefined, { GITHUB_ACTIONS: 'true' }, 'github'],
  [undefined, { GITHUB_ACTIONS: 'false', GITLAB_CI: 'true' }, 'gitlab'],
  ['plain', { GITHUB_ACTIONS: 'true' }, 'plain'],
  ['gitlab', {}, 'gitlab'],
] as const)('asked for %s, in %o, it is %s', (asked, environment, reporter) => {
  expect(reporterOf(asked, environment)).toBe(reporter);
});

test('places are named below the folder that the job checked out', () => {
  expect(repositoryRoot({ GITHUB_WORKSPACE: '/a' }, '/c')).toBe('/a');
  expect(repositoryRoot({ CI_PROJECT_DIR: '/b' }, '/c')).toBe('/b');
  expect(repositoryRoot({}, '/c')).toBe('/c');
});

/** Which skills a run is about: folders, patterns, lists of plugins, single skills, names, and what changed. */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { parseLock } from '../../internal/skills/lock.ts';
import { changesOf, skillProjectPerTest, skillText } from '../support/skill-project.ts';

const project = skillProjectPerTest();
const { run, runJson, locked, put, putSkill, remoteVersions } = project;
const at = (...parts: string[]) => join(project.home, ...parts);
const onPlatform = async () => Object.keys(await remoteVersions());

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), text);
}
const skillAt = (path: string) => write(`${path}/SKILL.md`, skillText(path.split('/').at(-1) ?? '', `Do ${path}.`));
const lockedIn = async (folder: string) => [
  ...parseLock(await readFile(at(folder, 'skills.lock.json'), 'utf8')).skills.keys(),
];
const commandLines = [['scan'], [], ['--check']];

describe('a folder without any skill', () => {
  test.each(commandLines)('is refused: %s', async (...command) => {
    for (const prepare of [() => undefined, () => put('README.md', '# Skills'), () => put('draft/notes.md', 'x')]) {
      await prepare();
      const refused = await run([...command, project.skills]);
      expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('there is no skill in')]);
      expect(refused.stderr).toContain('{"lock_version":1,"skills":{}}');
    }
    await writeFile(project.lockFile, '{"lock_version":1,"skills":{}}\n');
    expect((await run([...command, project.skills])).exit).toBe(0);
  });

  test.each(commandLines)(
    'whose skills lie deeper names the folders to give, and they work: %s',
    async (...command) => {
      for (const name of ['eng/tdd', 'eng/review', 'ops/eu/on-call']) await skillAt(`skills/${name}`);
      const refused = await run([...command, project.skills]);
      const folders = ['skills/eng', 'skills/ops/eu'].map((folder) => at(folder));
      const hint = 'skills lie further below; give the folders they lie in: ';
      expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining(hint + folders.join(' '))]);
      expect([0, 7]).toContain((await run([...command, ...folders])).exit);
    },
  );

  test('a category beside skills is named as a folder to give', async () => {
    for (const name of ['eng/tdd', 'triage']) await skillAt(`skills/${name}`);
    for (const command of commandLines) {
      const { stderr } = await run([...command, project.skills]);
      const said = `skills lie in it: give ${at('skills/eng')} as a folder of skills as well`;
      expect(stderr).toContain(`${at('skills/eng')}: no SKILL.md, left out; ${said}`);
    }
  });

  test('and with a lock that has some is no success, also beside another folder', async () => {
    await skillAt('other/x');
    await putSkill('triage', 'Sort.');
    await run([project.skills]);
    await rm(join(project.skills, 'triage'), { recursive: true });
    const refused = await run([project.skills, at('other')]);
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('and 1 in its lock')]);
    expect((await run(['--prune', '--yes-prune', '1', project.skills])).exit).toBe(0);
    expect((await run(['--check', project.skills])).exit).toBe(0);
  });
});

describe('a pattern', () => {
  test('names folders of skills and single skills, each with the lock of its folder', async () => {
    for (const path of ['plugins/a/skills/one', 'plugins/b/skills/two', 'skills/triage', 'skills/minutes']) {
      await skillAt(path);
    }
    await mkdir(at('plugins/empty/skills'), { recursive: true });
    expect((await run([at('plugins/*/skills')])).exit).toBe(0);
    expect([await lockedIn('plugins/a/skills'), await lockedIn('plugins/b/skills')]).toEqual([['one'], ['two']]);
    expect((await run([at('skills/t*')])).exit).toBe(0);
    expect(await lockedIn('skills')).toEqual(['triage']);
    expect(await onPlatform()).toEqual(['one', 'triage', 'two']);
    expect((await run(['verify', at('plugins/{a,b}/skills')])).stdout).toMatch(/one.*\n.*two/);
  });

  test('that nothing matches, or only folders without skills, is refused; links are not followed', async () => {
    await skillAt('elsewhere/skills/one');
    await mkdir(at('plugins/none/skills'), { recursive: true });
    await symlink(at('elsewhere'), at('plugins/link'));
    for (const [pattern, said] of [
      ['nothing/*', 'no folder matches'],
      ['plugins/*/skills', 'there is no skill in'],
      ['plugins/l*/skills', 'no folder matches'],
    ]) {
      const refused = await run([at(pattern ?? '')]);
      expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining(said ?? '')]);
    }
  });

  test('is a name where a folder is called so', async () => {
    for (const [folder, name] of [
      ['team [a]', 'one'],
      ['team {a,b}', 'two'],
    ] as const) {
      await skillAt(`${folder}/${name}`);
      await skillAt('team a/other');
      expect((await run([at(folder)])).exit).toBe(0);
      expect(await lockedIn(folder)).toEqual([name]);
    }
    // The pattern has the folder of that name too, and this one.
    expect(await onPlatform()).toEqual(['one', 'two']);
  });
});

describe('a list of plugins', () => {
  const list = (value: unknown) => write('.claude-plugin/marketplace.json', JSON.stringify(value));
  const both = () => [project.home, at('.claude-plugin/marketplace.json')];

  test('names the skills of its plugins: those in `skills`, or all', async () => {
    for (const path of ['skills/pdf', 'skills/xlsx', 'skills/draft', 'plugins/p/skills/one', 'plugins/q/more/two']) {
      await skillAt(path);
    }
    await list({
      name: 'ours',
      plugins: [
        { name: 'documents', source: './', strict: false, skills: ['./skills/pdf', './skills/xlsx'] },
        { name: 'p', source: './plugins/p' },
        { name: 'q', source: './plugins/q', skills: './more' },
        { name: 'commands-only', source: './plugins/none' },
        { name: 'theirs', source: { source: 'github', repo: 'a/b' } },
      ],
    });
    for (const word of both()) {
      const { exit, stderr, stdout } = await run(['--json', word]);
      const { skills } = JSON.parse(stdout);
      expect(exit).toBe(0);
      expect(skills.map(({ name }: { name: string }) => name)).toEqual(['pdf', 'xlsx', 'one', 'two']);
      expect(stderr).toContain('theirs comes from elsewhere, left out');
    }
    expect(await lockedIn('skills')).toEqual(['pdf', 'xlsx']);
  });

  test.each<[string, unknown, string]>([
    ['no list', { name: 'ours' }, 'it has no list of plugins'],
    ['a list of texts', { plugins: ['p'] }, 'plugins[0] is not an object'],
    ['no source', { plugins: [{ name: 'p' }] }, 'plugins[0].source is neither'],
    ['a way out', { plugins: [{ source: '../other' }] }, 'plugins[0] leads out of the marketplace'],
    ['a way out by a skill', { plugins: [{ source: './', skills: ['./../x'] }] }, 'leads out of the marketplace'],
    ['other skills', { plugins: [{ source: './', skills: 7 }] }, 'plugins[0].skills is neither'],
    ['nothing that is there', { plugins: [{ source: './p' }] }, 'names no skills that are there'],
    ['a skill that is not there', { plugins: [{ source: './', skills: ['./x'] }] }, 'there is no folder'],
  ])('that has %s is refused', async (_case, value, said) => {
    await list(value);
    for (const word of both()) {
      const refused = await run([word]);
      expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining(said)]);
    }
  });
});

describe('some of the skills', () => {
  beforeEach(async () => {
    for (const name of ['minutes', 'plans', 'triage']) await putSkill(name, `Do ${name}.`);
  });

  test('a single skill is pushed alone, and one that is wrong beside it is not looked at', async () => {
    await put('wrong/SKILL.md', 'no front matter');
    expect((await run([join(project.skills, 'triage')])).exit).toBe(0);
    expect((await run(['--only', 'plans', '--', project.skills])).exit).toBe(0);
    expect(await onPlatform()).toEqual(['plans', 'triage']);
    expect([...(await locked()).keys()]).toEqual(['plans', 'triage']);
    expect((await run(['scan', join(project.skills, 'triage')])).stdout).toBe('no findings in 1 skill\n');
    expect((await run(['scan', join(project.skills, 'wrong')])).exit).toBe(2);
    expect((await run([project.skills])).exit).toBe(2);
  });

  test('what is left out is never an orphan, and no rename is seen in it', async () => {
    await run([project.skills]);
    await rm(join(project.skills, 'minutes'), { recursive: true });
    await put('copy/SKILL.md', skillText('copy', 'Do plans.').replace('Does copy', 'Does plans'));
    expect(changesOf(await runJson('--only', 'triage', '--prune', '--check'))).toEqual(['triage unchanged']);
    expect(changesOf(await runJson('--only', 'copy', 'triage', '--check'))).toEqual([
      'copy create',
      'triage unchanged',
    ]);
    expect(changesOf(await runJson('--only', 'minutes', '--prune', '--check'))).toEqual(['minutes prune']);
    const plan = at('plan.json');
    await run(['--only', 'minutes', '--prune', '--out', plan, '--', project.skills]);
    expect((await run(['apply', plan])).exit).toBe(0);
    expect(await onPlatform()).toEqual(['plans', 'triage']);
    expect([...(await locked()).keys()]).toEqual(['plans', 'triage']);
  });

  test('a name that no folder and no lock has is refused', async () => {
    for (const command of commandLines) {
      const refused = await run([...command, '--only=triage', '--only=triagge', project.skills]);
      expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('there is no skill "triagge" in')]);
    }
  });
});

describe('--changed-since', () => {
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', project.home, '-c', 'user.name=A', '-c', 'user.email=a@example.com', ...words]);
  const commit = () => {
    git('add', '-A');
    git('commit', '-qm', 'x');
  };
  const since = async (...words: string[]) => changesOf(await runJson('--check', '--changed-since=HEAD', ...words));

  beforeEach(async () => {
    for (const name of ['minutes', 'plans', 'triage']) await putSkill(name, `Do ${name}.`);
    await run([project.skills]);
    git('init', '-q');
    commit();
  });

  test('is about skills that were changed, added or deleted, and about no others', async () => {
    await put('broken/SKILL.md', 'x');
    commit();
    expect(await since()).toEqual([]);
    expect((await run(['--changed-since', 'HEAD', project.skills])).stderr).toContain('no skill changed since HEAD');
    await put('triage/more.md', 'more');
    await put('new "é"/x.md', 'x');
    await putSkill('fresh', 'New.');
    await rm(join(project.skills, 'plans'), { recursive: true });
    expect(await since()).toEqual(['fresh create', 'plans orphaned', 'triage update']);
    expect(await since('--only=triage')).toEqual(['triage update']);
    expect((await run(['scan', '--changed-since=HEAD', project.skills])).stdout).toBe('no findings in 2 skills\n');
    expect((await run(['scan', '--changed-since=HEAD~1', project.skills])).exit).toBe(2);
  });

  test('is about all skills where what counts for all changed', async () => {
    for (const file of ['scan.yaml', '.skillignore']) {
      await put(file, '');
      expect(await since()).toHaveLength(3);
      await rm(join(project.skills, file));
    }
  });

  test('is not led astray by what git sets in a hook of another worktree', async () => {
    await put('triage/more.md', 'more');
    await put('.skillignore', 'more.md');
    commit();
    await put('triage/most.md', 'most');
    vi.stubEnv('GIT_DIR', at('.git'));
    vi.stubEnv('GIT_INDEX_FILE', at('nowhere', 'index'));
    try {
      expect(await since()).toEqual(['triage update']);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test.each(['nowhere', '--output=pwned', 'HEAD:skills', '-h'])('of no commit is refused: %s', async (name) => {
    const refused = await run([`--changed-since=${name}`, project.skills]);
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('git cannot say what changed in')]);
  });

  test('takes a name that looks like an option for the name of a commit', async () => {
    git('update-ref', 'refs/heads/-q', 'HEAD');
    await put('triage/more.md', 'more');
    expect(changesOf(await runJson('--check', '--changed-since=-q'))).toEqual(['triage update']);
  });

  test('outside of a checkout is refused', async () => {
    await rename(at('.git'), at('git'));
    expect((await run(['--changed-since=HEAD', project.skills])).exit).toBe(2);
  });
});

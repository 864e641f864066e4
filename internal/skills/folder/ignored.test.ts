import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { skipped } from '../../../test/support/skip.ts';
import { defaultRules, ignoredByDefault, isLeftOut, leftOutLine, withIgnoreFile } from './ignored.ts';

describe('what is left out', () => {
  test.each(['.DS_Store', '._a.md', 'a.md~', '.#a.md', 'x/y/a.pyc', 'x/.idea', 'a.swp'])('%s, by default', (path) => {
    expect(isLeftOut(defaultRules(), `s/${path}`, 'file')).toBe(true);
  });

  test.each(['a.md', '.hidden', 'ds_store', 'node_modules.md', '.GIT', 'a.PYC'])('not %s', (path) => {
    expect(isLeftOut(defaultRules(), `s/${path}`, 'file')).toBe(false);
  });

  test.each(['.git', '.hg', '.svn', '.skillignore'])('%s, whatever an ignore file says', (name) => {
    const rules = withIgnoreFile(
      withIgnoreFile(defaultRules(), '', '!*\n!.*\n'),
      's',
      `!${name}\n!${name}/\n!/${name}\n`,
    );
    for (const kind of ['file', 'folder'] as const) expect(isLeftOut(rules, `s/${name}`, kind)).toBe(true);
  });

  test('in the middle of a skill whose name, or a folder in it, looks like a pattern', () => {
    const rules = withIgnoreFile(defaultRules(), 's/[a]*?', '*.md\n/b.txt\n');
    expect(isLeftOut(rules, 's/[a]*?/x.md', 'file')).toBe(true);
    expect(isLeftOut(rules, 's/[a]*?/b.txt', 'file')).toBe(true);
    expect(isLeftOut(rules, 's/axy/x.md', 'file')).toBe(false);
    expect(isLeftOut(rules, 's/x.md', 'file')).toBe(false);
  });

  test('with a byte order mark before the first line, as git reads it', () => {
    expect(isLeftOut(withIgnoreFile(defaultRules(), 's', '\ufeff*.md\n'), 's/a.md', 'file')).toBe(true);
  });
});

/** Ignore files in the folder of skills, in the skill s and in its folder d. */
const cases: [skills: string, skill: string, below: string][] = [
  ['*.md\n', '!a.md\n', ''],
  ['a.md\n', '!/d/a.md\n', ''],
  ['/s/d/\n', '!d/\n', ''],
  ['s/d/*\n', '!b.txt\n', 'b.txt\n'],
  ['/a.md\n', '', ''],
  ['', '/a.md\n', ''],
  ['', 'd/a.md\n', ''],
  ['', '**/a.md\n', '!a.md\n'],
  ['', 'd/**\n', '!a.md\n'],
  ['', 'd/**/x.md\n', ''],
  ['', 'd/*\n!d/e/\n', ''],
  ['', '*\n!*.md\n', ''],
  ['', '*\n!*/\n!a.md\n', ''],
  ['', 'a.md \nb.txt\\ \n', ''],
  ['', '\\!bang\n\\#hash\n', ''],
  ['', '!\\!bang\n', ''],
  ['!bang\n', '\\!bang\n', ''],
  ['', '[ab].*\n', ''],
  ['', '?.md\n', ''],
  ['', 'A.md\n', ''],
  ['', 'd\n!d/e/x.md\n', ''],
  ['', 'e/\n', '!e/\n'],
  ['', '/node_modules\n', '!node_modules/\n'],
  ['!node_modules\n', 'x.js\n', '!x.js\n'],
  ['', '!node_modules\n', ''],
  ['', '*.md\r\n\r\n# no\r\n!a.md\r\n', ''],
  ['', 'a.md/\n', ''],
  ['', '/\n', '//\n'],
  ['', '\\\n', '!\n'],
  ['', '!/ \n', '!//\n'],
  ['s\n', '!a.md\n', ''],
];
const files = [
  'a.md',
  'b.txt',
  '!bang',
  '#hash',
  'd/a.md',
  'd/b.txt',
  'd/e/x.md',
  'd/e/a.md',
  'd/node_modules/x.js',
  'node_modules/x.js',
  'z.pyc',
];

const git = spawnSync('git', ['--version']).error === undefined;
describe.skipIf(skipped(!git && { reason: 'git is not there to compare with', installable: false }))(
  'git agrees',
  () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'ignored-'));
    });
    afterEach(() => rm(folder, { recursive: true }));

    test.each(cases)('on %j, %j and %j', async (skills, skill, below) => {
      const ignoreFiles: [folder: string, text: string][] = [
        ['', skills],
        ['s', skill],
        ['s/d', below],
      ];
      for (const path of files) {
        await mkdir(dirname(join(folder, 's', path)), { recursive: true });
        await writeFile(join(folder, 's', path), '');
      }
      for (const [at, text] of ignoreFiles) await writeFile(join(folder, at, '.skillignore'), text);
      await writeFile(join(folder, 'defaults'), ignoredByDefault.join('\n'));
      spawnSync('git', ['init', '-q', '--bare', join(folder, 'git')]);
      const listed = spawnSync(
        'git',
        [
          '--git-dir=../git',
          '--work-tree=..',
          '-c',
          'core.ignoreCase=false',
          'ls-files',
          '-oz',
          '-X',
          join(folder, 'defaults'),
        ].concat(['--exclude-per-directory=.skillignore', '-x', '.skillignore']),
        { cwd: join(folder, 's'), encoding: 'utf8' },
      );
      expect(listed.stderr).toBe('');

      const rulesAt = (path: string) =>
        ignoreFiles
          .filter(([at]) => at === '' || path.startsWith(`${at}/`))
          .reduce((rules, [at, text]) => withIgnoreFile(rules, at, text), defaultRules());
      const kept = files.filter((path) => {
        const parts = `s/${path}`.split('/');
        const paths = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
        return paths.every(
          (each, index) => !isLeftOut(rulesAt(each), each, index === parts.length - 1 ? 'file' : 'folder'),
        );
      });
      expect(kept.sort()).toEqual(
        listed.stdout
          .split('\0')
          .filter((path) => path !== '')
          .sort(),
      );
    });
  },
);

test('what was installed or cached is said when it is left out, what systems leave behind is not', () => {
  expect(leftOutLine(['skills/a/.DS_Store', 'skills/a/notes.md~'])).toBeUndefined();
  expect(leftOutLine(['skills/a/.DS_Store', 'skills/a/.venv', 'skills/b/x/.mypy_cache'])).toBe(
    'left out: skills/a/.venv, skills/b/x/.mypy_cache',
  );
  expect(leftOutLine(Array.from({ length: 12 }, (_, index) => `skills/${index}/.venv`))).toMatch(/ and 2 more$/);
});

import { expect, test } from 'vitest';
import { readFrontMatter, withName } from './front-matter.ts';

function skillText(...lines: string[]): string {
  return ['---', ...lines, '---', '', '# Triage', ''].join('\n');
}

const good = ['name: triage', 'description: Sorts requests.'];

test('reads name and description', () => {
  expect(readFrontMatter(skillText(...good), 'triage')).toEqual({
    name: 'triage',
    description: 'Sorts requests.',
    warnings: [],
  });
});

test('allows the optional keys of the open format', () => {
  const optional = [
    'license: MIT',
    'compatibility: needs git',
    'metadata:',
    '  version: "1"',
    'allowed-tools: Read Grep',
  ];
  expect(readFrontMatter(skillText(...good, ...optional), 'triage')).toMatchObject({ name: 'triage' });
});

test('takes a description of 1,024 characters and front matter without a body', () => {
  const text = `---\nname: triage\ndescription: ${'x'.repeat(1024)}\n---`;
  expect(readFrontMatter(text, 'triage')).toMatchObject({ name: 'triage' });
});

test('does not take a comparison for an XML tag', () => {
  const text = skillText('name: triage', 'description: Use when 3 < 5 and 7 > 6.');
  expect(readFrontMatter(text, 'triage')).toMatchObject({ description: 'Use when 3 < 5 and 7 > 6.' });
});

test.each([
  ['no front matter', '# Triage\n', '1:1 there is no front matter'],
  ['an empty file', '', '1:1 there is no front matter'],
  ['no end', '---\nname: triage\n', '1:1 the front matter does not end'],
  ['a byte order mark', `\ufeff${skillText(...good)}`, '1:1 it begins with a byte order mark'],
  ['NUL', skillText(...good, 'license: a\0b'), '4:11 it holds a NUL character'],
  ['no keys', skillText(''), '1:1 the front matter holds no keys'],
  ['a list', skillText('- a'), '1:1 the front matter holds no keys'],
  ['no name', skillText('description: x'), '1:1 name is missing'],
  ['no description', skillText('name: triage'), '1:1 description is missing'],
  ['another name', skillText('name: other', 'description: x'), `2:7 the name "other" is not the folder's, "triage"`],
  ['a bad name', skillText('name: Triage!', 'description: x'), '2:7 the name may hold only a-z, 0-9 and -'],
  ['a number as name', skillText('name: 12', 'description: x'), '2:7 name is not a text'],
  ['an empty description', skillText('name: triage', 'description:'), '3:13 description is empty'],
  ['a blank description', skillText('name: triage', 'description: " "'), '3:14 description is empty'],
  [
    'a long description',
    skillText('name: triage', `description: ${'x'.repeat(1025)}`),
    '3:14 description has 1025 characters, at most 1024 are allowed',
  ],
  ['a tag', skillText('name: triage', 'description: a <b>bold</b> one'), '3:14 description holds an XML tag'],
  ['an unknown key', skillText(...good, 'licence: MIT'), '4:1 the key "licence" is not known'],
  ['text as metadata', skillText(...good, 'metadata: x'), '4:11 metadata is not a mapping'],
  [
    'a long compatibility',
    skillText(...good, `compatibility: ${'x'.repeat(501)}`),
    '4:16 compatibility has 501 characters, at most 500 are allowed',
  ],
])('refuses %s', (_name, text, expected) => {
  const findings = readFrontMatter(text, 'triage');
  const shown = Array.isArray(findings) ? findings.map(({ line, column, what }) => `${line}:${column} ${what}`) : [];
  expect(shown).toEqual([expected]);
});

test('places YAML mistakes in the file and says how to quote', () => {
  const findings = readFrontMatter(skillText('name: triage', 'description: Use when: asked'), 'triage');
  expect(findings).toMatchObject([{ line: 3, fix: 'a text that holds a colon and a space goes into quotes' }]);
});

test('refuses a key given twice', () => {
  expect(readFrontMatter(skillText(...good, 'name: triage'), 'triage')).toMatchObject([{ line: 4, column: 1 }]);
});

test('names every mistake at once', () => {
  expect(readFrontMatter(skillText('name: X', 'descripton: y'), 'triage')).toMatchObject([
    { line: 2, what: 'the name may hold only a-z, 0-9 and -' },
    { line: 3, what: 'the key "descripton" is not known', fix: 'did you mean "description"?' },
    { line: 1, what: 'description is missing' },
  ]);
});

test.each([
  ['code units, two for an emoji', `${'x'.repeat(1022)}\u{1f600}`, []],
  [
    'code units, so 1,023 letters and an emoji are one too many',
    `${'x'.repeat(1023)}\u{1f600}`,
    ['description has 1025 characters, at most 1024 are allowed'],
  ],
])('counts a description in %s', (_name, description, expected) => {
  const read = readFrontMatter(skillText('name: triage', `description: ${description}`), 'triage');
  expect(Array.isArray(read) ? read.map(({ what }) => what) : []).toEqual(expected);
});

test('reads descriptions over several lines as YAML does', () => {
  const folded = ['description: >-', '  One line', '  in two.', '', '  Another.'];
  expect(readFrontMatter(skillText('name: triage', ...folded), 'triage')).toMatchObject({
    description: 'One line in two.\nAnother.',
  });
  expect(readFrontMatter(skillText('name: triage', 'description: |', '  - a', '  - b'), 'triage')).toMatchObject({
    description: '- a\n- b\n',
  });
});

test.each([
  ['an anchor', ['name: &a triage', 'description: x'], '2:10 &a is an anchor'],
  ['an alias', ['name: triage', 'description: *a'], '3:14 *a is an alias'],
  ['an alias as key', ['name: triage', 'description: x', '*a : y'], '4:1 *a is an alias'],
  ['a tag', ['name: triage', 'description: !!str 12'], '3:20 the value has the tag tag:yaml.org,2002:str'],
  ['a merge key', [...good, '<<: {license: MIT}'], '4:1 the key "<<" is not known'],
  ['a date', ['name: triage', 'description: 2026-11-22'], '3:14 description is a date to some readers of YAML'],
  [
    'a time of a day',
    ['name: triage', 'description: 2026-11-22 10:00:00'],
    '3:14 description is a date to some readers of YAML',
  ],
  ['yes', ['name: triage', 'description: yes'], '3:14 description is a boolean to some readers of YAML'],
  ['a time', [...good, 'license: 12:30'], '4:10 license is a number to some readers of YAML'],
  [
    'a control character',
    ['name: triage', 'description: "a\\tb\\u0007"'],
    '3:14 description holds a control character',
  ],
])('refuses %s', (_name, lines, expected) => {
  const findings = readFrontMatter(skillText(...lines), 'triage');
  const shown = Array.isArray(findings) ? findings.map(({ line, column, what }) => `${line}:${column} ${what}`) : [];
  expect(shown).toEqual([expected]);
});

test('takes the same values in quotes', () => {
  const lines = ['name: "2026-11-22"', "description: 'yes'", 'license: "12:30"', 'metadata: {"1": "1.0"}'];
  expect(readFrontMatter(skillText(...lines), '2026-11-22')).toMatchObject({
    name: '2026-11-22',
    description: 'yes',
    warnings: [],
  });
});

test.each([
  ['name: triage', 'name: sorting'],
  ['name:   triage  # the name: triage', 'name:   sorting  # the name: triage'],
  ['name: "triage"', 'name: "sorting"'],
  ["'name': 'triage'", "'name': 'sorting'"],
  ['{name: triage, license: triage}', '{name: sorting, license: triage}'],
])('another name in %s, and everything else byte for byte', (line, expected) => {
  const rest = ['---', '', 'name: triage', '\ttriage \u00e9\u{1f600}  '].join('\n');
  expect(withName(`---\n${line}\n${rest}`, 'sorting')).toBe(`---\n${expected}\n${rest}`);
});

test.each([
  'no front matter',
  skillText('description: x'),
  skillText('name: [triage]'),
  skillText('name:'),
  skillText('name: "tri\\x61ge"'),
  skillText('name: >-', '  triage'),
  skillText('name: triage', 'name: triage'),
  skillText(...good).replaceAll('\n', '\r\n'),
])('no other name where it is not written plainly: %j', (text) => {
  expect(withName(text, 'sorting')).toBeUndefined();
});

test('takes text that only begins like a number or a word of YAML', () => {
  for (const description of [
    '3 steps to a report',
    '2026 in review',
    '-x and +y',
    '.hidden files',
    'none',
    'on call',
  ]) {
    expect(readFrontMatter(skillText('name: triage', `description: ${description}`), 'triage')).toMatchObject({
      description,
    });
  }
});

test.each([
  ['a list of tools', [...good, 'allowed-tools: [Read, Grep]'], '4:16 allowed-tools is a list'],
  ['a list of tools over lines', [...good, 'allowed-tools:', '  - Read'], '5:3 allowed-tools is a list'],
  ['tools with commas', [...good, 'allowed-tools: Read, Bash(a, b)'], '4:16 allowed-tools holds a comma'],
  ['a number in metadata', [...good, 'metadata:', '  version: 1.0'], '5:12 metadata.version is not a text'],
  ['a map in metadata', [...good, 'metadata: {a: {b: c}}'], '4:15 metadata.a is not a text'],
  ['a list in metadata', [...good, 'metadata: {tags: [a, b]}'], '4:18 metadata.tags is not a text'],
  [
    'a date in metadata',
    [...good, 'metadata: {day: 2026-11-22}'],
    '4:17 metadata.day is a date to some readers of YAML',
  ],
  ['a number as a key of metadata', [...good, 'metadata: {1: a}'], '4:12 the key is not a text'],
])('takes %s with a warning', (_name, lines, expected) => {
  const read = readFrontMatter(skillText(...lines), 'triage');
  if (Array.isArray(read)) throw new Error(read.map(({ what }) => what).join());
  expect(read.warnings.map(({ line, column, what }) => `${line}:${column} ${what}`)).toEqual([expected]);
  expect(read).toMatchObject({ name: 'triage', description: 'Sorts requests.' });
});

test.each(['\r\n', '\r'])('takes lines that end in %j with a warning, and finds the same faults in them', (end) => {
  const text = (...lines: string[]) => skillText(...lines).replaceAll('\n', end);
  expect(readFrontMatter(text(...good), 'triage')).toEqual({
    name: 'triage',
    description: 'Sorts requests.',
    warnings: [expect.objectContaining({ line: 1, column: 4, what: 'it has CR line endings' })],
  });
  expect(readFrontMatter(text(...good, 'licence: MIT'), 'triage')).toMatchObject([{ line: 4, column: 1 }]);
});

test.each([
  [
    'model: opus',
    `the key "model" is Claude Code's own`,
    'move it below `metadata:`, or take it out: only Claude Code',
  ],
  ['author: me', 'the key "author" is not known', 'move it below `metadata:`'],
  ['licence: MIT', 'the key "licence" is not known', 'did you mean "license"?'],
])('says where %j belongs', (line, what, fix) => {
  expect(readFrontMatter(skillText(...good, line), 'triage')).toMatchObject([
    { line: 4, column: 1, what, fix: expect.stringContaining(fix) },
  ]);
});

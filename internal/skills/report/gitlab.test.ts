import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { judgeBySchema } from '../../../test/support/published-schema.ts';
import type { Finding } from '../scan/finding.ts';
import { codeQualityOf } from './gitlab.ts';
import type { SkillsReport } from './report.ts';

const root = resolve('.');

/** GitLab's table of fields ("Implement a custom tool"); nobody publishes it as a schema. */
const complaints = judgeBySchema({
  type: 'array',
  items: {
    type: 'object',
    required: ['description', 'check_name', 'fingerprint', 'severity', 'location'],
    additionalProperties: false,
    properties: {
      description: { type: 'string', minLength: 1 },
      check_name: { type: 'string' },
      fingerprint: { type: 'string', pattern: '^[0-9a-f]{64}$' },
      severity: { enum: ['info', 'minor', 'major', 'critical', 'blocker'] },
      location: {
        type: 'object',
        required: ['path', 'lines'],
        additionalProperties: false,
        properties: {
          // Relative, without ./ before it: anything else is no file of the project.
          path: { type: 'string', pattern: '^(?!/|\\.{1,2}/)' },
          lines: {
            type: 'object',
            required: ['begin'],
            additionalProperties: false,
            properties: { begin: { type: 'integer', minimum: 1 } },
          },
        },
      },
    },
  },
});

const finding = (changed: Partial<Finding> = {}): Finding => ({
  rule: 'url',
  level: 'note',
  skill: 'notes',
  file: './skills/notes/SKILL.md',
  line: 12,
  what: 'an address of another machine',
  fix: 'look at it',
  ...changed,
});

const entriesOf = (report: Partial<SkillsReport>) =>
  codeQualityOf({ problems: [], findings: [], skills: [], exit: 0, ...report }, root);

test('nothing found is an empty list', () => expect(entriesOf({})).toEqual([]));

test('every problem and finding with the fields that GitLab wants', async () => {
  const entries = entriesOf({
    problems: [{ file: resolve('skills/a b/SKILL.md'), what: 'there is no front matter', fix: 'write one' }],
    findings: [finding(), finding({ level: 'warning' }), finding({ level: 'error', rule: 'secret' })],
  });
  expect(complaints(entries)).toEqual([]);
  await expect(`${JSON.stringify(entries, undefined, 2)}\n`).toMatchFileSnapshot(
    '../../../test/golden/skill-sync/gitlab-code-quality.json',
  );
});

test('the schema is one that can refuse', () => {
  const [entry] = entriesOf({ findings: [finding()] });
  for (const wrong of [{ severity: 'bad' }, { location: { path: '/x', lines: { begin: 1 } } }, { fingerprint: '' }]) {
    expect(complaints([{ ...entry, ...wrong }])).not.toEqual([]);
  }
});

test('5,000 equal findings are told apart, because GitLab shows one for each fingerprint', () => {
  const entries = entriesOf({ findings: Array.from({ length: 5_000 }, (_, line) => finding({ line: line + 1 })) });
  expect(complaints(entries)).toEqual([]);
  expect(new Set(entries.map(({ fingerprint }) => fingerprint)).size).toBe(5_000);
});

test.each(['a"b', 'a\nb', '\u202eab', 'a\u001b[2Jb', '<img src=x>', '@team', 'é山🙂'])('%j does nothing', (text) => {
  const entries = entriesOf({ findings: [finding({ file: `skills/${text}`, what: text, fix: text, rule: text })] });
  expect(complaints(entries)).toEqual([]);
  const [entry] = entries;
  expect(`${entry?.description}${entry?.check_name}`).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
  expect(entry?.location.path).toBe(`skills/${text}`);
});

import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { judgeBy } from '../../../test/support/published-schema.ts';
import type { Finding } from '../scan/finding.ts';
import { ruleIds, rules } from '../scan/rules.ts';
import type { SkillsReport } from './report.ts';
import { sarifOf } from './sarif.ts';

const root = resolve('/repo');

interface Log {
  runs: {
    tool: { driver: { rules: { id: string; shortDescription: { text: string }; help: { text: string } }[] } };
    invocations: {
      executionSuccessful: boolean;
      exitCode: number;
      toolExecutionNotifications: { message: object }[];
    }[];
    results: {
      ruleId: string;
      ruleIndex: number;
      level: string;
      message: { text: string };
      locations: { physicalLocation: { artifactLocation: { uri: string; uriBaseId?: string }; region?: object } }[];
      partialFingerprints: { primaryLocationLineHash: string };
    }[];
  }[];
}

const complaints = judgeBy('sarif-2.1.0');

const report = (changed: Partial<SkillsReport> = {}): SkillsReport => ({
  problems: [],
  findings: [],
  skills: [],
  exit: 0,
  ...changed,
});

const finding = (changed: Partial<Finding> = {}): Finding => ({
  rule: 'hidden-character',
  level: 'error',
  skill: 'notes',
  file: '/repo/skills/notes/SKILL.md',
  line: 3,
  column: 5,
  what: 'a character that cannot be seen',
  fix: 'remove it',
  ...changed,
});

/** The log as a reader gets it; every log of these tests is valid and keeps to what GitHub demands. */
function logOf(of: SkillsReport): Log['runs'][number] {
  const text = JSON.stringify(sarifOf(of, { version: '0.1.0', root }));
  const log = JSON.parse(text) as Log;
  expect(complaints(log)).toEqual([]);
  const [run] = log.runs;
  if (run === undefined) throw new Error('no run');
  for (const rule of run.tool.driver.rules) {
    for (const needed of [rule.id, rule.shortDescription.text, rule.help.text]) expect(needed).not.toBe('');
  }
  for (const result of run.results) {
    expect(run.tool.driver.rules[result.ruleIndex]?.id).toBe(result.ruleId);
    expect([result.message.text === '', result.locations.length]).toEqual([false, 1]);
  }
  expect(run.results.length).toBeLessThanOrEqual(25_000);
  expect(gzipSync(text).length).toBeLessThan(10_000_000);
  return run;
}

test('the schema is one that can refuse', () => {
  expect(complaints({ version: '2.1.0' })).not.toEqual([]);
  expect(complaints({ version: '2.1.0', runs: [{ tool: { driver: { name: 'x' } }, result: [] }] })).not.toEqual([]);
});

test('a run without findings is a valid log with an empty list', () => {
  expect(logOf(report())).toMatchObject({
    results: [],
    columnKind: 'utf16CodeUnits',
    invocations: [{ executionSuccessful: true, exitCode: 0, toolExecutionNotifications: [] }],
    tool: { driver: { name: 'skill-sync', semanticVersion: '0.1.0' } },
  });
});

test('each finding and each problem with its rule, level and place', () => {
  const { results } = logOf(
    report({
      findings: [finding(), finding({ rule: 'url', level: 'note', line: 1 })].map(({ column, ...rest }, index) =>
        index === 0 ? { ...rest, column: column ?? 0 } : rest,
      ),
      problems: [{ file: '/repo/skills/a b/SKILL.md', what: 'there is no front matter', fix: 'begin with `---`' }],
      exit: 2,
      error: { code: 'skill_invalid', message: 'one problem in the skills' },
    }),
  );
  const places = results.map(({ ruleId, level, locations: [at] }) => [ruleId, level, at?.physicalLocation]);
  expect(places).toEqual([
    ['skill-invalid', 'error', { artifactLocation: { uri: 'skills/a%20b/SKILL.md', uriBaseId: '%SRCROOT%' } }],
    [
      'hidden-character',
      'error',
      {
        artifactLocation: { uri: 'skills/notes/SKILL.md', uriBaseId: '%SRCROOT%' },
        region: { startLine: 3, startColumn: 5 },
      },
    ],
    [
      'url',
      'note',
      { artifactLocation: { uri: 'skills/notes/SKILL.md', uriBaseId: '%SRCROOT%' }, region: { startLine: 1 } },
    ],
  ]);
  expect(results[0]?.message.text).toBe('there is no front matter; begin with `---`');
});

test('the rules are described whether they found something or not, and one that nobody knows says for itself what it is', () => {
  const known = ['skill-invalid', ...ruleIds];
  expect(logOf(report()).tool.driver.rules.map(({ id }) => id)).toEqual(known);
  const { tool, results } = logOf(report({ findings: [finding(), finding({ rule: 'new' }), finding({ rule: '' })] }));
  expect(tool.driver.rules.map(({ id }) => id)).toEqual([...known, 'new', 'rule']);
  expect(tool.driver.rules[results[0]?.ruleIndex ?? 0]).toMatchObject({
    shortDescription: { text: `Looks for ${rules['hidden-character'].finds}.` },
    help: { text: rules['hidden-character'].fix },
    defaultConfiguration: { level: 'error' },
  });
});

test('a run that found its fault elsewhere says so', () => {
  const broken = report({ exit: 1, error: { code: 'platform_unreachable', message: 'no\nanswer' } });
  expect(logOf(broken).invocations).toEqual([
    {
      executionSuccessful: false,
      exitCode: 1,
      toolExecutionNotifications: [{ level: 'error', message: { text: 'no\\u{a}answer [platform_unreachable]' } }],
    },
  ]);
  const refused = report({ findings: [finding()], exit: 3, error: { code: 'scan_refused', message: 'one finding' } });
  expect(logOf(refused).invocations).toMatchObject([{ executionSuccessful: true, exitCode: 3 }]);
});

describe('hostile names', () => {
  test.each([
    'a"b',
    "a'b",
    'a\nb',
    '\u202eab',
    'a\u001b[2Jb',
    'http:evil',
    '%2e%2e',
    'a#b?c',
    'zwj\u200d',
    'é山🙂',
    'half\ud800',
    '\u2028',
  ])('%j', (name) => {
    const { results } = logOf(
      report({ findings: [finding({ file: `/repo/${name}/SKILL.md`, rule: name, what: name, fix: name })] }),
    );
    const [result] = results;
    const { uri = '' } = result?.locations[0]?.physicalLocation.artifactLocation ?? {};
    expect(uri).toMatch(/^[\x21-\x7e]+$/);
    expect(decodeURIComponent(uri)).toBe(`${name.replace('\ud800', '\ufffd')}/SKILL.md`);
    expect(`${result?.ruleId}${result?.message.text}`).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
  });

  test('a file outside the repository has an absolute address', () => {
    const { results } = logOf(report({ findings: [finding({ file: '/other/a b.md' })] }));
    expect(results[0]?.locations[0]?.physicalLocation.artifactLocation).toEqual({ uri: 'file:///other/a%20b.md' });
  });
});

test('5,000 findings are all there, with fingerprints of their own', () => {
  const findings = Array.from({ length: 5_000 }, (_, index) => finding({ line: index + 1 }));
  const { results } = logOf(report({ findings }));
  expect(new Set(results.map((result) => result.partialFingerprints.primaryLocationLineHash)).size).toBe(5_000);
});

test('more than GitHub takes are cut, the gravest first, and it is said', () => {
  const findings = Array.from({ length: 25_002 }, (_, index) =>
    finding({ level: index === 25_001 ? 'error' : 'note', line: index + 1, what: `${index} ${'x'.repeat(2_000)}` }),
  );
  const { results, invocations } = logOf(report({ findings }));
  expect([results.length, results[0]?.level]).toEqual([25_000, 'error']);
  expect(invocations[0]?.toolExecutionNotifications).toEqual([
    { level: 'warning', message: { text: '2 more results are left out' } },
  ]);
});

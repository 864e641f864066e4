import { expect, test } from 'vitest';
import type { Finding } from './finding.ts';
import type { RuleId } from './rules.ts';
import type { ScanSettings, Suppression } from './settings.ts';
import { type JudgedFinding, withoutSuppressed } from './suppress.ts';

const hash = 'a'.repeat(64);

function finding(changed: Partial<Finding> = {}): JudgedFinding {
  return {
    finding: {
      rule: 'network-call',
      level: 'warning',
      skill: 'triage',
      file: 'team/skills/triage/run.sh',
      line: 3,
      column: 1,
      what: 'calls curl',
      fix: '',
      ...changed,
    },
    sha256: hash,
  };
}

function suppression(changed: Partial<Suppression> = {}): Suppression {
  return {
    rule: 'network-call' as RuleId,
    file: 'triage/run.sh',
    reason: 'reviewed by hand',
    expires: '2026-11-22',
    position: { line: 2, column: 5 },
    ...changed,
  };
}

function judge(found: JudgedFinding[], suppressions: Suppression[], scanned = ['triage']) {
  const settings: ScanSettings = {
    folder: 'team/skills',
    levels: {},
    allowedDomains: [],
    suppressions,
    today: '2026-11-22',
    forbiddenTools: new Map(),
  };
  const { findings, suppressed } = withoutSuppressed(found, settings, (skill) => scanned.includes(skill));
  return { rules: findings.map(({ rule }) => rule), findings, suppressed };
}

test.each<[string, Partial<Suppression>]>([
  ['in a file', {}],
  ['in a line', { line: 3 }],
  ['in a folder', { file: 'triage/**' }],
  ['while the file is as it was', { sha256: hash }],
  ['on its last day', { expires: '2026-11-22' }],
])('suppresses %s', (_name, changed) => {
  expect(judge([finding()], [suppression(changed)])).toMatchObject({ rules: [], suppressed: 1 });
});

test.each<[string, Partial<Suppression>]>([
  ['another rule', { rule: 'shell-pipe' }],
  ['another line', { line: 4 }],
  ['another file', { file: 'triage/run.sh2' }],
  ['a file of the same name elsewhere', { file: 'triage/run.sh/**' }],
  ['a folder of which the name only begins so', { file: 'tri/**' }],
  ['a file that was changed', { sha256: 'b'.repeat(64) }],
])('does not suppress what is in %s, and says that it is unused', (_name, changed) => {
  expect(judge([finding()], [suppression(changed)], ['triage', 'tri'])).toMatchObject({
    rules: ['network-call', 'suppression-unused'],
    suppressed: 0,
  });
});

test('one that is over suppresses nothing any more and is a finding itself', () => {
  const { rules, findings } = judge([finding()], [suppression({ expires: '2026-11-21' })]);
  expect(rules).toEqual(['network-call', 'suppression-expired']);
  expect(findings[1]).toEqual({
    rule: 'suppression-expired',
    level: 'warning',
    skill: 'triage',
    file: 'team/skills/scan.yaml',
    line: 2,
    column: 5,
    what: 'the suppression of network-call in triage/run.sh is over since 2026-11-21',
    fix: 'look at the findings again; then change the files, or suppress them again with a new day',
  });
});

test('of a skill that was not scanned nobody knows whether its suppressions match', () => {
  expect(judge([], [suppression()], []).rules).toEqual([]);
  expect(judge([], [suppression()]).rules).toEqual(['suppression-unused']);
});

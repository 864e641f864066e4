/** The report as GitLab's code quality report, which merge requests show (docs.gitlab.com/ci/testing/code_quality). */
import { revealed } from '../../text/revealed.ts';
import type { Level } from '../scan/finding.ts';
import { invalidRule, type Remark, remarksOf } from './remark.ts';
import type { SkillsReport } from './report.ts';

/** One entry of the report, with the names that GitLab gives. */
export interface CodeQualityEntry {
  description: string;
  check_name: string;
  fingerprint: string;
  severity: 'info' | 'minor' | 'major' | 'critical' | 'blocker';
  location: { path: string; lines: { begin: number } };
}

const severityOf: Readonly<Record<Level, CodeQualityEntry['severity']>> = {
  error: 'critical',
  warning: 'minor',
  note: 'info',
};

/** Every problem and finding of a run. `root` is the folder of the repository; a place without a line is on line 1. */
export function codeQualityOf(report: SkillsReport, root: string): CodeQualityEntry[] {
  return remarksOf(report, root).map(entryOf);
}

function entryOf({ rule, level, path, file, line, text, fingerprint }: Remark): CodeQualityEntry {
  return {
    description: text,
    check_name: revealed(rule),
    fingerprint,
    severity: rule === invalidRule ? 'blocker' : severityOf[level],
    location: { path: path ?? file, lines: { begin: line ?? 1 } },
  };
}

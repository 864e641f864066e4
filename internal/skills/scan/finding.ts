import { AppError } from '../../errors/app-error.ts';
import { visible } from '../../text/quote.ts';
import { formatProblem, type Problem } from '../folder/problem.ts';

/** How grave a finding is. An `error` keeps the skill from being pushed; the others are shown. */
export type Level = 'error' | 'warning' | 'note';

/** Something that the scan found in a skill: a problem, the rule that found it, and the skill it is in. */
export interface Finding extends Problem {
  /** Such as `hidden-character`; stable, suppressions and reports name it. */
  rule: string;
  level: Level;
  skill: string;
}

/** One line: `file:line:column: level: what [rule]; fix`. */
export function formatFinding({ rule, level, what, ...place }: Finding): string {
  return formatProblem({ ...place, what: `${level}: ${what} [${visible(rule)}]` });
}

/** `scan_refused`: the findings of a run, of which at least one is an error. */
export class ScanRefusedError extends AppError {
  override readonly name: string = 'ScanRefusedError';
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    const errors = findings.filter(({ level }) => level === 'error');
    const count = errors.length === 1 ? 'one finding' : `${errors.length} findings`;
    super('scan_refused', [`${count} in the skills may not be pushed`, ...errors.map(formatFinding)].join('\n'));
    this.findings = findings;
  }
}

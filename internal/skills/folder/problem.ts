import { AppError } from '../../errors/app-error.ts';
import { visible } from '../../text/quote.ts';

/** Something wrong in a skill folder: where, what, and how to put it right. */
export interface Problem {
  file: string;
  /** Counted from 1, where the problem has a place in the file. */
  line?: number;
  column?: number;
  what: string;
  fix: string;
}

/** One line for people and for editors: `file:line:column: what; fix`. */
export function formatProblem({ file, line, column, what, fix }: Problem): string {
  const place = line === undefined ? '' : `:${line}${column === undefined ? '' : `:${column}`}`;
  return `${visible(file)}${place}: ${what}; ${fix}`;
}

/** `skill_invalid`: all problems of all skills of a run as the one error they end in. Reports for CI show each of them. */
export class SkillsInvalidError extends AppError {
  override readonly name: string = 'SkillsInvalidError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
    super('skill_invalid', [`${count} in the skills`, ...problems.map(formatProblem)].join('\n'), {
      hint: 'nothing was sent to the platform; put these right and run again',
    });
    this.problems = problems;
  }
}

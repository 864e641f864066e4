/**
 * What a run found in the files, in the one form that every report is written from: problems and findings alike, the
 * gravest first, with the place in the repository and a fingerprint that survives moved lines.
 */
import { relative, resolve, sep } from 'node:path';
import { sha256 } from '../../text/canonical.ts';
import { revealed } from '../../text/revealed.ts';
import type { Problem } from '../folder/problem.ts';
import type { Level } from '../scan/finding.ts';
import type { SkillsReport } from './report.ts';

/** The rule of a problem: what keeps a folder from being a skill at all. */
export const invalidRule = 'skill-invalid';

/** One thing to say about one place. */
export interface Remark {
  /** The rule of a finding, or {@link invalidRule}. */
  rule: string;
  level: Level;
  /** Below the root, separated by `/`; undefined for a file outside of it. */
  path: string | undefined;
  /** Where the file is on this machine. */
  file: string;
  /** Counted from 1. */
  line: number | undefined;
  column: number | undefined;
  /** What is wrong and what to do, harmless and in one line. */
  text: string;
  /** 64 hex digits, unique in a report. It stays when the line moves, and changes when the path or the words do. */
  fingerprint: string;
}

const gravity: readonly Level[] = ['error', 'warning', 'note'];

/** How long a text may be; a finding needs no more, and 25,000 of them have to fit into one upload. */
const longestText = 1000;

/** Every problem and finding of a run. `root` is the folder of the repository. */
export function remarksOf({ problems, findings }: SkillsReport, root: string): Remark[] {
  const all = [
    ...problems.map((problem) => ({ ...problem, rule: invalidRule, level: 'error' as const })),
    ...findings,
  ].map((found) => ({ found, path: pathBelow(root, found.file) }));
  all.sort(
    (a, b) =>
      gravity.indexOf(a.found.level) - gravity.indexOf(b.found.level) ||
      compare(a.found.file, b.found.file) ||
      (a.found.line ?? 0) - (b.found.line ?? 0) ||
      (a.found.column ?? 0) - (b.found.column ?? 0),
  );
  const seen = new Map<string, number>();
  return all.map(({ found, path }) => {
    const text = textOf(found);
    const key = JSON.stringify([found.rule, path ?? found.file, text]);
    // The same words twice in a file: told apart by their order, which is what stays when lines move.
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return {
      rule: found.rule,
      level: found.level,
      path,
      file: resolve(found.file),
      line: found.line,
      column: found.line === undefined ? undefined : found.column,
      text,
      fingerprint: sha256(`${key}${before}`),
    };
  });
}

/** A path below a folder, separated by `/`; undefined for what is not below it. */
export function pathBelow(root: string, file: string): string | undefined {
  const path = relative(root, resolve(file));
  const outside = path === '' || path === '..' || path.startsWith(`..${sep}`) || resolve(root, path) === path;
  return outside ? undefined : path.split(sep).join('/');
}

function textOf({ what, fix }: Problem): string {
  const text = revealed(`${what}; ${fix}`);
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

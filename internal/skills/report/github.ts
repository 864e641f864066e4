/**
 * The report in the ways of GitHub Actions: annotations on file and line (workflow commands), the summary of the job
 * (Markdown) and the outputs of the step. Text from outside is in all three, and in none of them may it become a command,
 * markup, a mention or an output of its own.
 */
import { join } from 'node:path';
import { harmlessJson } from '../../text/quote.ts';
import { revealed } from '../../text/revealed.ts';
import { formatStalePin } from '../pins.ts';
import type { Level } from '../scan/finding.ts';
import { pathBelow, remarksOf } from './remark.ts';
import { changeWord, isPending, type SkillOutcome, type SkillsReport } from './report.ts';

/** GitHub shows so many annotations of each kind for a step (docs.github.com, REST API, check runs). */
const mostAnnotations = 10;

type Kind = 'error' | 'warning' | 'notice';

const kindOf: Readonly<Record<Level, Kind>> = { error: 'error', warning: 'warning', note: 'notice' };

interface Annotation {
  kind: Kind;
  title: string;
  /** Below the root; undefined where it is about no file that GitHub could show. */
  path?: string | undefined;
  line?: number | undefined;
  column?: number | undefined;
  message: string;
}

/**
 * The annotations of a run: one workflow command in each line, at most ten errors, ten warnings and ten notices, and how
 * many are left out, in words, where some are.
 */
export function annotationsOf(report: SkillsReport, root: string): { commands: string[]; leftOut: string | undefined } {
  const all = allAnnotations(report, root);
  const commands: string[] = [];
  const left: string[] = [];
  for (const kind of ['error', 'warning', 'notice'] as const) {
    const found = all.filter((annotation) => annotation.kind === kind);
    commands.push(...found.slice(0, mostAnnotations).map(commandOf));
    const more = found.length - mostAnnotations;
    if (more > 0) left.push(more === 1 ? `one more ${kind}` : `${more} more ${kind}s`);
  }
  const leftOut = `left out as annotations: ${left.join(', ')}; GitHub shows ${mostAnnotations} of a kind`;
  return { commands, leftOut: left.length === 0 ? undefined : leftOut };
}

function allAnnotations(report: SkillsReport, root: string): Annotation[] {
  const { skills, stalePins = [], error } = report;
  const found: Annotation[] = remarksOf(report, root).map(({ rule, level, path, file, line, column, text }) => ({
    kind: kindOf[level],
    title: revealed(rule),
    ...placeOf(path, file, text, line, column),
  }));
  for (const { folder, name, change, blocked, where } of skills) {
    if (where !== undefined) {
      const message = revealed(`${name}: ${where.what}; ${where.fix}`);
      found.push({ kind: 'warning', title: 'orphaned', message });
    }
    if (blocked === undefined) continue;
    const message = revealed(`${name}: ${blocked.what}; ${blocked.fix}`);
    // What is left of a skill whose folder is gone is no file.
    const file = change === 'orphaned' || change === 'prune' ? undefined : join(folder, name, 'SKILL.md');
    const path = file === undefined ? undefined : pathBelow(root, file);
    found.push({ kind: 'error', title: 'blocked', ...placeOf(path, file, message) });
  }
  for (const stale of stalePins) {
    found.push({ kind: 'warning', title: 'old version pinned', message: revealed(formatStalePin(stale)) });
  }
  if (found.some(({ kind }) => kind === 'error')) return found;
  if (error !== undefined) found.push({ kind: 'error', title: revealed(error.code), message: revealed(error.message) });
  // What a pull request changes is what it is for. `--check` fails by its exit code, and says no more than this.
  else if (skills.some(isPending)) {
    found.unshift({ kind: 'notice', title: 'changes are pending', message: pendingWords(skills) });
  }
  return found;
}

/** A path that GitHub would show otherwise than it is stands, made visible, in the message instead. */
function placeOf(
  path: string | undefined,
  file: string | undefined,
  message: string,
  line?: number,
  column?: number,
): Pick<Annotation, 'path' | 'line' | 'column' | 'message'> {
  if (path !== undefined && revealed(path) === path) return { path, line, column, message };
  return { message: file === undefined ? message : `${revealed(path ?? file)}: ${message}` };
}

function pendingWords(skills: readonly SkillOutcome[]): string {
  return revealed(
    skills
      .filter(isPending)
      .map(({ name, change }) => `${name} (${change})`)
      .join(', '),
  );
}

/** A workflow command, escaped as the runner reads it. */
function commandOf({ kind, title, path, line, column, message }: Annotation): string {
  const properties = Object.entries({ file: path, line, col: column, title })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escapeProperty(String(value))}`);
  return `::${kind} ${properties.join(',')}::${escapeData(message)}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/**
 * The outputs of the step, as lines of `name=value`: the skills that changed or would as a JSON list, and numbers.
 * docs/ci.md has the same names.
 */
export function outputsOf({ skills, findings, stalePins = [], exit }: SkillsReport): string {
  const changed = skills.filter((skill) => skill.applied || isPending(skill));
  const count = (change: SkillOutcome['change']) => changed.filter((skill) => skill.change === change).length;
  const outputs = {
    pending: skills.filter(isPending).length,
    changed: harmlessJson(changed.map(({ name }) => name)),
    created: count('create'),
    updated: count('update'),
    findings: findings.length,
    'stale-pins': stalePins.length,
    'exit-code': exit,
  };
  return Object.entries(outputs)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** A part of the summary that is there as a whole or not at all, and what it is called where it is not. */
interface Piece {
  text: string;
  counts?: 'skill' | 'finding' | 'diff';
}

/** Room for the sentence that says what is left out. */
const reserve = 300;

/** The summary of the job as Markdown, of at most so many bytes; what does not fit is left out, and said. */
export function summaryOf(report: SkillsReport, root: string, mostBytes: number): string {
  const pieces = piecesOf(report, root);
  const shown: string[] = [];
  let bytes = 0;
  let next = 0;
  for (; next < pieces.length; next += 1) {
    const { text } = pieces[next] ?? { text: '' };
    bytes += Buffer.byteLength(text);
    if (bytes > mostBytes - reserve) break;
    shown.push(text);
  }
  const left = pieces.slice(next);
  const counted = (['skill', 'finding', 'diff'] as const).flatMap((kind) => {
    const count = left.filter(({ counts }) => counts === kind).length;
    return count === 0 ? [] : [count === 1 ? `one ${kind}` : `${count} ${kind}s`];
  });
  if (left.length > 0) shown.push(`\nLeft out, because a summary has 1 MiB at most: ${counted.join(', ')}.\n`);
  return shown.join('');
}

function piecesOf(report: SkillsReport, root: string): Piece[] {
  const { skills, stalePins = [] } = report;
  const told = skills.filter(({ change, blocked }) => change !== 'unchanged' || blocked !== undefined);
  const unchanged = skills.length - told.length;
  const blocked = told.filter((skill) => skill.blocked !== undefined);
  const remarks = remarksOf(report, root);
  return [
    { text: `## skill-sync\n\n${headline(report)}\n` },
    ...table('| skill | change | version | agents |', told.map(skillRow), 'skill'),
    ...(unchanged === 0 ? [] : [{ text: `\n${unchanged} unchanged.\n` }]),
    ...(blocked.length === 0 ? [] : [{ text: '\n### Blocked\n\n' }]),
    ...blocked.map(({ name, blocked: why }) => ({ text: `- ${code(name)}: ${code(why?.what)}; ${code(why?.fix)}\n` })),
    ...(stalePins.length === 0 ? [] : [{ text: '\n### Agents at another version\n\n' }]),
    ...stalePins.map((stale) => ({ text: `- ${code(formatStalePin(stale))}\n` })),
    ...(remarks.length === 0 ? [] : [{ text: '\n### Findings\n' }]),
    ...table(
      '| level | where | what | rule |',
      remarks.map(({ level, path, file, line, column, text, rule }) => [
        level,
        code([path ?? file, line, column].filter((part) => part !== undefined).join(':')),
        code(text),
        code(rule),
      ]),
      'finding',
    ),
    ...told.flatMap(({ name, diff }) => (diff === undefined || diff === '' ? [] : [diffPiece(name, diff)])),
  ];
}

function headline({ error, exit, skills, findings, stalePins = [] }: SkillsReport): string {
  const pending = skills.filter(isPending).length + stalePins.filter(({ file }) => file !== undefined).length;
  const changes = pending === 1 ? 'One change is pending' : `${pending} changes are pending`;
  if (error !== undefined) return `**Failed** with exit code ${exit}: ${code(error.message)} (${code(error.code)})`;
  if (pending > 0) return `**${changes}.**`;
  const made = skills.filter(({ applied }) => applied).length;
  if (made > 0) return `Done: ${made === 1 ? 'one change' : `${made} changes`}.`;
  // A scan for itself looks at no platform.
  return skills.length === 0
    ? `${findings.length === 0 ? 'No' : findings.length} finding${findings.length === 1 ? '' : 's'}.`
    : 'Nothing to do.';
}

/** How many agents a row names. */
const mostAgents = 10;

function skillRow(skill: SkillOutcome): string[] {
  const { name, renamedFrom, versionId, agents } = skill;
  const more = agents.length > mostAgents ? [`${agents.length - mostAgents} more`] : [];
  return [
    renamedFrom === undefined ? code(name) : `${code(name)} (was ${code(renamedFrom)})`,
    changeWord(skill),
    code(versionId),
    [...agents.slice(0, mostAgents).map(code), ...more].join(', '),
  ];
}

function table(heading: string, rows: readonly string[][], counts: 'skill' | 'finding'): Piece[] {
  if (rows.length === 0) return [];
  const rule = heading.replace(/[^|]+/g, ' --- ');
  return [
    { text: `\n${heading}\n${rule}\n` },
    ...rows.map((cells) => ({ text: `| ${cells.join(' | ')} |\n`, counts })),
  ];
}

function diffPiece(name: string, diff: string): Piece {
  const fence = '`'.repeat(Math.max(3, longestRun(diff) + 1));
  const body = diff.endsWith('\n') ? diff : `${diff}\n`;
  const summary = `<summary>Diff of <code>${escapeHtml(revealed(name))}</code></summary>`;
  return { text: `\n<details>\n${summary}\n\n${fence}diff\n${body}${fence}\n\n</details>\n`, counts: 'diff' };
}

/**
 * Text from outside as a code span, the one place of a line where Markdown reads nothing: no markup, no HTML, no image,
 * no mention. A `|` would still end the cell of a table, whatever stands before it, so it is made visible.
 */
function code(text: string | undefined): string {
  if (text === undefined || text === '') return '–';
  const shown = revealed(text).replaceAll('|', '\\u{7c}');
  const fence = '`'.repeat(longestRun(shown) + 1);
  const room = /^[` ]|[` ]$/.test(shown) ? ' ' : '';
  return `${fence}${room}${shown}${room}${fence}`;
}

/** The longest run of backticks. */
function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

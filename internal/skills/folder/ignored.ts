/**
 * What of a folder is not part of a skill. Patterns are those of .gitignore, in files named .skillignore: one in a
 * folder applies to everything below it, of several the deepest decides, and in one file the last line that matches. A
 * folder that is left out is not looked into, so nothing below it can be taken back in. docs/skills-hash.md repeats both
 * lists, and a test compares them.
 */
import ignore, { type Ignore } from 'ignore';
import { visible } from '../../text/quote.ts';

export const ignoreFileName = '.skillignore';

/** Never uploaded, and no pattern can change that: version control holds everything that was ever left out. */
export const neverUploaded: readonly string[] = ['.git', '.hg', '.svn', ignoreFileName];

/** What operating systems and editors leave behind. */
const leftBehind = ['.DS_Store', '._*', 'Thumbs.db', 'desktop.ini', '.idea', '.vscode', '*~', '.#*', '*.swp', '*.swo'];

/** What was installed, compiled or kept for the next run; it is said each time that it is left out. */
const installed = [
  'node_modules',
  '__pycache__',
  '*.pyc',
  '.venv',
  '.cache',
  '.pytest_cache',
  '.mypy_cache',
  '.ruff_cache',
  '.tox',
  '.nox',
  '.ipynb_checkpoints',
  '.gradle',
  '.terraform',
];

/** What is left out unless an ignore file takes it back in. */
export const ignoredByDefault: readonly string[] = [...leftBehind, ...installed];

/** How many paths are named before the rest is counted. */
const mostNamed = 10;

/** The sentence that says what was left out of skills, without what systems and editors leave; undefined where that is all. */
export function leftOutLine(paths: readonly string[]): string | undefined {
  const said = paths.filter((path) => installed.includes(path.slice(path.lastIndexOf('/') + 1)));
  if (said.length === 0) return undefined;
  const more = said.length - mostNamed;
  return `left out: ${said.slice(0, mostNamed).map(visible).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The rules for what lies below a folder of skills. */
export type IgnoreRules = Ignore;

/** The rules where there is no ignore file. */
export function defaultRules(): IgnoreRules {
  return rulesOf().add([...ignoredByDefault]);
}

/** The rules and, stronger than they are, the lines of an ignore file in `folder` ('' for the folder of skills itself). */
export function withIgnoreFile(rules: IgnoreRules, folder: string, text: string): IgnoreRules {
  const lines = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .filter((line) => !/^!?\/* *$/.test(line) && !line.startsWith('#'));
  return rulesOf()
    .add(rules)
    .add(folder === '' ? lines : lines.map((line) => patternBelow(folder, line)));
}

/**
 * Whether a file or a folder is left out. Its path is below the folder of skills, and the folders above it are not left
 * out.
 */
export function isLeftOut(rules: IgnoreRules, path: string, kind: 'file' | 'folder'): boolean {
  if (neverUploaded.includes(path.slice(path.lastIndexOf('/') + 1))) return true;
  return rules.ignores(kind === 'folder' ? `${path}/` : path);
}

/** Case counts, as it does for git on the systems where CI runs: the same folder has the same hash everywhere. */
function rulesOf(): Ignore {
  return ignore({ ignorecase: false });
}

/** A pattern of an ignore file in a folder as the pattern that means the same from the folder of skills. */
function patternBelow(folder: string, line: string): string {
  const negation = line.startsWith('!') ? '!' : '';
  // Within a pattern neither # nor ! has to be escaped.
  const pattern = line.slice(negation.length).replace(/^\\([#!])/, '$1');
  const anchored = pattern
    .replace(/(?<!\\) +$/, '')
    .slice(0, -1)
    .includes('/');
  const prefix = folder.replace(/[*?[\]]/g, '\\$&');
  return `${negation}/${prefix}/${anchored ? pattern.replace(/^\//, '') : `**/${pattern}`}`;
}

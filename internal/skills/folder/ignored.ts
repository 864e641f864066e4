/**
 * What of a folder is not part of a skill. Patterns are those of .gitignore, in files named .skillignore: one in a
 * folder applies to everything below it, of several the deepest decides, and in one file the last line that matches. A
 * folder that is left out is not looked into, so nothing below it can be taken back in. docs/skills-hash.md repeats both
 * lists, and a test compares them.
 */
import ignore, { type Ignore } from 'ignore';

/** The name of an ignore file. */
export const ignoreFileName = '.skillignore';

/** Never uploaded, and no pattern can change that: version control holds everything that was ever left out. */
export const neverUploaded: readonly string[] = ['.git', '.hg', '.svn', ignoreFileName];

/** What operating systems and editors leave behind, and installed or compiled dependencies: an ignore file may take it back in. */
export const ignoredByDefault: readonly string[] = [
  '.DS_Store',
  '._*',
  'Thumbs.db',
  'desktop.ini',
  '.idea',
  '.vscode',
  '*~',
  '.#*',
  '*.swp',
  '*.swo',
  'node_modules',
  '__pycache__',
  '*.pyc',
];

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

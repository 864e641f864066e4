/**
 * What is never part of a skill: version control, what operating systems and editors leave behind, and installed or
 * compiled dependencies. `*` at an end of a pattern stands for anything. docs/skills-hash.md repeats this list, and a
 * test compares the two.
 */
export const ignoredNames: readonly string[] = [
  '.git',
  '.hg',
  '.svn',
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

/** Whether a file or folder of this name is left out of a skill. */
export function isIgnored(name: string): boolean {
  return ignoredNames.some((pattern) => {
    if (pattern.startsWith('*')) return name.endsWith(pattern.slice(1));
    if (pattern.endsWith('*')) return name.startsWith(pattern.slice(0, -1));
    return name === pattern;
  });
}

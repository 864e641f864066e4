/** Lines that fit into a terminal. Texts are harmless already. */

/** How many columns a text may take at most: what may be wide counts as two. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const char of text) columns += columnsOfOne(char.codePointAt(0) ?? 0);
  return columns;
}

function columnsOfOne(code: number): number {
  return code < 0x1100 || (code >= 0x2010 && code <= 0x2027) ? 1 : 2;
}

/** As much of a text as fits; what is cut ends with a sign that says so, and how many characters are left out: `text…+34`. */
export function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let taken = '';
  let used = `…+${text.length}`.length;
  for (const char of text) {
    used += columnsOfOne(char.codePointAt(0) ?? 0);
    if (used > columns) break;
    taken += char;
  }
  taken = taken.trimEnd();
  return `${taken}…+${[...text.slice(taken.length)].length}`;
}

/** A text as lines, broken between words, and inside of one that is longer than a line. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').filter(Boolean)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (columnsOf(longer) <= columns) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = '';
    for (const char of word) {
      if (columnsOf(line) + columnsOfOne(char.codePointAt(0) ?? 0) > columns) {
        lines.push(line);
        line = '';
      }
      line += char;
    }
  }
  return line === '' ? lines : [...lines, line];
}

/** Names in as many columns as fit. */
export function inColumns(names: readonly string[], columns: number): string[] {
  const width = Math.max(0, ...names.map(columnsOf)) + 2;
  const across = Math.max(1, Math.floor((columns + 2) / width));
  const down = Math.ceil(names.length / across);
  return Array.from({ length: down }, (_, row) =>
    cut(
      Array.from({ length: across }, (__, column) => names[row + column * down])
        .filter((name) => name !== undefined)
        .map((name) => name + ' '.repeat(width - columnsOf(name)))
        .join('')
        .trimEnd(),
      columns,
    ),
  );
}

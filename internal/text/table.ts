/** Rows under a heading. Cells are already harmless text of one line. */
export interface Table {
  heading: readonly string[];
  rows: readonly (readonly string[])[];
}

/** How a table is laid out. */
export interface Layout {
  /** How wide the terminal is; undefined where it is none, and no line is too long. */
  columns?: number | undefined;
  /** How many columns of a terminal a text takes. */
  widthOf?: (text: string) => number;
}

/** Nothing is laid out for a terminal that claims to be narrower. */
const leastColumns = 20;
const gap = '  ';

/**
 * A table as text, its columns aligned by spaces. On a terminal that is too narrow for it, long cells go on below, broken
 * between words; where that would break ids and addresses, which are copied, each row stands as lines of its own.
 */
export function tableText(
  { heading, rows }: Table,
  { columns, widthOf = ({ length }) => length }: Layout = {},
): string {
  const lines = [heading, ...rows];
  const widest = (measure: (cell: string) => number) =>
    heading.map((_, column) => Math.max(...lines.map((line) => measure(line[column] ?? ''))));
  const natural = widest(widthOf);
  const room = (columns ?? 0) - gap.length * (heading.length - 1);
  const roomy = columns === undefined || columns < leastColumns || sum(natural) <= room;
  if (roomy || rows.length === 0) return aligned(lines, natural, widthOf);
  const least = widest((cell) => Math.max(...cell.split(' ').map(widthOf)));
  if (sum(least) > room) return rows.map((row) => record(heading, row, widthOf)).join('\n\n');
  const widths = narrowed(natural, least, room);
  const wrapped = lines.flatMap((line) => broken(line, widths, widthOf));
  return aligned(wrapped, widths, widthOf);
}

/** Whether a text has characters that may take no column or two: most do not, and measuring them is a library's work. */
export function isOfOddWidth(text: string): boolean {
  return /[^\u0020-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027]/.test(text);
}

function aligned(lines: Table['rows'], widths: readonly number[], widthOf: (text: string) => number): string {
  const padded = (cell: string, column: number) =>
    cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell)));
  return lines.map((line) => line.map(padded).join(gap).trimEnd()).join('\n');
}

/** The widths of columns that together take so much room: the widest give way first, none below what it needs. */
function narrowed(natural: readonly number[], least: readonly number[], room: number): number[] {
  const widths = [...natural];
  while (sum(widths) > room) {
    const yielding = widths.map((width, column) => (width > (least[column] ?? 0) ? width : 0));
    const widest = Math.max(...yielding);
    const column = yielding.indexOf(widest);
    const others = Math.max(...yielding.filter((_, index) => index !== column), least[column] ?? 0);
    // As far as the next widest, or by one where they are alike.
    widths[column] = Math.max(Math.min(others, widest - 1), widest - (sum(widths) - room));
  }
  return widths;
}

/** One row as the lines that it takes. */
function broken(row: readonly string[], widths: readonly number[], widthOf: (text: string) => number): string[][] {
  const cells = row.map((cell, column) => inLines(cell, widths[column] ?? 0, widthOf));
  const height = Math.max(...cells.map(({ length }) => length));
  return Array.from({ length: height }, (_, index) => cells.map((lines) => lines[index] ?? ''));
}

function inLines(cell: string, width: number, widthOf: (text: string) => number): string[] {
  const [first = '', ...words] = cell.split(' ');
  const lines = [first];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function record(heading: readonly string[], row: readonly string[], widthOf: (text: string) => number): string {
  const named = heading.map((name, column) => [name, row[column] ?? '']);
  return aligned(named, [Math.max(...heading.map(widthOf))], widthOf);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

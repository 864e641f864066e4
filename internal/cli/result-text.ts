/** The text of a result, its tables laid out for where it is read. */
import { isOfOddWidth, type Layout, type Table, tableText } from '../text/table.ts';
import type { ResultText } from './program.ts';

/** The text as it is printed. `columns` is asked only where there is a table: it opens the terminal. */
export async function plainText(text: ResultText, columns?: () => number | undefined): Promise<string> {
  if (typeof text === 'string') return text;
  const tables = text.filter((piece) => typeof piece !== 'string');
  const layout: Layout = { columns: tables.length > 0 ? columns?.() : undefined, ...(await measuring(tables)) };
  return text.map((piece) => (typeof piece === 'string' ? piece : tableText(piece, layout))).join('\n');
}

/** The pieces of a text, to stand among others. */
export function piecesOf(text: ResultText): readonly (string | Table)[] {
  return typeof text === 'string' ? [text] : text;
}

/** The library knows every script and takes longer to load than most commands to end. */
async function measuring(tables: readonly Table[]): Promise<Pick<Layout, 'widthOf'>> {
  const odd = tables.some(({ heading, rows }) => [heading, ...rows].some((line) => line.some(isOfOddWidth)));
  return odd ? { widthOf: (await import('string-width')).default } : {};
}

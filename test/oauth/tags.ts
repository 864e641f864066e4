/** The rows that a test proves stand at the end of its name, or of the name of its group: `… [A1.6] [c2]`. */

const tag = String.raw`\[((?:A[1-5](?:\.\d+)?|[bc]\d+)(?:, ?(?:A[1-5](?:\.\d+)?|[bc]\d+))*)\]`;
const tags = new RegExp(tag, 'g');
const tagsAtEnd = new RegExp(`(?:\\s*${tag})+$`);

/** The ids of the rows in a name. */
export function rowsOf(name: string): string[] {
  return [...name.matchAll(tags)].flatMap(([, ids = '']) => ids.split(/, ?/));
}

/** A name as documents cite it. */
export function withoutTags(name: string): string {
  return name.replace(tagsAtEnd, '');
}

/** What a test file calls its tests and groups, as written there. */
export function titlesIn(source: string): string[] {
  const literals = source.matchAll(/(?<=\(\s*)(['"`])((?:(?!\1)[^\\\n]|\\.)+)\1(?=,)/g);
  return [...literals].map(([, , title = '']) => title.replace(/\\(.)/g, '$1'));
}

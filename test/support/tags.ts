/**
 * What a test proves stands at the end of its name, or of the name of its group: `… [A1.6] [c2] [P4]`. Rows (`A1.6`, `b2`,
 * `c2`) are those of docs/oauth-conformance.md, promises (`P1` to `P10`, `connecting`, `page`) those of docs/security-tests.md.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const row = String.raw`(?:A[1-9](?:\.\d+)?|[bc]\d+)`;
const promise = `(?:P(?:10|[1-9])|connecting|page)`;
const list = (id: string) => String.raw`\[(${id}(?:, ?${id})*)\]`;
const tagsAtEnd = new RegExp(`(?:\\s*${list(`(?:${row}|${promise})`)})+$`);

/** The ids of the rows in a name. */
export function rowsOf(name: string): string[] {
  return idsOf(row, name);
}

/** The promises in a name. */
export function promisesOf(name: string): string[] {
  return idsOf(promise, name);
}

function idsOf(id: string, name: string): string[] {
  return [...name.matchAll(new RegExp(list(id), 'g'))].flatMap(([, ids = '']) => ids.split(/, ?/));
}

/** A name as documents cite it. */
export function withoutTags(name: string): string {
  return name.replace(tagsAtEnd, '');
}

/** What a test file calls its tests and groups, as written there. */
function titlesIn(source: string): string[] {
  const literals = source.matchAll(/(?<=\(\s*)(['"`])((?:(?!\1)[^\\\n]|\\.)+)\1(?=,)/g);
  return [...literals].map(([, , title = '']) => title.replace(/\\(.)/g, '$1'));
}

/** What every test file below a root calls its tests and groups, each name once for a file; files and names in order. */
export async function everyTitle(root: string): Promise<{ file: string; title: string }[]> {
  const found: { file: string; title: string }[] = [];
  for (const folder of ['cmd', 'internal', 'test']) {
    const names = (await readdir(join(root, folder), { recursive: true })).filter((name) => name.endsWith('.test.ts'));
    for (const name of names) {
      const file = `${folder}/${name}`;
      const titles = new Set(titlesIn(await readFile(join(root, file), 'utf8')));
      found.push(...[...titles].map((title) => ({ file, title })));
    }
  }
  return found.sort((a, b) => (a.file === b.file ? order(a.title, b.title) : order(a.file, b.file)));
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

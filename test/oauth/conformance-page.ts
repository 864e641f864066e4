/** docs/oauth-conformance.md: every row, the tests that carry its id, and what came of them. Pure, but for reading the tests. */
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { everyTitle, rowsOf, withoutTags } from '../support/tags.ts';
import { rows, sections } from './rows.ts';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));
export const pagePath: string = join(root, 'docs/oauth-conformance.md');

/** A test, or a group of tests, that carries ids; named as its file writes it, with its placeholders. */
export interface TaggedTest {
  /** Seen from the root. */
  file: string;
  title: string;
  rows: readonly string[];
}

/** One run of one test, as vitest's JSON report has it. */
export interface TestRun {
  file: string;
  /** The names of its groups and its own. */
  titles: readonly string[];
  status: string;
}

/** Every test of the repository that carries an id, by file and name. Throws where an id names no row. */
export async function readTaggedTests(): Promise<TaggedTest[]> {
  const found: TaggedTest[] = [];
  for (const { file, title } of await everyTitle(root)) {
    const ids = rowsOf(title);
    const unknown = ids.find((id) => !rows.has(id));
    if (unknown !== undefined) throw new Error(`${file}: ${JSON.stringify(title)} names a row that is not there`);
    if (ids.length > 0) found.push({ file, title, rows: ids });
  }
  return found;
}

/** What came of a row: worse before better. A row whose tests were all left out is not proven here. */
export function resultOf(id: string, tests: readonly TaggedTest[], runs: readonly TestRun[]): string {
  const own = tests.filter((test) => test.rows.includes(id));
  const came = runs.filter((run) =>
    own.some(({ file, title }) => file === run.file && run.titles.some((name) => isOf(name, title))),
  );
  if (own.length === 0) return 'no test';
  if (came.some(({ status }) => status === 'failed')) return 'failed';
  if (came.some(({ status }) => status === 'passed')) return 'passed';
  return came.length === 0 ? 'not run' : 'skipped: the run says why';
}

/** The page. */
export function renderPage(tests: readonly TaggedTest[], result: (id: string) => string): string {
  const lines = [
    '# OAuth conformance',
    '',
    'What `service-connection` does towards authorization servers, MCP servers, browsers and whoever gets in between, and',
    'the tests that show it; a rule that is taken out makes at least one of them fail. The page is made from the names of',
    'the tests and a run of them by `npm run docs:oauth`; a test keeps it equal to the code, and CI to what the run gave.',
    '',
    'Rows of A are duties towards servers of each revision of the MCP specification, b is the machine on which a person',
    'signs in, c is what somebody may try. Names with `%s` or `$` are tables of cases.',
  ];
  for (const section of sections) {
    lines.push(
      '',
      `## ${section.title}`,
      '',
      '| row | what we do | source | tests | result |',
      '| --- | --- | --- | --- | --- |',
    );
    for (const { id, rule, source } of section.rows) {
      const own = tests.filter((test) => test.rows.includes(id));
      lines.push(
        `| ${[id, rule, source, namesOf(own), result(id)].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The results that a page states, by row. */
export function resultsIn(page: string): Map<string, string> {
  const cells = [...page.matchAll(/^\| ([Abc][\d.]+) \| .* \| (\S.*?) \|$/gm)];
  return new Map(cells.map(([, id = '', result = '']) => [id, result]));
}

/** The runs in a report of vitest. */
export function runsIn(report: string): TestRun[] {
  const { testResults } = JSON.parse(report) as {
    testResults: { name: string; assertionResults: { ancestorTitles: string[]; title: string; status: string }[] }[];
  };
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status }) => ({
      file: name.slice(name.indexOf('/', root.length - 1) + 1),
      titles: [...ancestorTitles, title],
      status,
    })),
  );
}

function namesOf(tests: readonly TaggedTest[]): string {
  const files = [...new Set(tests.map(({ file }) => file))];
  return files
    .map((file) => {
      const names = tests.filter((test) => test.file === file).map(({ title }) => `"${asText(withoutTags(title))}"`);
      return `[${basename(file)}](../${file}): ${[...new Set(names)].join(', ')}`;
    })
    .join('<br>');
}

/** A name that holds no markup. */
function asText(name: string): string {
  return name.replace(/[\\`*_<>[\]]/g, '\\$&');
}

/** Whether a test ran under this name: placeholders stand for anything. */
function isOf(name: string, title: string): boolean {
  const pattern = title
    .split(/%[sdifjoOc#$]|\$\{?[\w.]+\}?/)
    .map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('[^]*');
  return new RegExp(`^${pattern}$`).test(name);
}

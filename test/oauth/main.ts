/**
 * Writes docs/oauth-conformance.md after running the tests that carry ids. With `--check <report…>` it runs nothing and
 * compares the page with what vitest's reports say. Ends with 1 where a row has no test, or one that did not pass.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  pagePath,
  readTaggedTests,
  renderPage,
  resultOf,
  resultsIn,
  root,
  runsIn,
  type TaggedTest,
} from './conformance-page.ts';
import { rows } from './rows.ts';

const [mode, ...given] = process.argv.slice(2);
const tests = await readTaggedTests();
const runs = (mode === '--check' ? await Promise.all(given.map(read)) : [await runTests(tests)]).flatMap(runsIn);
const page = renderPage(tests, (id) => resultOf(id, tests, runs));
const results = resultsIn(page);
const bad = [...rows.keys()].filter((id) => !/^(passed|skipped: .*)$/.test(results.get(id) ?? ''));

if (mode !== '--check') await writeFile(pagePath, page);
else if ((await read(pagePath)) !== page) {
  say('docs/oauth-conformance.md is not what this run gives: npm run docs:oauth');
  process.exitCode = 1;
}
for (const id of bad) say(`${id}: ${results.get(id)}`);
if (bad.length > 0) process.exitCode = 1;
const passed = [...results.values()].filter((result) => result === 'passed').length;
say(`rows ${rows.size}, passed ${passed}, tests that carry ids ${tests.length}, their runs ${runs.length}`);

/** Runs the files that hold tagged tests and gives vitest's report. */
async function runTests(tagged: readonly TaggedTest[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'oauth-conformance-'));
  try {
    const report = join(folder, 'report.json');
    const files = [...new Set(tagged.map(({ file }) => file))];
    const output = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    spawnSync('npx', ['vitest', 'run', '--config', 'test/vitest.config.ts', ...output, ...files], {
      cwd: root,
      stdio: 'inherit',
    });
    return await read(report);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function read(path: string): Promise<string> {
  return readFile(path, 'utf8');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

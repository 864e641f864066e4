/** The documents say what the code says: tables are equal, examples load, links and named tests exist. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAgentsLock } from '../internal/agent/lock.ts';
import type { Configuration } from '../internal/config/definitions.ts';
import { loadConfiguration } from '../internal/config/load.ts';
import { exitCodeOf, exitCodes } from '../internal/errors/exit-codes.ts';
import { reruns } from '../internal/platform/acts.ts';
import { judgeTools } from '../internal/policy/verdict.ts';
import { variables } from '../internal/run/environment.ts';
import { parseLock } from '../internal/skills/lock.ts';
import { changesMade } from '../internal/skills/report/report.ts';
import { rules } from '../internal/skills/scan/rules.ts';
import { readScanSettings } from '../internal/skills/scan/settings.ts';
import { readToolsLock } from '../internal/tool-review/lock.ts';
import { lintOverrides, placeOf, rooms, withTable } from './rooms/rooms.ts';
import { commandsPage } from './support/commands-page.ts';
import { everyTitle, promisesOf, withoutTags } from './support/tags.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const read = (path: string) => readFile(join(root, path), 'utf8');

/** The rows of every table of a document whose heading begins with these cells. */
function rowsUnder(text: string, ...heading: string[]): string[][] {
  const rows: string[][] = [];
  let inside = false;
  for (const line of text.split('\n')) {
    const cells = line.startsWith('|')
      ? line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim())
      : [];
    if (cells.length === 0) inside = false;
    else if (heading.every((word, index) => cells[index] === word)) inside = true;
    else if (inside && !cells.every((cell) => /^-+$/.test(cell))) rows.push(cells);
  }
  return rows;
}

const unquoted = (cell: string | undefined) => cell?.replace(/^`|`$/g, '');

describe('docs/exit-codes.md', () => {
  test('has the exit codes of the code', async () => {
    const rows = rowsUnder(await read('docs/exit-codes.md'), 'code', 'meaning');
    expect(Object.fromEntries(rows)).toEqual(exitCodes);
    expect(rows).toHaveLength(Object.keys(exitCodes).length);
  });

  test('has the error codes of the code, each with its exit code [P10]', async () => {
    const rows = rowsUnder(await read('docs/exit-codes.md'), 'error', 'exit', 'when');
    expect(Object.fromEntries(rows.map(([error, exit]) => [unquoted(error), Number(exit)]))).toEqual(exitCodeOf);
    expect(rows).toHaveLength(Object.keys(exitCodeOf).length);
  });
});

test('docs/exit-codes.md has what a rerun does, for each change of the platform', async () => {
  const rows = rowsUnder(await read('docs/exit-codes.md'), 'act', 'a rerun');
  expect(Object.fromEntries(rows.map(([act, rerun]) => [unquoted(act), rerun]))).toEqual(reruns);
});

test('docs/environment.md has the variables of the code', async () => {
  const rows = rowsUnder(await read('docs/environment.md'), 'variable', 'secret', 'meaning');
  expect(rows.map(([name, ...rest]) => [unquoted(name), ...rest])).toEqual(
    Object.entries(variables).map(([name, variable]) => [name, 'secret' in variable ? 'yes' : 'no', variable.meaning]),
  );
});

test('docs/architecture.md names no file that is not there', async () => {
  const named = [...(await read('docs/architecture.md')).matchAll(/`([\w./-]+\.(?:ts|mjs))`/g)].map(([, path]) => path);
  const folders = ['cmd', 'internal', 'test'];
  const below = await Promise.all(folders.map((folder) => readdir(join(root, folder), { recursive: true })));
  const there = below.flatMap((paths, at) => paths.map((path) => `/${folders[at]}/${path}`));
  expect(named.filter((path) => !there.some((file) => file.endsWith(`/${path}`)))).toEqual([]);
  expect(named.length).toBeGreaterThan(100);
});

test('docs/commands.md has the commands and options of the code; written by: npx vitest run --config test/vitest.config.ts test/docs.test.ts --update', async () => {
  await expect(await commandsPage()).toMatchFileSnapshot('../docs/commands.md');
});

test('docs/skill-sync.md has the changes of the code', async () => {
  const rows = rowsUnder(await read('docs/skill-sync.md'), 'change', 'when', 'what happens');
  expect(rows.map(([change]) => unquoted(change)).sort()).toEqual(Object.keys(changesMade).sort());
});

describe('docs/skill-scan.md', () => {
  test('has the rules of the code', async () => {
    const rows = rowsUnder(await read('docs/skill-scan.md'), 'rule', 'level', 'looks for', 'what to do');
    expect(rows.map(([rule, ...rest]) => [unquoted(rule), ...rest])).toEqual(
      Object.entries(rules).map(([rule, { level, finds, fix }]) => [rule, level, finds, fix]),
    );
  });

  test('has a scan.yaml without a mistake', async () => {
    const [, example = ''] =
      (await read('docs/skill-scan.md')).match(/^```yaml file=scan\.yaml\n([\s\S]*?)^```$/m) ?? [];
    const folder = await mkdtemp(join(tmpdir(), 'docs-'));
    await writeFile(join(folder, 'scan.yaml'), example);
    const settings = await readScanSettings(folder, { now: new Date('2026-11-22') });
    expect(settings.suppressions.map(({ rule }) => rule)).toEqual(['path-outside', 'secret']);
    await rm(folder, { recursive: true });
  });
});

describe('the examples of docs/configuration.md', () => {
  let folder: string;
  let configuration: Configuration;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docs-'));
    for (const [, path = '', content = ''] of await examples()) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    configuration = await loadConfiguration(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function examples() {
    return (await read('docs/configuration.md')).matchAll(/^```\w+ file=(\S+)\n([\s\S]*?)^```$/gm);
  }

  test('are one configuration without a mistake', () => {
    expect([...configuration.services.keys()]).toEqual(['notion', 'slack']);
    expect([...configuration.agents.keys()]).toEqual(['editor', 'support']);
    expect([...configuration.environments.keys()]).toEqual(['default']);
  });

  test('leave no YAML example out', async () => {
    const text = await read('docs/configuration.md');
    expect(text.match(/^```yaml(?! file=)/gm)).toBeNull();
  });

  test('hold locks that can be read', async () => {
    expect(Object.keys((await readAgentsLock({ folder })).agents)).toEqual(['support']);
    expect([...(await readToolsLock({ folder })).keys()]).toEqual(['notion']);
    const { skills, problems } = parseLock(await readFile(join(folder, 'skills.lock.json'), 'utf8'));
    expect([...skills.keys(), ...problems]).toEqual(['support-triage']);
  });

  test('give the verdicts that the document says', async () => {
    const editor = configuration.agents.get('editor');
    if (editor === undefined) throw new Error('no editor');
    const person = { kind: 'sso' as const, issuer: '', subject: 'somebody', groups: ['editors'], label: '' };
    const verdicts = new Map(judgeTools(editor, person, configuration).map((verdict) => [verdict.tool, verdict]));
    const rows = rowsUnder(await read('docs/configuration.md'), 'tool', 'class', 'agent', 'person', 'verdict');
    expect(rows).not.toEqual([]);
    for (const [tool = '', ...said] of rows) {
      const found = verdicts.get(unquoted(tool) ?? '');
      expect([found?.class, found?.agent, found?.person, found?.verdict], tool).toEqual(said);
    }
  });
});

describe('every document', async () => {
  const decisions = await readdir(join(root, 'docs/decisions'));
  const documents = [
    'README.md',
    'SECURITY.md',
    'CHANGELOG.md',
    ...(await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
    ...decisions.map((name) => `docs/decisions/${name}`),
  ];

  test.each(documents)('%s links only to what is there', async (document) => {
    for (const [, target = ''] of (await read(document)).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)) {
      const path = normalize(join(root, dirname(document), target));
      expect(relative(root, path).startsWith('..'), target).toBe(false);
      await expect(readdir(dirname(path)), `${document} links to ${target}`).resolves.toContain(
        target.endsWith('/') ? (path.split('/').at(-2) ?? '') : path.split('/').at(-1),
      );
    }
  });

  test.each(documents)('%s names only files of the repository that are there', async (document) => {
    const named = (await read(document)).matchAll(/`((?:cmd|internal|test|docs|skills)\/[\w./-]+\.(?:ts|mjs|md))`/g);
    for (const [, path = ''] of named) await expect(read(path), `${document}: ${path}`).resolves.not.toBe('');
  });
});

describe('SECURITY.md', async () => {
  const text = await read('SECURITY.md');
  const tagged = await everyTitle(root);

  test('has the promises P1 to P10, each with what is kept and what is not', () => {
    const rows = rowsUnder(text, 'promise', 'kept', 'not kept');
    expect(rows.map(([promise]) => /^P\d+/.exec(promise ?? '')?.[0])).toEqual(
      Array.from({ length: 10 }, (_, index) => `P${index + 1}`),
    );
    expect(rows.flat()).not.toContain('');
  });

  test('names only commands of package.json', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/`npm run ([\w:]+)/g)].map(([, name]) => name);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
    expect(named).toContain('attack');
  });

  test('every folder of the product is a room, and lint and docs/architecture.md have them all; written by: npm run rooms', async () => {
    const folders = await readdir(join(root, 'internal'));
    expect(rooms.map(placeOf).sort()).toEqual(['cmd', ...folders.map((folder) => `internal/${folder}`)].sort());
    expect(JSON.parse(await read('.biome.json')).overrides).toEqual(lintOverrides());
    const page = await read('docs/architecture.md');
    expect(withTable(page)).toBe(page);
  });

  test('docs/security-tests.md has the tests of each promise; written by: npx vitest run --config test/vitest.config.ts test/docs.test.ts --update', async () => {
    const lines = [
      '# Which tests keep which promise',
      '',
      'Made from the names of the tests; [SECURITY.md](../SECURITY.md) says what is promised. Names with `%s` or `$` are tables',
      'of cases. The rules and attacks of OAuth have a page of their own: [oauth-conformance.md](oauth-conformance.md).',
    ];
    for (const [promise, heading] of Object.entries(promises)) {
      const own = tagged.filter(({ title }) => promisesOf(title).includes(promise));
      expect(own.length > 0 || promise === 'P7', promise).toBe(true);
      lines.push('', `## ${heading}`, '');
      if (own.length === 0) lines.push('None: this promise is not kept yet.');
      for (const file of new Set(own.map((test) => test.file))) {
        const names = own.filter((test) => test.file === file).map(({ title }) => `"${asText(withoutTags(title))}"`);
        lines.push(`- [${file}](../${file}): ${names.join(', ')}`);
      }
    }
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../docs/security-tests.md');
  });
});

const promises = {
  P1: 'P1. One person, one vault',
  P2: 'P2. Identity is proven, not declared',
  P3: 'P3. Secrets have one home',
  P4: 'P4. Default deny',
  P5: 'P5. The narrowest of all that have a say',
  P6: 'P6. What was asked is what runs',
  P7: 'P7. No act without a record',
  P8: 'P8. Killed anywhere, converges',
  P9: 'P9. Nothing from outside is trusted to be text',
  P10: 'P10. Every refusal explains itself',
  connecting: 'Connecting a service',
  page: 'The page of buttons',
};

/** A name that holds no markup. */
function asText(name: string): string {
  return name.replace(/[\\`*_<>[\]]/g, '\\$&');
}

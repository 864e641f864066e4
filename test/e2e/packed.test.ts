/** What npm would publish: packed, installed alone into an empty folder, and put to work. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ExecutableName, installedIn, runProgram, searchPath } from '../demo/executables.ts';
import { openStage } from '../demo/stage.ts';
import { type Taken, take } from '../demo/step.ts';
import { mainJob } from '../demo/story.ts';
import { root, whenBuilt } from './build.ts';

const executables: readonly ExecutableName[] = ['service-connection', 'setup-session', 'skill-sync'];

let folder: string;
let packed: readonly string[];
let manifest: { version: string; dependencies?: object };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packed-'));
  const [{ filename, files }] = JSON.parse(
    await whenBuilt(() => npm(root, 'pack', '--json', '--pack-destination', folder)),
  );
  packed = files.map(({ path }: { path: string }) => path);
  // Offline and with an empty cache: whatever is not in the tarball cannot be there afterwards.
  await npm(folder, 'install', '--offline', '--prefix', folder, join(folder, filename));
  manifest = JSON.parse(
    await readFile(join(folder, 'node_modules', 'managed-agents-interface', 'package.json'), 'utf8'),
  );
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test('holds what runs, the licence, the readme and what that leads to, and nothing else', async () => {
  const programs = packed.filter((path) => /^dist\/(chunks\/)?[\w-]+\.js$/.test(path));
  expect(programs).toEqual(expect.arrayContaining(executables.map((name) => `dist/${name}.js`)));
  const rest = packed.filter((path) => !programs.includes(path) && !/^(docs|dist\/verify)\//.test(path)).sort();
  expect(rest).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'dist/THIRD-PARTY-NOTICES.txt',
    'dist/package.json',
    'package.json',
  ]);
  const readme = await readFile(join(folder, 'node_modules', 'managed-agents-interface', 'README.md'), 'utf8');
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) => path);
  expect(links.length).toBeGreaterThan(20);
  expect(links.filter((link) => !packed.some((path) => path === link || path.startsWith(link)))).toEqual([]);
});

test('needs no other package', async () => {
  expect(manifest.dependencies).toBeUndefined();
  const installed = await readdir(join(folder, 'node_modules'));
  expect(installed.filter((name) => !name.startsWith('.'))).toEqual(['managed-agents-interface']);
});

test('makes no code of the schemas that a server sends: no compiler of them is there [P4]', async () => {
  const dist = join(folder, 'node_modules', 'managed-agents-interface', 'dist');
  const programs = packed.filter((path) => /^dist\/chunks\/[\w-]+\.js$/.test(path));
  const texts = await Promise.all(programs.map((path) => readFile(join(dist, '..', path), 'utf8')));
  // The client for MCP is there, under its own words.
  expect(texts.filter((text) => text.includes('StreamableHTTPClientTransport'))).not.toEqual([]);
  expect(texts.filter((text) => /\bajv\b/i.test(text))).toEqual([]);
});

test('has an entry for authors of servers that imports nothing but Node, with its types', async () => {
  const entry = join(folder, 'node_modules', 'managed-agents-interface', 'dist', 'verify', 'index.js');
  const text = await readFile(entry, 'utf8');
  const imports = [...text.matchAll(/(?:from|import|require)\s*\(?["']([^"']+)["']/g)].map(([, name]) => name);
  expect([...new Set(imports)].sort()).toEqual(['node:crypto', 'node:zlib']);
  expect(text).not.toMatch(/anthropic|commander|modelcontextprotocol|keyring/i);
  expect(text.length).toBeLessThan(64 * 1024);
  const program = `import { trust, verifySessionToken, type Verification } from 'managed-agents-interface/verify';
    const trusted = trust({ audience: 'https://a.example/mcp', issuers: [{ kind: 'session-token', issuer: 'https://i.example',
      keys: { keys: [] }, tenants: ['w'], statusLists: ['https://i.example/status'] }] });
    const result: Verification = await verifySessionToken(undefined, trusted);
    if (!result.ok) console.log(result.code satisfies string);`;
  await writeFile(join(folder, 'server.mts'), program);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
  const typeRoots = ['--typeRoots', join(root, 'node_modules', '@types')];
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const environment = { PATH: searchPath };
  const checked = await runProgram(process.execPath, [tsc, ...options, ...typeRoots, 'server.mts'], {
    cwd: folder,
    environment,
  });
  expect(checked).toMatchObject({ exit: 0, stdout: '' });
  const { code } = await transform(program, { loader: 'ts', format: 'esm' });
  await writeFile(join(folder, 'server.mjs'), code);
  const ran = await runProgram(process.execPath, ['server.mjs'], { cwd: folder, environment });
  expect(ran).toEqual({ exit: 0, stdout: 'missing\n', stderr: '' });
});

test.each(executables)('%s --help and --version', async (name) => {
  const [program] = installedIn(folder)(name);
  const run = (word: string) => runProgram(program, [word], { cwd: folder, environment: { PATH: searchPath } });
  const [help, version] = await Promise.all([run('--help'), run('--version')]);
  expect(version).toEqual({ exit: 0, stdout: `${manifest.version}\n`, stderr: '' });
  expect(help).toEqual({ exit: 0, stdout: expect.stringContaining(`Usage: ${name}`), stderr: '' });
});

test('does the main job of the demo [P6]', async () => {
  const stage = await openStage({ locate: installedIn(folder) });
  try {
    const taken: Taken[] = [];
    for await (const each of take(mainJob, stage)) taken.push(each);
    expect(taken.map(({ seen }) => seen)).toEqual(mainJob.map(({ expected }) => expected));
  } finally {
    await stage.close();
  }
});

/** Runs npm as somebody who has never run it before. */
async function npm(cwd: string, ...words: readonly string[]): Promise<string> {
  const environment = { PATH: searchPath, HOME: folder, npm_config_cache: join(folder, '.npm') };
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];
  const { exit, stdout, stderr } = await runProgram('npm', [...words, ...quiet], { cwd, environment });
  if (exit !== 0) throw new Error(`npm ${words.join(' ')} ended with ${exit}: ${stderr}`);
  return stdout;
}

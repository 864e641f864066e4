// Builds the three executables into dist/: one small file each, and beside it files of chunks that are run when a command
// line needs them. Run by `npm run build`; needs the development dependencies.
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { buildVerify } from './build-verify.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const executables = ['service-connection', 'setup-session', 'skill-sync'];

/**
 * Commander can start other programs as subcommands and loads the module for it at every start. Our subcommands are
 * functions, so that module is left out: a third of what a start costs beyond Node itself.
 */
const withoutExecutableSubcommands = {
  name: 'without-executable-subcommands',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /[\\/]commander[\\/]lib[\\/]command\.js$/.test(importer) ? { path: 'none', namespace: 'left-out' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * One rule of the secret scanner's preset opens key stores, with a cryptography library larger than all of `skill-sync`.
 * The scan does not use that rule (internal/skills/scan/secrets.ts), so its library is left out.
 */
const withoutKeyStores = {
  name: 'without-key-stores',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/index-[\w-]+\.js$/ }, ({ importer, kind }) =>
      kind === 'dynamic-import' && /[\\/]secretlint-rule-preset-recommend[\\/]module[\\/]/.test(importer)
        ? { path: 'key-stores', namespace: 'left-out' }
        : undefined,
    );
  },
};

/**
 * The MCP client can hold what a tool answers against the schema that its server sends, and loads a compiler of schemas for
 * that. Ours never does (internal/outside/mcp.ts), so the compiler is left out: no code is made of what a server says.
 */
const withoutSchemaCompiler = {
  name: 'without-schema-compiler',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]@modelcontextprotocol[\\/]sdk[\\/].*[\\/]ajv-provider\.js$/ }, () => ({
      contents: 'export class AjvJsonSchemaValidator {}',
    }));
  },
};

/** What libraries take for Node's own `Headers`, `Response` and `FormData` are ours, which load no undici. */
const withOwnFetchTypes = {
  name: 'with-own-fetch-types',
  setup({ onLoad }) {
    const libraries =
      /[\\/]node_modules[\\/](@anthropic-ai|@modelcontextprotocol|oauth4webapi|openid-client)[\\/].*\.m?js$/;
    onLoad({ filter: libraries }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const used = ['Headers', 'Response', 'FormData'].filter((name) => new RegExp(`\\b${name}\\b`).test(text));
      const own = JSON.stringify(join(root, 'internal', 'outside', 'fetch-types.ts'));
      return { contents: used.length === 0 ? text : `import { ${used.join(', ')} } from ${own};${text}` };
    });
  },
};

const target = 'node20.19';
const common = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target,
  minify: true,
  legalComments: 'none',
  // Libraries ask it of each body that they send, which is never one here, and asking loads all of Node's web streams.
  define: { 'globalThis.ReadableStream': 'undefined' },
  logLevel: 'warning',
  alias: { '@secretlint/profiler': join(root, 'cmd', 'no-profiler.mjs') },
  plugins: [withoutExecutableSubcommands, withoutKeyStores, withoutSchemaCompiler, withOwnFetchTypes],
};
/** The files of this build. */
const made = new Set();

const outputs = {};
const loader = await build({
  ...common,
  entryPoints: ['internal/outside/chunks.ts'],
  format: 'iife',
  globalName: 'chunks',
  write: false,
});
await mkdir(join(dist, 'chunks'), { recursive: true });
for (const name of executables) Object.assign(outputs, await executable(name, loader.outputFiles[0].text));
const verify = await buildVerify(root, target);
await mkdir(join(dist, 'verify'), { recursive: true });
for (const [path, text] of verify.files) await emit(path, text);
Object.assign(outputs, verify.outputs);
// The executables are CommonJS, whatever the package around them is.
await emit('dist/package.json', '{"type":"commonjs"}\n');
await emit('dist/THIRD-PARTY-NOTICES.txt', await notices({ outputs }));
await removeStale();

/**
 * Builds one executable: a small file that knows where its modules are, and files of chunks beside it, named by their digests,
 * that are read when the first of their chunks is needed; one holds what every start needs. What they say is CommonJS: ESM would have Node resolve and link each
 * file, reads no code cache, and from Node 22 on loads all of undici to import `node:http`. Returns esbuild's outputs.
 */
async function executable(name, loader) {
  const { outputFiles, metafile } = await build({
    ...common,
    // The entry becomes `main`, the name that the chunks import it by.
    entryPoints: { main: `cmd/${name}/main.ts` },
    chunkNames: '[name]-[hash]',
    splitting: true,
    format: 'esm',
    write: false,
    metafile: true,
  });
  const idOf = (path) => `./${basename(path, '.js')}`;
  const imports = new Map(Object.entries(metafile.outputs).map(([path, output]) => [idOf(path), output.imports]));
  const atStart = new Set(['./main']);
  for (const id of atStart) {
    for (const { kind, path, external } of imports.get(id)) {
      if (kind === 'import-statement' && !external) atStart.add(idOf(path));
    }
  }
  const texts = new Map();
  for (const { path, text } of outputFiles) texts.set(idOf(path), await asCommonJs(text));
  const bodiesOf = (ids) =>
    ids.map((id) => `${JSON.stringify(id)}(module,exports,require){${texts.get(id)}}`).join(',\n');
  const files = {};
  for (const ids of [[...atStart], ...inFiles([...texts].filter(([id]) => !atStart.has(id)))]) {
    const chunks = `(function(__filename){return{${bodiesOf(ids)}}})\n`;
    const file = `${name}-${createHash('sha256').update(chunks).digest('hex').slice(0, 16)}.js`;
    await emit(`dist/chunks/${file}`, chunks);
    files[file] = ids.join(' ');
  }
  await emit(
    `dist/${name}.js`,
    `#!/usr/bin/env node\n"use strict";${loader}chunks.requireFrom(__dirname+"/chunks/","${name}",${JSON.stringify(files)})("./main");\n`,
  );
  await chmod(join(dist, `${name}.js`), 0o755);
  return metafile.outputs;
}

/**
 * Chunks in files: what is large alone, so that a command reads no library that it does not use; small ones that several
 * commands share together; and those of one command together.
 */
function inFiles(chunks) {
  const large = 16 * 1024;
  const [alone, small] = [
    chunks.filter(([, text]) => text.length >= large),
    chunks.filter(([, text]) => text.length < large),
  ];
  const isShared = ([id]) => id.startsWith('./chunk-');
  const groups = [...alone.map((chunk) => [chunk]), small.filter(isShared), small.filter((chunk) => !isShared(chunk))];
  return groups.map((group) => group.map(([id]) => id)).filter((ids) => ids.length > 0);
}

/** One output of esbuild as the body of a CommonJS module, whose names for the others have no extension. */
async function asCommonJs(text) {
  const { code } = await transform(text.replace(/(["'])(\.\/[\w-]+)\.js\1/g, '$1$2$1'), {
    format: 'cjs',
    platform: 'node',
    target,
    minify: true,
    // A script that comes from a cache cannot import, and what a tag reads raw cannot be made plain ASCII.
    supported: { 'dynamic-import': false, 'template-literal': false },
    define: { 'import.meta.url': '__filename' },
  });
  // What is left are regular expressions.
  return code.replace(/(?<!\\)[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Writes one file, of one byte for each character: what V8 compiles is read as such. */
async function emit(path, text) {
  const odd = path.endsWith('.js') && /[^\0-\x7f]/.exec(text);
  if (odd) throw new Error(`${path} is not plain ASCII at ${odd.index}`);
  const unfinished = join(root, `${path}.unfinished`);
  await writeFile(unfinished, text);
  await rename(unfinished, join(root, path));
  made.add(join(root, path));
}

/** What an earlier build left. Removed last, so that an executable that runs meanwhile finds its chunks. */
async function removeStale() {
  const found = await readdir(dist, { recursive: true, withFileTypes: true });
  const stale = found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  await Promise.all(stale.filter((path) => !made.has(path)).map((path) => rm(path)));
}

/** The license of every package that is inside the bundle: their terms ask for it to travel with the code. */
async function notices({ outputs }) {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  const packages = new Set(
    inputs.flatMap((input) => input.match(/^(?:.*node_modules\/)((?:@[^/]+\/)?[^/]+)/)?.[0] ?? []),
  );
  const texts = await Promise.all([...packages].sort().map(noticeOf));
  // What a package brings in its own files, without its notice.
  const embedded = await readFile(join(root, 'cmd', 'embedded-notices.txt'), 'utf8');
  return `The executables contain these packages:\n\n${[...texts, embedded].join('\n\n')}`;
}

async function noticeOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
  const candidates = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license', 'license.md', 'LICENCE', 'License'];
  for (const candidate of candidates) {
    try {
      return `== ${name} ${version} (${license})\n\n${(await readFile(join(root, folder, candidate), 'utf8')).trim()}`;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  return `== ${name} ${version} (${license})`;
}

// Builds the three executables into dist/: one small entry each, everything heavy in chunks that are loaded when a
// command line needs them. Run by `npm run build`; needs the development dependencies.
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

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

// One build each: what only the start of an executable needs is then in its entry, and a start reads two files less.
const outputs = {};
for (const name of executables) Object.assign(outputs, (await bundle(name)).metafile.outputs);
const metafile = { outputs };
for (const name of executables) await chmod(join(dist, `${name}.js`), 0o755);
await writeFile(join(dist, 'THIRD-PARTY-NOTICES.txt'), await notices(metafile));
await removeStale(metafile);

function bundle(name) {
  return build({
    absWorkingDir: root,
    entryPoints: { [name]: `cmd/${name}/main.ts` },
    outdir: 'dist',
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    // What bundled CommonJS code requires can only be a built-in module.
    banner: { js: '#!/usr/bin/env node\nconst require=process.getBuiltinModule;' },
    alias: { '@secretlint/profiler': join(root, 'cmd', 'no-profiler.mjs') },
    plugins: [withoutExecutableSubcommands, withoutKeyStores],
  });
}

/** What an earlier build left. Removed last, so that an executable that runs meanwhile finds its chunks. */
async function removeStale({ outputs }) {
  const made = new Set([...Object.keys(outputs), 'dist/THIRD-PARTY-NOTICES.txt'].map((path) => join(root, path)));
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

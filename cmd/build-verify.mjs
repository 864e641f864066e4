// Builds what authors of MCP servers import, `managed-agents-interface/verify`: one ESM file with jose inside, which runs where
// Node does and imports nothing but Node's own modules, and its declarations. Used by build.mjs.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';

/** The files of the entry below dist/, with esbuild's outputs for the notices. */
export async function buildVerify(root, target) {
  const [{ outputFiles, metafile }, declarations] = await Promise.all([
    build({
      absWorkingDir: root,
      entryPoints: ['internal/verify/index.ts'],
      outfile: 'dist/verify/index.js',
      bundle: true,
      platform: 'node',
      target,
      format: 'esm',
      charset: 'ascii',
      minify: true,
      legalComments: 'none',
      write: false,
      metafile: true,
      logLevel: 'warning',
    }),
    declarationsOf(root),
  ]);
  const files = new Map([
    ['dist/verify/package.json', '{"type":"module"}\n'],
    ['dist/verify/index.js', outputFiles[0].text],
    ...declarations,
  ]);
  return { files, outputs: metafile.outputs };
}

async function declarationsOf(root) {
  const folder = await mkdtemp(join(tmpdir(), 'declarations-'));
  try {
    const words = ['-p', 'internal/verify/tsconfig.json', '--outDir', folder];
    await promisify(execFile)(join(root, 'node_modules', '.bin', 'tsc'), words, { cwd: root });
    const names = (await readdir(folder)).filter((name) => name.endsWith('.d.ts'));
    return await Promise.all(
      names.map(async (name) => {
        const text = await readFile(join(folder, name), 'utf8');
        return [`dist/verify/${name}`, text.replaceAll(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'")];
      }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from a default export
export default defineConfig({
  // As in the build.
  resolve: { alias: { '@secretlint/profiler': fileURLToPath(new URL('../cmd/no-profiler.mjs', import.meta.url)) } },
  test: {
    server: { deps: { inline: ['@secretlint/core'] } },
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['{cmd,internal,test}/**/*.test.ts'],
    // Only what hangs is ended by these: a busy machine is no failure.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Tests wait for sockets and files a third of their time: a worker more than processors leaves none of those idle.
    maxWorkers: availableParallelism() + 1,
    // What a file imports is loaded once in each worker. Nothing of ours lives outside a run, so no file sees another's.
    isolate: false,
    globalSetup: ['test/support/own-temp-folder.ts'],
    setupFiles: ['test/support/own-run.ts'],
  },
});

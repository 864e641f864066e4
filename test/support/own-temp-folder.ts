/** What tests leave in the folder for temporary files is in one folder of theirs, which goes when they have ended. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

/** Begins before any test and returns what is done after the last: as vitest asks for in `globalSetup`. */
// biome-ignore lint/style/noDefaultExport: vitest calls the default export
export default async function begin({ config }: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'mai-'));
  // As /tmp is: some tests run a command as another account.
  await chmod(folder, 0o1777);
  config.env = { ...config.env, TMPDIR: folder, TEMP: folder, TMP: folder };
  return async () => await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

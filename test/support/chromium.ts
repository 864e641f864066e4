/** A real browser for tests: the system's Chromium, with an empty profile and nothing to tell anybody. */
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { searchPath } from '../demo/executables.ts';

/** Where Chromium is, if it is. */
export const chromiumPath: string | undefined = searchPath
  .split(delimiter)
  .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
  .find(isExecutable);

/** What every browser of a test is started with. */
export const chromiumFlags: string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A running browser. */
export interface OpenBrowser {
  context: BrowserContext;
  close(): Promise<void>;
}

/** Starts a browser of a person that was never started before. */
export async function startChromium(): Promise<OpenBrowser> {
  const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath ?? 'chromium',
    headless: true,
    args: chromiumFlags,
    viewport: { width: 1280, height: 860 },
  });
  return {
    context,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

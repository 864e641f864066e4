/** What holds because of what the product is made of: its configuration, its sources and what it depends on. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { redirectDefinition } from '../../internal/config/addresses.ts';
import { loadConfiguration } from '../../internal/config/load.ts';
import { serviceDefinition } from '../../internal/config/service-file.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The sources of the product, by path. */
async function sources(): Promise<[path: string, text: string][]> {
  const found: [string, string][] = [];
  for (const folder of ['cmd', 'internal']) {
    for (const name of await readdir(join(root, folder), { recursive: true })) {
      if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
      found.push([`${folder}/${name}`, await readFile(join(root, folder, name), 'utf8')]);
    }
  }
  return found;
}

test('one file starts a browser, and it is the system’s own [b22]', async () => {
  const all = await sources();
  const starters = all.filter(([, text]) => /import\('open'\)|from 'open'/.test(text)).map(([path]) => path);
  expect(starters).toEqual(['internal/outside/browser.ts']);
  const embedded = /(from|import\()\s*'[^']*(puppeteer|playwright|webview|electron|chromium|jsdom)[^']*'/;
  expect(all.filter(([, text]) => embedded.test(text)).map(([path]) => path)).toEqual([]);
});

test.each([
  ['a scheme of our own', { host: 'mai', path: '/callback' }],
  ['another machine', { host: '192.0.2.1', path: '/callback' }],
  ['every address', { host: '0.0.0.0', path: '/callback' }],
  ['a query', { path: '/callback?next=https://evil.example' }],
  ['a fragment', { path: '/callback#x' }],
  ['a path that climbs', { path: '/x/../callback' }],
  ['another authority', { path: '//evil.example/callback' }],
])('no file can send the browser back to %s [b22] [c9] [c20]', (_case, redirect) => {
  expect(z.safeParse(redirectDefinition, redirect).success).toBe(false);
  expect(z.safeParse(redirectDefinition, { path: '/callback' }).success).toBe(true);
});

test('no service file, shipped or possible, holds a client secret [b23]', async () => {
  const { services } = await loadConfiguration(join(root, 'config'));
  expect(services.size).toBeGreaterThan(0);
  for (const name of await readdir(join(root, 'config/services'))) {
    expect(await readFile(join(root, 'config/services', name), 'utf8'), name).not.toMatch(/client_secret\s*:/);
  }
  const file = {
    mcp_server_url: 'https://mcp.example/mcp',
    authorization: { issuers: ['https://as.example'], registration: 'pre-registered', client_id: 'us' },
    tools: {},
  };
  expect(z.safeParse(serviceDefinition, file).success).toBe(true);
  const withSecret = { ...file, authorization: { ...file.authorization, client_secret: 's' } };
  expect(z.safeParse(serviceDefinition, withSecret).success).toBe(false);
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfiguration } from '../../config/load.ts';
import { forbiddenToolsOf } from './forbidden-tools.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forbidden-tools-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

const service = (host: string, tools: string) => `
mcp_server_url: https://${host}/mcp
authorization: { issuers: [https://${host}], registration: dynamic }
tools: ${tools}
`;

test('says for each skill which tools are off for its agents: closed ones, and those of services they do not use', async () => {
  await write({
    'interface.yaml': 'identity: { mode: os }\n',
    'environments/default.yaml': 'networking: limited\nallow_mcp_servers: true\n',
    'services/notion.yaml': service('mcp.notion.com', '{ read: [notion-search], write: [notion-create] }'),
    'services/wiki.yaml': service('mcp.wiki.io', '{ read: [search, wiki-read], write: [] }'),
    'services/tracker.yaml': service('mcp.tracker.io', '{ read: [search, listIssues], write: [] }'),
    'agents/support.yaml': `
model: m
services: { notion: { write: off }, wiki: {} }
builtin_tools: { read: on }
skills: [triage]
environment: default
allowed: { groups: [] }
`,
    'agents/editor.yaml': `
model: m
services: { notion: { write: on } }
builtin_tools: { read: on, bash: ask }
skills: [triage, notes]
environment: default
allowed: { groups: [] }
`,
  });
  const configuration = await loadConfiguration(folder);
  const found = forbiddenToolsOf(configuration);
  expect([...found.keys()].sort()).toEqual(['notes', 'triage']);
  expect(found.get('triage')?.map(({ agent }) => agent)).toEqual(['editor', 'support']);
  expect([...(found.get('notes')?.[0]?.tools ?? [])].sort()).toEqual(
    ['edit', 'glob', 'grep', 'listIssues', 'search', 'web_fetch', 'web_search', 'wiki-read', 'write'].sort(),
  );
  const ofSupport = found.get('triage')?.[1]?.tools;
  expect([...(ofSupport ?? [])].sort()).toEqual(
    ['bash', 'edit', 'glob', 'grep', 'listIssues', 'notion-create', 'web_fetch', 'web_search', 'write'].sort(),
  );
});

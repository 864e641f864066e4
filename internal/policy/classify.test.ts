import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Catalogue } from '../config/definitions.ts';
import { loadConfiguration } from '../config/load.ts';
import { classify, type OfferedTool } from './classify.ts';

const catalogue: Catalogue = { read: ['look'], write: ['add'], destructive: ['drop'] };

describe('a tool', () => {
  test.each([
    ['look', {}, 'read'],
    ['add', {}, 'write'],
    ['drop', {}, 'destructive'],
    ['new', {}, 'write'],
  ] as const)('%s without annotations has the class that people gave it, or write', (name, annotations, expected) => {
    expect(classify({ name, annotations }, catalogue)).toBe(expected);
    expect(classify({ name, annotations: null }, catalogue)).toBe(expected);
    expect(classify({ name }, catalogue)).toBe(expected);
  });

  test('is more dangerous when its server says so', () => {
    expect(classify({ name: 'look', annotations: { readOnlyHint: false } }, catalogue)).toBe('write');
    expect(classify({ name: 'look', annotations: { destructiveHint: true } }, catalogue)).toBe('destructive');
    expect(classify({ name: 'add', annotations: { destructiveHint: true } }, catalogue)).toBe('destructive');
    expect(classify({ name: 'new', annotations: { destructiveHint: true } }, catalogue)).toBe('destructive');
  });

  test('is never less dangerous because its server says so', () => {
    const harmless = { readOnlyHint: true, destructiveHint: false };
    expect(classify({ name: 'add', annotations: harmless }, catalogue)).toBe('write');
    expect(classify({ name: 'drop', annotations: harmless }, catalogue)).toBe('destructive');
    expect(classify({ name: 'new', annotations: harmless }, catalogue)).toBe('write');
  });

  test('that two classes list has the more dangerous one', () => {
    expect(classify({ name: 'x' }, { read: ['x'], write: ['x'], destructive: [] })).toBe('write');
    expect(classify({ name: 'x' }, { read: ['x'], write: [], destructive: ['x'] })).toBe('destructive');
  });
});

describe("GitHub's real tools", () => {
  let tools: OfferedTool[];
  let reviewed: Catalogue;
  beforeAll(async () => {
    tools = await toolsOf('github-mcp-server');
    const configuration = await loadConfiguration(fileURLToPath(new URL('../../config', import.meta.url)));
    reviewed = configuration.services.get('github')?.tools ?? { read: [], write: [], destructive: [] };
  });

  test('are all reviewed, and nothing else is', () => {
    const listed = [...reviewed.read, ...reviewed.write, ...reviewed.destructive];
    expect(listed.toSorted()).toEqual(tools.map(({ name }) => name).toSorted());
  });

  test('are reviewed to be at least as dangerous as they say', () => {
    const changed = tools.filter((tool) => classify(tool, reviewed) !== classify({ name: tool.name }, reviewed));
    expect(changed).toEqual([]);
  });

  test('say too little at four names, which people found to be destructive', () => {
    const saidToDestroy = tools
      .filter(({ annotations }) => annotations?.destructiveHint === true)
      .map(({ name }) => name);
    expect(reviewed.destructive.filter((name) => !saidToDestroy.includes(name)).toSorted()).toEqual([
      'create_or_update_file',
      'mark_all_notifications_read',
      'merge_pull_request',
      'push_files',
    ]);
    expect(saidToDestroy.filter((name) => !reviewed.destructive.includes(name))).toEqual([]);
  });

  test('that read are exactly those that say so', () => {
    const saidToRead = tools.filter(({ annotations }) => annotations?.readOnlyHint === true).map(({ name }) => name);
    expect(reviewed.read.toSorted()).toEqual(saidToRead.toSorted());
  });
});

test('a search that its server calls destructive is treated so although people listed it as reading', async () => {
  const tools = await toolsOf('notion-mcp-server');
  const everything: Catalogue = { read: tools.map(({ name }) => name), write: [], destructive: [] };
  const raised = tools.filter((tool) => classify(tool, everything) !== 'read').map(({ name }) => name);
  expect(raised).toContain('API-post-search');
  expect(raised).toContain('API-delete-a-block');
  expect(raised).not.toContain('API-retrieve-a-page');
});

test.each(['server-github', 'server-filesystem', 'server-everything'])(
  'no tool of %s reads for us before somebody has listed it',
  async (server) => {
    const nothing: Catalogue = { read: [], write: [], destructive: [] };
    for (const tool of await toolsOf(server)) expect(classify(tool, nothing), tool.name).not.toBe('read');
  },
);

async function toolsOf(server: string): Promise<OfferedTool[]> {
  const text = await readFile(new URL(`../../test/data/tools/${server}.json`, import.meta.url), 'utf8');
  return JSON.parse(text).tools;
}

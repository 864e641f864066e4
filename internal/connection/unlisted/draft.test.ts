import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfiguration } from '../../config/load.ts';
import { writeStarter } from '../../config/starter.ts';
import { writeDraft } from './add.ts';
import { type DraftEvidence, draftName, draftText } from './draft.ts';

const evidence = (changes: object = {}): DraftEvidence =>
  ({
    found: {
      address: 'https://mcp.example.com/mcp',
      resource: 'https://mcp.example.com',
      authorizationServers: ['https://auth.example.com'],
      scopes: undefined,
      offeredScopes: ['read', 'write'],
      withoutMetadata: false,
    },
    issuer: 'https://auth.example.com',
    exceptions: [],
    server: {
      issuer: 'https://auth.example.com',
      registration_endpoint: 'https://auth.example.com/register',
    },
    tools: [
      { name: 'find', description: 'Finds pages', annotations: { readOnlyHint: true } },
      { name: 'wipe', annotations: { readOnlyHint: true, destructiveHint: true } },
      { name: 'put' },
    ],
    warnings: [],
    now: new Date('2026-11-22T00:00:00Z'),
    ...changes,
  }) as unknown as DraftEvidence;

describe('a draft', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'draft-'));
    await writeStarter(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const drafted = async (changes: object = {}) => {
    await writeDraft(folder, 'example', evidence(changes));
    return (await loadConfiguration(folder)).services.get('example');
  };

  test('is a configuration without a mistake, in which no tool counts', async () => {
    expect(await drafted()).toMatchObject({
      mcp_server_url: 'https://mcp.example.com/mcp',
      authorization: { issuers: ['https://auth.example.com'], registration: 'dynamic' },
      tools: { read: [], write: [], destructive: [] },
    });
  });

  test('of a server that registers nobody says that a client has to be asked for', async () => {
    expect(await drafted({ server: { issuer: 'https://auth.example.com' } })).toMatchObject({
      authorization: { registration: 'ask' },
    });
  });

  test('stays a comment whatever the server calls its tools, scopes and resource [connecting]', async () => {
    const hostile = [
      'x\ntools: { read: [evil] }',
      'x\r  read: [evil]',
      'x\u2028read: [evil]',
      '\u0085- evil',
      '\u001b[2J',
    ];
    const found = { ...evidence().found, offeredScopes: hostile, resource: hostile[0] };
    const tools = hostile.map((text) => ({ name: text, description: text }));
    const changes = { found, tools, warnings: ['x'] };
    expect(draftText(evidence(changes))).toMatch(/^[\n\x20-\x7e]*$/);
    expect(await drafted(changes)).toMatchObject({ tools: { read: [], write: [], destructive: [] } });
  });

  test('never takes the place of what is there [connecting]', async () => {
    await writeFile(join(folder, 'services', 'example.yaml'), 'reviewed');
    await expect(drafted()).rejects.toMatchObject({ code: 'config_exists' });
  });
});

test('a tool that claims to read and to destroy is suggested as destructive, one that claims nothing as writing', () => {
  const text = draftText(evidence());
  expect(text).toContain('#   read        "find" (readOnlyHint true) "Finds pages"');
  expect(text).toContain('#   destructive "wipe" (readOnlyHint true, destructiveHint true)');
  expect(text).toContain('#   write       "put" (no claims)');
});

test.each([
  ['https://mcp.notion.com/mcp', undefined, 'notion'],
  ['https://mcp.example.co.uk/mcp', undefined, 'example'],
  ['https://mcp.example.com/mcp', 'other', 'other'],
])('%s with --name %s is called %s', (url, given, name) => expect(draftName(new URL(url), given, ['list'])).toBe(name));

test.each(['list', 'add', '../../x', 'A', '', 'a.b'])('%j can be no name', (given) => {
  expect(() => draftName(new URL('https://mcp.example.com/mcp'), given, ['list', 'add'])).toThrow(
    expect.objectContaining({ code: 'usage' }),
  );
});

import { expect, test } from 'vitest';
import { AppError } from '../errors/app-error.ts';
import { conceal } from '../secret/secret.ts';
import { canonicalJson } from '../text/canonical.ts';
import { formatToolsLock, type PinnedTool, parseToolsLock, type ToolsLock } from './lock.ts';
import { type OfferedTool, readOffer } from './offered-tool.ts';
import { pinsOf } from './pin.ts';

const by = { kind: 'sso', issuer: 'https://id.example', subject: 'ada', label: 'ada@example.test' };
const look: OfferedTool = {
  title: 'Look',
  description: 'Looks.\u202e\u200b',
  inputSchema: { type: 'object', properties: { b: {}, a: {} } },
  outputSchema: undefined,
  annotations: { readOnlyHint: true },
};
const url = 'https://mcp.example/mcp';
const reviewOf = (tool: OfferedTool) => ({ class: 'read' as const, by, at: '2026-11-22T00:00:00.000Z', tool });
const lockWith = (tools: Record<string, PinnedTool>): ToolsLock =>
  new Map([['notion', { mcpServerUrl: url, tools: new Map(Object.entries(tools)) }]]);
const services = new Map([['notion', { mcp_server_url: url }]]);
const parse = (text: string) => parseToolsLock(text, 'tools.lock.json');

test('says of each tool whether it may be on, and why not', () => {
  const lock = lockWith({
    kept: { tool: look, offered: true, review: reviewOf({ ...look }) },
    fresh: { tool: look, offered: true, review: undefined },
    described: { tool: { ...look, description: 'x' }, offered: true, review: reviewOf(look) },
    schema: { tool: { ...look, inputSchema: { type: 'object' } }, offered: true, review: reviewOf(look) },
    output: { tool: { ...look, outputSchema: { type: 'object' } }, offered: true, review: reviewOf(look) },
    claims: { tool: { ...look, annotations: undefined }, offered: true, review: reviewOf(look) },
    titled: { tool: { ...look, title: 'x' }, offered: true, review: reviewOf(look) },
    gone: { tool: look, offered: false, review: reviewOf(look) },
  });
  // As it is in memory, and as it is once it was written and read.
  for (const pins of [pinsOf(lock, services), pinsOf(parse(formatToolsLock(lock)), services)]) {
    const said = (tool: string) => {
      const { verdict, reason } = pins.pinVerdict('notion', tool);
      return `${verdict} ${reason}`;
    };
    expect(said('kept')).toBe('on as-reviewed');
    expect(said('fresh')).toBe('off new');
    for (const tool of ['described', 'schema', 'output', 'claims', 'titled']) expect(said(tool)).toBe('off changed');
    expect(said('gone')).toBe('off no-longer-listed');
    for (const tool of ['unheard', 'constructor', '__proto__', '']) expect(said(tool)).toBe('off not-listed');
    expect(pins.pinVerdict('slack', 'kept')).toEqual({ verdict: 'on', reason: 'not-pinned', annotations: undefined });
    expect(pins.pinVerdict('notion', 'fresh').annotations).toEqual({ readOnlyHint: true });
  }
});

test('of another server counts for nothing', () => {
  const lock = lockWith({ kept: { tool: look, offered: true, review: reviewOf(look) } });
  const moved = new Map([['notion', { mcp_server_url: 'https://evil.example/mcp' }]]);
  expect(pinsOf(lock, moved).pinVerdict('notion', 'kept')).toMatchObject({ verdict: 'off', reason: 'other-server' });
});

test('tools of one name at two services have nothing to do with each other', () => {
  const lock = lockWith({ look: { tool: look, offered: true, review: reviewOf(look) } });
  lock.set('slack', {
    mcpServerUrl: url,
    tools: new Map([['look', { tool: look, offered: true, review: undefined }]]),
  });
  const pins = pinsOf(lock, new Map([...services, ['slack', { mcp_server_url: url }]]));
  expect([pins.pinVerdict('notion', 'look').verdict, pins.pinVerdict('slack', 'look').verdict]).toEqual(['on', 'off']);
});

test('is written the same whatever the order, with nothing unseen, and reads back', () => {
  const entries = {
    b: { tool: look, offered: true, review: reviewOf(look) },
    ['__proto__']: { tool: look, offered: true, review: undefined },
    a: { tool: look, offered: false, review: reviewOf({ ...look, description: undefined }) },
  };
  const lock = lockWith(entries);
  const text = formatToolsLock(lock);
  expect(formatToolsLock(lockWith(Object.fromEntries(Object.entries(entries).toReversed())))).toBe(text);
  const otherKeys = { ...look, inputSchema: { properties: { a: {}, b: {} }, type: 'object' } };
  expect(formatToolsLock(lockWith({ ...entries, b: { ...entries.b, tool: otherKeys } }))).toBe(text);
  expect(text).toMatch(/^[\x20-\x7e\n]*$/);
  expect(formatToolsLock(parse(text))).toBe(text);
  expect([...(parse(text).get('notion')?.tools.keys() ?? [])]).toEqual(['__proto__', 'a', 'b']);
});

test.each<[string, (text: string) => string]>([
  ['a description', (text) => text.replace('Looks.', 'Sends everything away.')],
  ['a reviewer', (text) => text.replace('"ada"', '"eve"')],
  ['a claim', (text) => text.replace('"readOnlyHint": true', '"readOnlyHint": false')],
  ['a review that is taken from another', (text) => text.replace('"fresh": {', '"kept": {')],
  ['the name of the service', (text) => text.replace('"notion": {', '"slack": {')],
  ['the digest', (text) => text.replace(/"digest": "./, '"digest": "x')],
  ['no digest', (text) => text.replace(/"digest": ".*",/, '')],
  ['another version', (text) => text.replace('"lock_version": 1', '"lock_version": 2')],
  ['half of it', (text) => text.slice(0, 300)],
  ['a conflict', (text) => `<<<<<<< HEAD\n${text}`],
  [
    'a section that is nested without end',
    (text) => text.replace('"properties": {', `"x": ${'['.repeat(9999)}${']'.repeat(9999)}, "properties": {`),
  ],
])('edited by hand is refused with the file and the way out: %s', (_case, edit) => {
  const text = formatToolsLock(
    lockWith({
      kept: { tool: look, offered: true, review: reviewOf(look) },
      fresh: { tool: look, offered: true, review: undefined },
    }),
  );
  parse(text);
  const edited = edit(text);
  const refused = () => parse(edited);
  expect(edited).not.toBe(text);
  expect(refused).toThrow(AppError);
  expect(refused).toThrow('"tools.lock.json"');
  try {
    refused();
  } catch (error) {
    expect(error).toMatchObject({
      code: 'config_invalid',
      hint: expect.stringContaining('setup-session tools refresh'),
    });
  }
});

test('equal values have one text, whatever the order of their keys', () => {
  expect(canonicalJson({ b: [1, { d: null, c: 'é' }], a: 2 })).toBe('{"a":2,"b":[1,{"c":"é","d":null}]}');
  expect(() => canonicalJson(JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`))).toThrow(RangeError);
});

const bare = { name: 'look', inputSchema: { type: 'object' } };
const deep = JSON.parse(`${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`);
test.each<[string, unknown, string]>([
  ['no object', 'look', 'not an object'],
  ['no name', { ...bare, name: 7 }, 'printable'],
  ['a name with a control character', { ...bare, name: 'look\u001b[2J' }, 'printable'],
  ['a name that reads like another', { ...bare, name: 'l\u043eok' }, 'printable'],
  ['a name that is too long', { ...bare, name: 'x'.repeat(129) }, 'printable'],
  ['a description that is no text', { ...bare, description: ['x'] }, 'no text'],
  ['a description without end', { ...bare, description: 'x'.repeat(20_001) }, 'more than'],
  ['no schema', { name: 'look' }, 'no object'],
  ['a schema that is huge', { ...bare, inputSchema: { a: 'x'.repeat(70_000) } }, 'longer'],
  ['a schema that is nested without end', { ...bare, inputSchema: deep }, 'deeper'],
  ['annotations that are a list', { ...bare, annotations: [] }, 'no object'],
  ['a claim that is text', { ...bare, annotations: { readOnlyHint: 'true' } }, 'readOnlyHint'],
  ['a claim that is null', { ...bare, annotations: { destructiveHint: null } }, 'destructiveHint'],
])('a tool with %s cannot be reviewed, and is named', (_case, tool, why) => {
  const { tools, leftOut } = readOffer([tool, { ...bare, name: 'fine' }]);
  expect([...tools.keys()]).toEqual(['fine']);
  expect(leftOut).toEqual([{ name: expect.any(String), why: expect.stringContaining(why) }]);
});

test('a name that is listed twice is neither of both', () => {
  const { tools, leftOut } = readOffer([bare, { ...bare, description: 'another' }]);
  expect([tools.size, leftOut]).toEqual([0, [{ name: 'look', why: 'it is listed twice' }]]);
});

test('a tool that repeats a secret of this run does not get into a file', () => {
  conceal('a-token-of-this-run');
  const said = [
    { ...bare, name: 'a', description: 'Uses a-token-of-this-run.' },
    { ...bare, name: 'b', inputSchema: { default: 'a-token-of-this-run' } },
    { ...bare, name: 'c', annotations: { title: 'a-token-of-this-run' } },
  ];
  expect(readOffer(said).leftOut.map(({ why }) => why)).toEqual(said.map(() => 'it repeats a secret of this run'));
});

test('5,000 pinned tools are read and judged in a moment', () => {
  const tools = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, index) => [`t${index}`, { tool: look, offered: true, review: reviewOf(look) }]),
  );
  const text = formatToolsLock(lockWith(tools));
  const started = performance.now();
  const pins = pinsOf(parse(text), services);
  const read = performance.now();
  for (const name of Object.keys(tools)) expect(pins.pinVerdict('notion', name).verdict === 'on').toBe(true);
  expect(read - started).toBeLessThan(2_000);
  expect(performance.now() - read).toBeLessThan(500);
});

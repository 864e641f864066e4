import { expect, test } from 'vitest';
import { AppError } from '../errors/app-error.ts';
import { listedAs, type OfferedTool } from '../offer/offered-tool.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { formatToolsLock, parseToolsLock } from './lock.ts';
import { pinsOf } from './pin.ts';
import type { PinnedTool, ToolsLock } from './pinned.ts';

const by = { kind: 'sso', issuer: 'https://id.example', subject: 'ada', label: 'ada@example.test' };
const look: OfferedTool = {
  title: 'Look',
  description: 'Looks.\u202e\u200b',
  inputSchema: { type: 'object', properties: { b: {}, a: {} } },
  annotations: { readOnlyHint: true },
};
const url = 'https://mcp.example/mcp';
const digestOf = (tool: OfferedTool) => listedAs('look', tool).sha256;
const reviewOf = (tool: OfferedTool) => ({
  class: 'read' as const,
  by,
  at: '2026-11-22T00:00:00.000Z',
  sha256: digestOf(tool),
});
/** A tool as it is listed now, and as it was reviewed. */
const pinned = (tool: OfferedTool, reviewed?: OfferedTool, more: Partial<PinnedTool> = {}): PinnedTool => {
  const { sha256, facts } = listedAs('look', tool);
  return { sha256, facts, offered: true, review: reviewed && reviewOf(reviewed), ...more };
};
const lockWith = (tools: Record<string, PinnedTool>, leftOut: { name: string; why: string }[] = []): ToolsLock =>
  new Map([['notion', { mcpServerUrl: url, tools: new Map(Object.entries(tools)), leftOut }]]);
const services = new Map([['notion', { mcp_server_url: url }]]);
const parse = (text: string) => parseToolsLock(text, 'tools.lock.json');

test('says of each tool whether it may be on, and why not', () => {
  const changed: Record<string, Partial<OfferedTool>> = {
    described: { description: 'x' },
    schema: { inputSchema: { type: 'object' } },
    output: { outputSchema: { type: 'object' } },
    claims: { annotations: undefined },
    titled: { title: 'x' },
    tasked: { execution: { taskSupport: 'optional' } },
    pictured: { icons: [{ src: 'https://x.example/i.png' }] },
    paged: { meta: { ui: { resourceUri: 'ui://x' } } },
  };
  const lock = lockWith(
    {
      kept: pinned(look, { ...look }),
      fresh: pinned(look),
      ...Object.fromEntries(
        Object.entries(changed).map(([name, change]) => [name, pinned({ ...look, ...change }, look)]),
      ),
      gone: pinned(look, look, { offered: false }),
      restless: pinned({ ...look, description: 'x' }, look, { varies: ['/description'] }),
      task: pinned(
        { ...look, execution: { taskSupport: 'required' } },
        { ...look, execution: { taskSupport: 'required' } },
      ),
    },
    [{ name: 'odd', why: 'its input schema is no object' }],
  );
  // As it is in memory, and as it is once it was written and read.
  for (const pins of [pinsOf(lock, services), pinsOf(parse(formatToolsLock(lock)), services)]) {
    const said = (tool: string) => {
      const { verdict, reason } = pins.pinVerdict('notion', tool);
      return `${verdict} ${reason}`;
    };
    expect(said('kept')).toBe('on as-reviewed');
    expect(said('fresh')).toBe('off new');
    for (const tool of Object.keys(changed)) expect(said(tool)).toBe('off changed');
    expect(said('gone')).toBe('off no-longer-listed');
    expect(said('restless')).toBe('off varying');
    expect(said('task')).toBe('off needs-task');
    expect(pins.pinVerdict('notion', 'odd')).toMatchObject({
      reason: 'not-reviewable',
      why: 'its input schema is no object',
    });
    for (const tool of ['unheard', 'constructor', '__proto__', '']) expect(said(tool)).toBe('off not-listed');
    expect(pins.pinVerdict('slack', 'kept')).toEqual({ verdict: 'on', reason: 'not-pinned', annotations: undefined });
    expect(pins.pinVerdict('notion', 'fresh').annotations).toEqual({ readOnlyHint: true });
  }
});

test('of another server counts for nothing', () => {
  const lock = lockWith({ kept: pinned(look, look) });
  const moved = new Map([['notion', { mcp_server_url: 'https://evil.example/mcp' }]]);
  expect(pinsOf(lock, moved).pinVerdict('notion', 'kept')).toMatchObject({ verdict: 'off', reason: 'other-server' });
});

test('tools of one name at two services have nothing to do with each other', () => {
  const lock = lockWith({ look: pinned(look, look) });
  lock.set('slack', { mcpServerUrl: url, tools: new Map([['look', pinned(look)]]), leftOut: [] });
  const pins = pinsOf(lock, new Map([...services, ['slack', { mcp_server_url: url }]]));
  expect([pins.pinVerdict('notion', 'look').verdict, pins.pinVerdict('slack', 'look').verdict]).toEqual(['on', 'off']);
});

test('a router counts as destructive until somebody gave a reason, and as it is listed only as it was reviewed', () => {
  const router: OfferedTool = {
    ...look,
    inputSchema: { type: 'object', properties: { command: { type: 'string' }, parameters: { type: 'object' } } },
  };
  const reasoned = { ...reviewOf(router), reason: 'the account reads only' };
  const lock = lockWith({
    bare: pinned(router, router),
    reasoned: pinned(router, undefined, { review: reasoned }),
    changed: pinned({ ...router, description: 'x' }, undefined, { review: reasoned }),
  });
  const pins = pinsOf(parse(formatToolsLock(lock)), services);
  const raises = (tool: string) => pins.pinVerdict('notion', tool).annotations?.router;
  expect(['bare', 'reasoned', 'changed'].map(raises)).toEqual([true, undefined, true]);
  expect(pins.pinVerdict('notion', 'reasoned').router?.reason).toBe('the account reads only');
});

test('is written the same whatever the order, with nothing unseen, without any text, and reads back', () => {
  const entries = {
    b: pinned(look, look),
    ['__proto__']: pinned(look),
    a: pinned(look, { ...look, description: undefined }, { offered: false }),
  };
  const text = formatToolsLock(lockWith(entries, [{ name: 'odd\u200b', why: 'x' }]));
  const other = lockWith(Object.fromEntries(Object.entries(entries).toReversed()), [{ name: 'odd\u200b', why: 'x' }]);
  expect(formatToolsLock(other)).toBe(text);
  expect(digestOf({ ...look, inputSchema: { properties: { a: {}, b: {} }, type: 'object' } })).toBe(digestOf(look));
  expect(text).toMatch(/^[\x20-\x7e\n]*$/);
  expect(text).not.toContain('Looks');
  expect(formatToolsLock(parse(text))).toBe(text);
  expect([...(parse(text).get('notion')?.tools.keys() ?? [])]).toEqual(['__proto__', 'a', 'b']);
});

test.each<[string, (text: string) => string]>([
  ['a digest of what is listed', (text) => text.replace(digestOf(look), digestOf({ ...look, title: 'x' }))],
  ['a reviewer', (text) => text.replace('"ada"', '"eve"')],
  ['a claim', (text) => text.replace('"readOnlyHint": true', '"readOnlyHint": false')],
  ['a review that is taken from another', (text) => text.replace('"fresh": {', '"kept": {')],
  ['the name of the service', (text) => text.replace('"notion": {', '"slack": {')],
  ['the digest', (text) => text.replace(/"digest": "./, '"digest": "x')],
  ['no digest', (text) => text.replace(/"digest": ".*",/, '')],
  ['another version', (text) => text.replace('"lock_version": 2', '"lock_version": 3')],
  ['half of it', (text) => text.slice(0, 300)],
  ['a conflict', (text) => `<<<<<<< HEAD\n${text}`],
  [
    'a section that is nested without end',
    (text) => text.replace('"hints": {', `"x": ${'['.repeat(9999)}${']'.repeat(9999)}, "hints": {`),
  ],
])('edited by hand is refused with the file and the way out: %s', (_case, edit) => {
  const text = formatToolsLock(lockWith({ kept: pinned(look, look), fresh: pinned(look) }));
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

test('a lock of the first version is read: what was reviewed stays reviewed, and its texts are not lost', () => {
  const section = {
    mcp_server_url: url,
    tools: {
      look: {
        title: 'Look',
        description: 'Looks.',
        input_schema: { type: 'object' },
        annotations: { readOnlyHint: true },
        suggested_class: 'read',
        review: { class: 'read', by, at: '2026-11-22T00:00:00.000Z' },
      },
      moved: {
        description: 'Now.',
        input_schema: { type: 'object' },
        review: {
          class: 'write',
          by,
          at: '2026-11-22T00:00:00.000Z',
          tool: { description: 'Before.', input_schema: { type: 'object' } },
        },
      },
      fresh: { description: 'New.', input_schema: { type: 'object' } },
    },
  };
  const digest = sha256(canonicalJson({ service: 'notion', ...section }));
  const text = JSON.stringify({ lock_version: 1, services: { notion: { digest, ...section } } });
  const lock = parse(text);
  for (const each of [lock, parse(formatToolsLock(lock))]) {
    const said = (tool: string) => pinsOf(each, services).pinVerdict('notion', tool).reason;
    expect(['look', 'moved', 'fresh'].map(said)).toEqual(['as-reviewed', 'changed', 'new']);
  }
  expect([...(lock.get('notion')?.texts?.values() ?? [])].join()).toContain('Before.');
  expect(() => parse(text.replace('Looks.', 'Sends.'))).toThrow(AppError);
});

test('5,000 pinned tools are read and judged in a moment', () => {
  const tools = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`t${index}`, pinned(look, look)]));
  const text = formatToolsLock(lockWith(tools));
  const started = process.cpuUsage();
  const pins = pinsOf(parse(text), services);
  const verdicts = Object.keys(tools).map((name) => pins.pinVerdict('notion', name).verdict);
  const { user } = process.cpuUsage(started);
  expect(verdicts.every((verdict) => verdict === 'on')).toBe(true);
  // Of processor time, whoever else runs beside it.
  expect(user / 1000).toBeLessThan(2_000);
});

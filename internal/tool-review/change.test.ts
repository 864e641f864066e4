import { expect, test } from 'vitest';
import { changeLines, changesOf, mergeOffer } from './change.ts';
import type { OfferedTool } from './offered-tool.ts';

const tool = (changes: Partial<OfferedTool> = {}): OfferedTool => ({
  title: undefined,
  description: 'Looks.',
  inputSchema: { type: 'object' },
  outputSchema: undefined,
  annotations: undefined,
  ...changes,
});
const by = { kind: 'sso', issuer: 'i', subject: 's', label: 'ada\u202e' };
const review = (reviewed: OfferedTool) => ({
  class: 'read' as const,
  by,
  at: '2026-11-22T00:00:00.000Z',
  tool: reviewed,
});
const shown = (before: OfferedTool, after: OfferedTool) =>
  changeLines({
    service: 'notion',
    name: 'look',
    kind: 'changed',
    pinned: { tool: after, offered: true, review: review(before) },
  });

test('a change shows what changed, everything unseen made visible, and nothing that did not', () => {
  expect(
    shown(tool(), tool({ description: 'Looks.\nAnd\u200b sends.\u001b[2J', annotations: { readOnlyHint: true } })),
  ).toEqual([
    'changed  notion look, reviewed by ada\\u{202e} on 2026-11-22',
    '  description',
    '      Looks.',
    '    + And\\u{200b} sends.\\u{1b}[2J',
    '  claims',
    '    + {',
    '    +   "readOnlyHint": true',
    '    + }',
  ]);
});

test('another order of keys is no change, and hides none', () => {
  const one = tool({ inputSchema: { a: 1, b: { c: 2, d: 3 } } });
  expect(shown(one, tool({ inputSchema: { b: { d: 3, c: 2 }, a: 1 } }))).toHaveLength(1);
  expect(shown(one, tool({ inputSchema: { b: { d: 3, c: 4 }, a: 1 } }))).toContain('    +     "c": 4,');
});

test('long stretches that stayed are left out once each, and no line that changed is', () => {
  const lines = Array.from({ length: 60 }, (_, index) => `line ${index}`);
  const after = lines.with(20, 'one').with(45, 'two').join('\n');
  const text = shown(tool({ description: lines.join('\n') }), tool({ description: after }));
  expect(text.filter((line) => line.trim() === '...')).toHaveLength(3);
  expect(text.filter((line) => /^ {4}[-+]/.test(line)).map((line) => line.trim())).toEqual([
    '- line 20',
    '+ one',
    '- line 45',
    '+ two',
  ]);
  expect(text).toHaveLength(2 + 3 + 4 + 16);
});

test('at another server nothing is reviewed yet, whatever it says', () => {
  const before = {
    mcpServerUrl: 'https://a.example',
    tools: new Map([['look', { tool: tool(), offered: true, review: review(tool()) }]]),
  };
  const offer = { tools: new Map([['look', tool()]]) };
  const changes = (url: string) => changesOf('notion', new Map([['notion', mergeOffer(before, url, offer)]]));
  expect(changes('https://a.example')).toEqual([]);
  expect(changes('https://b.example').map(({ kind }) => kind)).toEqual(['new']);
});

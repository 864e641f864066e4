/** What is read of spans that a collector wrote, and of what is none. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSpans, type Span } from './spans.ts';

async function spansOf(...requests: readonly unknown[]): Promise<Span[]> {
  const folder = await mkdtemp(join(tmpdir(), 'spans-'));
  const path = join(folder, 'spans.jsonl');
  await writeFile(path, `${requests.map((each) => JSON.stringify(each)).join('\n\n')}\n`);
  const spans: Span[] = [];
  for await (const span of readSpans(path)) spans.push(span);
  await rm(folder, { recursive: true });
  return spans;
}

const request = (spans: unknown, attributes: unknown = []) => ({
  resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }],
});
const session = (id: unknown) => ({ key: 'anthropic.session.id', value: { stringValue: id } });
const span = { traceId: 'A'.repeat(32), name: 'anthropic.sessions.create', startTimeUnixNano: '1796040000000000000' };
const read = { trace: 'a'.repeat(32), name: span.name, at: '2026-11-30T12:00:00.000Z' };

test('a span has its own session, or that of what it is of; its trace is in hex or in base64', async () => {
  const inBase64 = { ...span, traceId: Buffer.from('a'.repeat(32), 'hex').toString('base64') };
  expect(
    await spansOf(request([{ ...span, attributes: [session('own')] }, inBase64], [session('around')]), request([span])),
  ).toEqual([
    { ...read, session: 'own' },
    { ...read, session: 'around' },
    { ...read, session: undefined },
  ]);
});

/** Becomes neither a text nor a number. */
const odd = { toString: 1, valueOf: 1 };
test.each<[string, unknown, Span[]]>([
  ['a request that is none', 7, []],
  ['a list that is none', request(odd), []],
  ['a span that is none', request([null]), [{ trace: '', name: '', at: '', session: undefined }]],
  [
    'members of other kinds',
    request([{ traceId: odd, name: odd, startTimeUnixNano: odd, attributes: [{ key: odd }, session(odd)] }]),
    [{ trace: '', name: '', at: '', session: undefined }],
  ],
])('%s says nothing, and is harmless', async (_what, value, spans) => {
  expect(await spansOf(value)).toEqual(spans);
});

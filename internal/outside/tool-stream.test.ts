import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withoutTools } from './tool-stream.ts';

/** What is taken out of an answer that comes in pieces of this size, and what is left of it. */
async function through(text: string, { events = false, size = 7 } = {}) {
  const bytes = Buffer.from(text);
  async function* pieces() {
    for (let index = 0; index < bytes.length; index += size) yield bytes.subarray(index, index + size);
  }
  const tools: string[] = [];
  const left: Uint8Array[] = [];
  for await (const piece of withoutTools(pieces(), events, (tool) => tools.push(tool))) left.push(piece);
  return { tools: tools.map((tool) => JSON.parse(tool)), left: Buffer.concat(left).toString() };
}

test('whatever the tools are and wherever the answer is broken, they come one by one and the rest stays', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 5 }),
      fc.jsonValue({ maxDepth: 3 }),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      fc.option(fc.constantFrom(1, 2), { nil: undefined }),
      async (tools, other, size, events, indent) => {
        const message = (list: unknown[]) => ({
          jsonrpc: '2.0',
          id: 2,
          result: { before: other, tools: list, nextCursor: 'x' },
        });
        const json = JSON.stringify(message(tools), undefined, indent);
        const text = events ? `event: message\ndata: ${json.replaceAll('\n', '\ndata: ')}\n\n` : json;
        const { tools: taken, left } = await through(text, { events, size });
        expect(taken).toEqual(JSON.parse(JSON.stringify(tools)));
        const rest = events ? left.replace(/^event: message\n/, '').replaceAll(/^data: ?/gm, '') : left;
        expect(JSON.parse(rest)).toEqual(JSON.parse(JSON.stringify(message([]))));
      },
    ),
    { numRuns: 150 },
  );
});

test('only the tools of the result are tools, in each event of a stream', async () => {
  const other = { tools: [{ a: 1 }], result: { inside: { tools: [2] }, tools: { of: [3] } } };
  expect(await through(JSON.stringify(other))).toEqual({ tools: [], left: JSON.stringify(other) });
  const event = (id: number) => `id: ${id}\r\ndata: {"result":{"tools":[{"id":${id}}]}}\r\n\r\n`;
  const { tools } = await through(`: keep alive\n\n${event(1)}${event(2)}`, { events: true });
  expect(tools).toEqual([{ id: 1 }, { id: 2 }]);
});

test('what breaks off hands over nothing that is not whole', async () => {
  const { tools } = await through('{"result":{"tools":[{"a":1},{"b":');
  expect(tools).toEqual([{ a: 1 }]);
});

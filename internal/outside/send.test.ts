import type { LookupFunction } from 'node:net';
import { expect, test } from 'vitest';
import { startHostileServer } from '../../test/support/hostile-server.ts';
import { Headers } from './fetch-types.ts';
import { type Answer, sender } from './send.ts';

const get = { method: 'GET', headers: new Headers(), body: undefined, signal: undefined };

async function read({ pieces }: Answer): Promise<string> {
  let text = '';
  for await (const piece of pieces ?? []) text += Buffer.from(piece).toString();
  return text;
}

/** A lookup that finds the loopback address for any name, and keeps what it was asked. */
function recordingLookup() {
  const asked: string[] = [];
  const lookup: LookupFunction = (host, options, found) => {
    asked.push(host);
    if (options.all) return found(null, [{ address: '127.0.0.1', family: 4 }]);
    return found(null, '127.0.0.1', 4);
  };
  return { lookup, asked };
}

test('connects to what its lookup says, looks up once for a connection, and names the host to it [connecting]', async () => {
  const server = await startHostileServer(() => ({ json: {} }));
  const { lookup, asked } = recordingLookup();
  const send = sender({ lookup });
  const host = `mcp.example:${new URL(server.origin).port}`;
  for (const path of ['/first', '/second']) await read(await send(new URL(`http://${host}${path}`), get));
  expect(server.requests.map(({ headers }) => headers.host)).toEqual([host, host]);
  expect(asked).toEqual(['mcp.example']);
});

test('uses no connection that another sender opened [connecting]', async () => {
  const server = await startHostileServer(() => ({ json: {} }));
  const url = new URL(`http://mcp.example:${new URL(server.origin).port}/`);
  const [one, other] = [recordingLookup(), recordingLookup()];
  for (const { lookup } of [one, other]) await read(await sender({ lookup })(url, get));
  expect([one.asked, other.asked]).toEqual([['mcp.example'], ['mcp.example']]);
});

test('an answer that no Response can have is an error, not a crash', async () => {
  const server = await startHostileServer(() => (response) => response.writeHead(999).end());
  await expect(sender()(new URL(server.origin), get)).rejects.toThrow(RangeError);
});

test('what was ended before it began is not sent', async () => {
  const server = await startHostileServer(() => ({ json: {} }));
  const signal = AbortSignal.abort(new Error('ended'));
  await expect(sender()(new URL(server.origin), { ...get, signal })).rejects.toThrow('ended');
  expect(server.lines()).toEqual([]);
});

/** Ours beside Node's own, for what we and our libraries do with them. */
import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as own from './fetch-types.ts';

type Types = Pick<typeof globalThis, 'Headers' | 'Response'>;
const node: Types = { Headers: globalThis.Headers, Response: globalThis.Response };
const ours = own as unknown as Types;

/** What came of it, or the kind of error. */
async function outcome(act: () => unknown): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    return (error as Error).name;
  }
}

async function sameAsNode(act: (types: Types) => unknown): Promise<unknown> {
  const [mine, theirs] = [await outcome(() => act(ours)), await outcome(() => act(node))];
  expect(mine).toEqual(theirs);
  return mine;
}

describe('Headers', () => {
  const name = fc.constantFrom(
    'Accept',
    'accept',
    'X-Request-Id',
    'set-cookie',
    'Set-Cookie',
    'retry-after',
    'a b',
    '',
    'é',
  );
  const value = fc.oneof(fc.string(), fc.constantFrom(' padded\t', 'a\r\nb: c', 'ü', '€', '', 'a, b', '\0'));
  const step = fc.tuple(fc.constantFrom('append', 'set', 'delete', 'get', 'has'), name, value);

  test('keep, combine, order and refuse what Node’s do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        await sameAsNode(({ Headers }) => {
          const headers = new Headers();
          const seen = steps.map(([act, ...words]) => {
            try {
              const [key, text] = words;
              if (act === 'append' || act === 'set') return headers[act](key, text);
              return headers[act as 'get'](key);
            } catch (error) {
              return (error as Error).name;
            }
          });
          return [seen, [...headers], [...headers.entries()], headers.getSetCookie()];
        });
      }),
    );
  });

  test.each<[string, (types: Types) => ConstructorParameters<typeof Headers>[0]]>([
    ['nothing', () => undefined],
    ['a record', () => ({ Accept: 'a', 'content-TYPE': 'b' })],
    [
      'pairs',
      () => [
        ['a', '1'],
        ['A', '2'],
        ['set-cookie', 'x'],
        ['set-cookie', 'y'],
      ],
    ],
    [
      'others of their kind',
      ({ Headers }) =>
        new Headers([
          ['b', '1'],
          ['a', '2'],
          ['b', '3'],
        ]),
    ],
  ])('are made of %s', async (_what, fields) => {
    await sameAsNode((types) => [...new types.Headers(fields(types))]);
  });

  test('are known to libraries that have a class of their own', () => {
    expect(Object.prototype.toString.call(new own.Headers())).toBe('[object Headers]');
    expect([...new node.Headers(new own.Headers({ a: 'b' }))]).toEqual([['a', 'b']]);
    expect([...new own.Headers(new node.Headers({ a: 'b' }))]).toEqual([['a', 'b']]);
  });

  test('do not repeat a value that cannot be sent: it may be a secret', () => {
    expect(() => new own.Headers({ authorization: 'Bearer s3cret\n' + 'x' })).toThrow(/^(?!.*s3cret)/);
  });
});

describe('a Response', () => {
  const bodies: [string, () => string | Uint8Array | Readable | null][] = [
    ['nothing', () => null],
    ['text', () => '{"a":"ü"}'],
    ['bytes', () => Buffer.from('{"a":1}')],
    ['bytes with a mark of their order', () => Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d])],
    ['bytes that are no UTF-8', () => Buffer.from([0x61, 0xff, 0x62])],
    ['pieces', () => Readable.from([Buffer.from('{"a":'), Buffer.from('[1,2]}')])],
    [
      'a stream that breaks off',
      () =>
        Readable.from(
          (async function* () {
            yield Buffer.from('{');
            throw new RangeError('x');
          })(),
        ),
    ],
  ];

  test.each(bodies)('of %s is read as one of Node’s is', async (_what, body) => {
    for (const read of ['text', 'json', 'arrayBuffer'] as const) {
      await sameAsNode(async ({ Response }) => {
        const response = new Response(body() as never, { headers: { 'x-a': 'b' } });
        const first = await outcome(() => response[read]());
        const again = await outcome(() => response.text());
        const bytes = first instanceof ArrayBuffer ? Buffer.from(first).toString('hex') : first;
        return [bytes, again, response.bodyUsed, [...response.headers]];
      });
    }
  });

  test.each([199, 200, 204, 205, 299, 304, 400, 599, 600, 999])(
    'of status %i has the head, or is refused',
    async (status) => {
      for (const body of [null, 'text']) {
        await sameAsNode(({ Response }) => {
          const response = new Response(body, { status, statusText: 'x' });
          return [response.status, response.ok, response.statusText, response.url, response.redirected, response.type];
        });
      }
    },
  );

  test('is read as a stream, in two copies, and cancelled', async () => {
    const pieces = () => Readable.from([Buffer.from('one '), Buffer.from('two')]) as never;
    await sameAsNode(async ({ Response }) => {
      const streamed = new Response(pieces());
      let text = '';
      for await (const piece of streamed.body as unknown as AsyncIterable<Uint8Array>)
        text += Buffer.from(piece).toString();
      const first = new Response(pieces());
      const second = first.clone();
      const whole = new Response('whole');
      const texts = [await first.text(), await second.text(), await whole.clone().text(), await whole.text()];
      const left = new Response(pieces());
      await left.body?.cancel();
      const reader = new Response('of text').body?.getReader();
      texts.push(Buffer.from((await reader?.read())?.value ?? []).toString());
      return [text, streamed.bodyUsed, ...texts, await outcome(() => left.text()), left.bodyUsed];
    });
  });
});

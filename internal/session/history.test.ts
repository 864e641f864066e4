import { expect, test } from 'vitest';
import { readInOrder, readLatest } from './history.ts';

/** An event of a second, and one without, which waits in the queue. */
const event = (id: string, second?: number) => ({
  id,
  type: 'session.status_running',
  processed_at: second === undefined ? null : new Date(1_800_000_000_000 + second * 1000).toISOString(),
});
const straight = [event('a', 1), event('b', 1), event('c', 2), event('d', 3), event('e', 3), event('f')];
const ids = ['a', 'b', 'c', 'd', 'e', 'f'];

async function* listed(values: readonly unknown[], broken = false) {
  for (const value of values) yield [value];
  if (broken) throw new Error('it broke off');
}

async function read(values: readonly unknown[], broken?: boolean): Promise<string[]> {
  const taken: string[] = [];
  await readInOrder(listed(values, broken), ({ id }) => void taken.push(id)).catch(() => {});
  return taken;
}

test.each<[string, unknown[]]>([
  ['straight', straight],
  ['backwards', straight.toReversed()],
  ['rotated', [...straight.slice(3), ...straight.slice(0, 3)]],
  ['with things that are no events', [null, {}, ...straight, 'x', { type: 'event_delta' }]],
])('a list that comes %s is read as it happened', async (_how, values) => {
  expect(await read(values)).toEqual(ids);
});

test('of one that breaks off what came counts, unless it began with the latest', async () => {
  expect(await read(straight.slice(0, 3), true)).toEqual(['a', 'b', 'c']);
  expect(await read(straight.toReversed().slice(0, 4), true)).toEqual([]);
});

test('the latest are the latest, also of a list that begins with the earliest', async () => {
  const latest = async (values: readonly unknown[]) => {
    let asked = 0;
    async function* counted() {
      for (const value of values) {
        asked += 1;
        yield [value];
      }
    }
    const found = await readLatest(3, counted());
    return [found.map(({ id }) => id).join(''), asked];
  };
  expect(await latest(straight.toReversed())).toEqual(['def', 3]);
  expect(await latest(straight)).toEqual(['def', 6]);
  const [a, b, c] = [event('a', 1), event('b', 1), event('c', 1)];
  expect(await latest([c, b, a])).toEqual(['abc', 3]);
});

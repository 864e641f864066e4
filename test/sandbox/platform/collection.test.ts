import { expect, it } from 'vitest';
import { Collection } from './collection.ts';

function numbered(count: number): Collection<{ id: string; value: number }> {
  const collection = new Collection<{ id: string; value: number }>();
  for (let value = 0; value < count; value += 1) collection.add({ id: `n${value}`, value });
  return collection;
}

const all = () => true;
const values = (items: { value: number }[]) => items.map(({ value }) => value);

it('reads pages in both orders', () => {
  const collection = numbered(5);
  const newest = collection.stretch({ order: 'desc', limit: 2, where: all });
  expect(newest).toMatchObject({ moreAfter: true, moreBefore: false, first: 4, last: 3 });
  expect(values(newest.items)).toEqual([4, 3]);
  const next = collection.stretch({ order: 'desc', limit: 2, where: all, from: 3 });
  expect(next).toMatchObject({ moreAfter: true, moreBefore: true });
  expect(values(next.items)).toEqual([2, 1]);
  expect(values(collection.stretch({ order: 'asc', limit: 9, where: all, from: 2 }).items)).toEqual([3, 4]);
});

it('reads a page backwards in the order of the list', () => {
  const page = numbered(5).stretch({ order: 'desc', limit: 2, where: all, from: 0, backwards: true });
  expect(values(page.items)).toEqual([2, 1]);
  expect(page).toMatchObject({ moreAfter: true, moreBefore: true });
});

it('keeps positions while things come and go', () => {
  const collection = numbered(4);
  collection.delete('n3');
  collection.delete('n1');
  collection.add({ id: 'n4', value: 4 });
  expect(collection.size).toBe(3);
  expect(collection.find('n1')).toBeUndefined();
  expect(values(collection.stretch({ order: 'desc', limit: 9, where: all, from: 3 }).items)).toEqual([2, 0]);
});

it('leaves out what the filter refuses and does not announce it as more', () => {
  const page = numbered(4).stretch({ order: 'asc', limit: 2, where: ({ value }) => value < 2 });
  expect(page).toMatchObject({ moreAfter: false });
  expect(values(page.items)).toEqual([0, 1]);
});

import { expect, test } from 'vitest';
import { statusAt, unpackStatusList } from '../verify/status-list.ts';
import {
  formatPlaces,
  isTakenBack,
  keepPlace,
  readPlaces,
  type StatusPlaces,
  statusListClaims,
  TakenBack,
  takeBack,
  takePlace,
} from './status-list.ts';

const at = (text: string | undefined) => ({ where: '/state/token-status/x.json', read: async () => text });
const fresh = async (): Promise<StatusPlaces> => await readPlaces(at(undefined));
const nobody: ReadonlySet<number> = new Set();
const list = (places: StatusPlaces) =>
  unpackStatusList(statusListClaims(places, { issuer: 'i', uri: 'u', now: 0 }).status_list);

test('a place is taken by one session, and what is taken back reads so to the verifier', async () => {
  const places = await fresh();
  const indexes = Array.from({ length: 50 }, () => takePlace(places, 0, 600, nobody));
  expect(new Set(indexes).size).toBe(50);
  const [first = 0, second = 0] = indexes;
  expect([takeBack(places, second, 0), takeBack(places, second, 0)]).toEqual([true, false]);
  expect([statusAt(list(places), first), statusAt(list(places), second)]).toEqual([0, 1]);
  expect(await readPlaces(at(formatPlaces(places)))).toEqual(places);
});

test('what was taken back gets no further token, and a place that nobody has counts as taken back', async () => {
  const places = await fresh();
  const index = takePlace(places, 0, 600, nobody);
  keepPlace(places, index, 1200);
  takeBack(places, index, 0);
  expect(() => keepPlace(places, index, 1800)).toThrow(TakenBack);
  expect(() => keepPlace(places, (index + 1) % 131_072, 1800)).toThrow(TakenBack);
  expect(isTakenBack(places, (index + 1) % 131_072)).toBe(true);
});

test('a place is given to another session only when nothing of the one before can count', async () => {
  const places = await fresh();
  const index = takePlace(places, 0, 600, nobody);
  takeBack(places, index, 0);
  // An hour after the list that says so has ended.
  places.next = index;
  expect(takePlace(places, 3600 + 3600, 8000, nobody)).not.toBe(index);
  places.next = index;
  expect(takePlace(places, 3600 + 3600 + 1, 9000, nobody)).toBe(index);
  expect(isTakenBack(places, index)).toBe(false);
});

test('a place stays with a session that was idle for long, and with one whose state alone is left', async () => {
  const places = await fresh();
  const index = takePlace(places, 0, 600, nobody);
  const lost = (index + 1) % 131_072;
  places.next = index;
  expect([index, lost]).not.toContain(takePlace(places, 100_000, 100_600, new Set([index, lost])));
  keepPlace(places, index, 100_600);
  expect(() => keepPlace(places, lost, 100_600)).toThrow(TakenBack);
});

test.each([
  ['no JSON', '{'],
  ['another version', '{"version":2,"next":0,"taken":{}}'],
  ['a place beyond the list', '{"version":1,"next":0,"taken":{"131072":[1,0]}}'],
  ['a place that says nothing', '{"version":1,"next":0,"taken":{"1":[1]}}'],
])('what cannot be read is not taken for nothing: %s', async (_what, text) => {
  await expect(readPlaces(at(text))).rejects.toMatchObject({ code: 'file_system' });
});

test('the list is small', async () => {
  const places = await fresh();
  for (let count = 0; count < 1000; count += 1) takeBack(places, takePlace(places, 0, 600, nobody), 0);
  expect(statusListClaims(places, { issuer: 'i', uri: 'u', now: 0 }).status_list.lst.length).toBeLessThan(1000);
});

import { expect, test } from 'vitest';
import { detect } from './detect.ts';

test.each([
  [{ to: 'ada.lovelace@example.com' }, ['an e-mail address']],
  [{ text: 'write to (ada@example.com), please.' }, ['an e-mail address']],
  [{ text: 'pay to DE89 3704 0044 0532 0130 00 today' }, ['an IBAN']],
  [['4111 1111 1111 1111'], ['the number of a card']],
  [{ number: 4111111111111111 }, ['the number of a card']],
  [{ 'bob@example.org': { x: ['GB82WEST12345698765432'] } }, ['an e-mail address', 'an IBAN']],
  [{ text: 'the @team meets at 10:30, see 4111 1111 1111 1112 and DE89370400440532013001' }, []],
  [{ uuid: '8c1d5e5e-3f56-4a1a-9f0e-3f1f1b0b6f11', when: '2026-11-30T10:00:00Z' }, []],
  [null, []],
])('personal data in %j: %j', async (input, found) => {
  expect(await detect('personal_data', input)).toEqual(found);
});

test('secrets are found as in skills, also where the name says so, and none is repeated [P3]', async () => {
  const token = `ntn_${'a1B2c3D4e5'.repeat(4)}`;
  const found = await detect('secrets', { page: { text: `use ${token}` } });
  expect(found).toEqual([expect.stringContaining('Notion token')]);
  expect(JSON.stringify(found)).not.toContain(token);
  expect(await detect('secrets', { password: 'kJ8#dk29XsPq!z7Lm' })).toHaveLength(1);
  expect(await detect('secrets', { title: 'Roadmap' })).toEqual([]);
});

test('arguments that are too long or too deep are not looked through, and that is said', async () => {
  let deep: unknown = 'x';
  for (let level = 0; level < 100; level += 1) deep = { deep };
  expect(await detect('secrets', deep)).toEqual({ failed: expect.stringContaining('too deep') });
  expect(await detect('personal_data', { x: 'y'.repeat(10 * 2 ** 20) })).toEqual({
    failed: expect.stringContaining('too long'),
  });
});

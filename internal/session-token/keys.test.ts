import { expect, test } from 'vitest';
import type { Algorithm } from '../verify/claims.ts';
import { mayGoAt, type TokenKey } from './keys.ts';

const key = (kid: string, alg: Algorithm, hour: number): TokenKey => ({
  kid,
  alg,
  jwk: { kty: 'OKP', crv: 'Ed25519', x: kid },
  signsFrom: new Date(hour * 3_600_000).toISOString(),
});
const [first, second, third] = [key('a', 'EdDSA', 10), key('b', 'EdDSA', 30), key('c', 'EdDSA', 40)];
const other = key('d', 'ES256', 30);

/** In hours: a status list, and clocks that differ. */
const rest = 65 / 60;

test.each<[string, TokenKey, TokenKey[], Algorithm, number | undefined]>([
  ['the only one', first, [first], 'EdDSA', undefined],
  ['one that came after those of another algorithm', other, [first, other], 'ES256', undefined],
  ['one that was replaced twice', first, [first, second, third], 'EdDSA', 30 + rest],
  ['one whose algorithm is not used any more', first, [first, other], 'ES256', 30 + rest],
  ['one whose algorithm is used again', first, [first, other], 'EdDSA', undefined],
  ['one of an algorithm that was given up for an older key', other, [first, other], 'EdDSA', undefined],
  ['the same, once that was replaced too', other, [first, other, third], 'EdDSA', 40 + rest],
])('when a key may go: %s', (_name, asked, keys, now, hour) => {
  expect(mayGoAt(keys, asked, now)).toBe(hour === undefined ? undefined : hour * 3_600_000);
});

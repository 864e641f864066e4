import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Requirement } from '../config/definitions.ts';
import { allOf, askFor, assuranceOf, clockSkewSeconds, requireAssurance, secondsOf, unmet } from './assurance.ts';
import type { Principal } from './principal.ts';

const now = new Date('2026-03-01T12:00:00Z');
const ago = (seconds: number) => now.getTime() / 1000 - seconds;
const none = { acr: undefined, amr: [], authTime: undefined };

test('claims of another type say nothing of how somebody signed in', () => {
  expect(assuranceOf({ acr: ['mfa'], amr: 'pwd mfa', auth_time: '1' })).toEqual(none);
  // How some providers say that they do not know.
  expect(assuranceOf({ auth_time: 0 })).toEqual(none);
  expect(assuranceOf({ acr: 'a', amr: ['pwd', 7, null], auth_time: 5 })).toEqual({
    acr: 'a',
    amr: ['pwd'],
    authTime: 5,
  });
});

test.each<[unknown, number | undefined]>([
  ['1764500000', 1764500000],
  ['2026-11-29T12:17:06.060Z', 1795954626.06],
  ['2026-11-29T13:17:06+01:00', 1795954626],
  ['2026-11-29T12:17:06', undefined],
  ['29.11.2026', undefined],
  ['1764500000000000', undefined],
  ['2026-13-29T12:17:06Z', undefined],
  [Number.NaN, undefined],
])('the time of signing in that is written as %j is read as %j', (written, seconds) => {
  expect(assuranceOf({ auth_time: written }).authTime).toBe(seconds);
});

test('one method as a text, and a level as a number, are what they can only mean', () => {
  expect(assuranceOf({ acr: 2, amr: 'mfa' })).toEqual({ ...none, acr: '2', amr: ['mfa'] });
});

describe('a requirement', () => {
  test.each<[Requirement, object, string | undefined]>([
    [{}, none, undefined],
    [{ acr: ['a', 'b'] }, { ...none, acr: 'b' }, undefined],
    [{ acr: ['a', 'b'] }, { ...none, acr: 'c' }, 'it shows acr "c", and required is "a" or "b"'],
    [{ acr: ['a'] }, none, 'it shows no acr, and required is "a"'],
    [{ acr: ['a'] }, { ...none, acr: 'A' }, 'it shows acr "A", and required is "a"'],
    [{ amr: ['mfa', 'pwd'] }, { ...none, amr: ['pwd', 'mfa', 'otp'] }, undefined],
    [{ amr: ['mfa', 'hwk'] }, { ...none, amr: ['pwd'] }, 'its amr does not name "mfa", "hwk"'],
    [{ max_age: '1h' }, none, 'it does not say when the person signed in (auth_time)'],
    [{ max_age: '1h' }, { ...none, authTime: ago(3600 + clockSkewSeconds) }, undefined],
    [{ max_age: '1h' }, { ...none, authTime: ago(3601 + clockSkewSeconds) }, 'the person signed in more than 1h ago'],
    [{ max_age: '1h' }, { ...none, authTime: ago(3900), marginSeconds: 300 }, undefined],
    [{ max_age: '1h' }, { ...none, authTime: ago(3901), marginSeconds: 300 }, 'the person signed in more than 1h ago'],
  ])('%j of %j is unmet by: %s', (required, assurance, why) => {
    expect(unmet({ ...none, ...assurance }, required, now)).toBe(why);
  });

  test('is asked for where it can be', () => {
    expect(askFor({ acr: ['a', 'b'], amr: ['mfa'], max_age: '30m' })).toEqual({ acr_values: 'a b', max_age: '1800' });
    expect(askFor({})).toEqual({});
  });

  test('is not met by somebody who did not sign in at all', () => {
    const principal: Principal = { kind: 'os', issuer: 'machine:1', subject: '1000', groups: [], label: 'ada' };
    expect(() => requireAssurance(principal, { acr: ['a'] })).toThrow(
      expect.objectContaining({ code: 'assurance_missing' }),
    );
    expect(() => requireAssurance(principal, undefined)).not.toThrow();
    expect(() => requireAssurance(principal, {})).not.toThrow();
  });

  test('that nothing could fulfil is a mistake of the configuration', () => {
    expect(() => allOf([{ acr: ['a'] }, { acr: ['b'] }])).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });
});

test.each([
  ['45s', 45],
  ['30m', 1800],
  ['12h', 43_200],
  ['7d', 604_800],
])('%s is %d seconds', (time, seconds) => expect(secondsOf(time)).toBe(seconds));

test('what meets all requirements at once meets each of them, and the other way round', () => {
  const requirement = fc.record(
    {
      acr: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }),
      amr: fc.uniqueArray(fc.constantFrom('pwd', 'mfa', 'hwk'), { minLength: 1 }),
      max_age: fc.constantFrom('30s', '5m', '2h', '1d'),
    },
    { requiredKeys: [] },
  );
  const assurance = fc.record({
    acr: fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { nil: undefined }),
    amr: fc.uniqueArray(fc.constantFrom('pwd', 'mfa', 'hwk')),
    authTime: fc.option(fc.constantFrom(0, 100, 1000, 10_000, 100_000).map(ago), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(requirement, { maxLength: 4 }), assurance, (required, shown) => {
      const each = required.every((one) => unmet(shown, one, now) === undefined);
      let together: boolean;
      try {
        together = unmet(shown, allOf(required), now) === undefined;
      } catch {
        together = false;
      }
      expect(together).toBe(each);
    }),
  );
});

import { describe, expect, test } from 'vitest';
import type { When } from '../config/definitions.ts';
import type { Principal } from '../identity/principal.ts';
import { whyNotNow } from './condition.ts';

const ada: Principal = {
  kind: 'sso',
  issuer: 'https://idp.example',
  subject: 'user-1',
  groups: ['support'],
  label: 'Ada',
};

const office: NonNullable<When['hours']> = [
  { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '18:00', time_zone: 'Europe/Berlin' },
];

/** Why a condition does not hold at a time; undefined where it does. */
function at(when: When | undefined, now: string, principal: Principal = ada): string | undefined {
  return whyNotNow(when, { principal, now: new Date(now), environment: 'default' });
}

test('no condition always holds', () => {
  expect([at(undefined, '2026-01-01T00:00:00Z'), at({}, 'no date')]).toEqual([undefined, undefined]);
});

describe('hours', () => {
  test.each([
    ['as they begin', '2026-01-12T07:00:00Z', true],
    ['a minute before', '2026-01-12T06:59:59Z', false],
    ['in their last minute', '2026-01-12T16:59:59Z', true],
    ['as they end', '2026-01-12T17:00:00Z', false],
    ['on another day', '2026-01-11T10:00:00Z', false],
    ['in summer, by the clock there', '2026-07-13T06:00:00Z', true],
    ['in summer, an hour before that', '2026-07-13T05:59:00Z', false],
    ['on the day on which the clock goes forward', '2026-03-30T06:00:00Z', true],
  ])('%s', (_case, now, holds) => {
    expect(at({ hours: office }, now) === undefined).toBe(holds);
  });

  test('are those of the zone that is named, also where it has another day', () => {
    const tuesday = (zone: string): When => ({
      hours: [{ days: ['tue'], from: '00:00', to: '24:00', time_zone: zone }],
    });
    expect(at(tuesday('Pacific/Auckland'), '2026-01-12T12:00:00Z')).toBeUndefined();
    expect(at(tuesday('America/Los_Angeles'), '2026-01-12T12:00:00Z')).toBe(
      'hours: it is mon 04:00 in America/Los_Angeles',
    );
  });

  test('of several, one is enough: a night is two of them', () => {
    const night: When = {
      hours: [
        { days: ['mon'], from: '22:00', to: '24:00', time_zone: 'UTC' },
        { days: ['tue'], from: '00:00', to: '06:00', time_zone: 'UTC' },
      ],
    };
    for (const [now, holds] of [
      ['2026-01-12T21:59:00Z', false],
      ['2026-01-12T23:59:59Z', true],
      ['2026-01-13T00:00:00Z', true],
      ['2026-01-13T06:00:00Z', false],
    ] as const) {
      expect(at(night, now) === undefined, now).toBe(holds);
    }
  });

  test('never hold at a time that is none', () => {
    expect(at({ hours: office }, 'no date')).toBe('hours: it is no time that can be told');
  });
});

describe('the sign-in', () => {
  const signedIn = (acr: string, minutesAgo: number): Principal => ({
    ...ada,
    assurance: { acr, amr: [], authTime: Date.parse('2026-01-12T12:00:00Z') / 1000 - minutesAgo * 60 },
  });
  const when: When = { assurance: { acr: ['phishing-resistant'], max_age: '30m' } };

  test.each([
    ['shows what is asked for, recently', signedIn('phishing-resistant', 10), true],
    ['is too long ago', signedIn('phishing-resistant', 40), false],
    ['shows something else', signedIn('password', 10), false],
    ['shows nothing', ada, false],
  ])('%s', (_case, principal, holds) => {
    expect(at(when, '2026-01-12T12:00:00Z', principal) === undefined).toBe(holds);
  });
});

test('groups are compared byte for byte, and one is enough', () => {
  const when: When = { groups: ['oncall', 'support'] };
  expect(at(when, '2026-01-12T12:00:00Z')).toBeUndefined();
  expect(at(when, '2026-01-12T12:00:00Z', { ...ada, groups: ['Support', 'constructor'] })).toBe(
    'groups: in none of "oncall", "support"',
  );
});

test('environments are those that the session runs in', () => {
  expect(at({ environments: ['default'] }, '2026-01-12T12:00:00Z')).toBeUndefined();
  expect(at({ environments: ['open'] }, '2026-01-12T12:00:00Z')).toBe('environments: the session runs in "default"');
});

test('everything that is named has to hold [P5]', () => {
  const when: When = { groups: ['support'], environments: ['open'] };
  expect(at(when, '2026-01-12T12:00:00Z')).toContain('environments');
});

import { expect, it } from 'vitest';
import { runningClock, standingClock } from './clock.ts';

it('stands still until it is moved', () => {
  const clock = standingClock('2026-11-22T10:00:00Z');
  expect(clock.timestamp()).toBe('2026-11-22T10:00:00.000Z');
  clock.advance(90_000);
  expect(clock.timestamp()).toBe('2026-11-22T10:01:30.000Z');
  clock.set(new Date(0));
  expect(clock.now()).toBe(0);
});

it('runs on from where it was set', () => {
  const clock = runningClock();
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000);
  clock.set('2030-01-01T00:00:00Z');
  expect(clock.timestamp()).toMatch(/^2030-01-01T00:00:0/);
  clock.advance(60_000);
  expect(clock.timestamp()).toMatch(/^2030-01-01T00:01:0/);
});

it('refuses what is no instant', () => {
  expect(() => standingClock('tomorrow')).toThrow('not an instant: "tomorrow"');
});

import { expect, test } from 'vitest';
import { AppError } from './app-error.ts';
import { type ErrorCode, exitCodeOf, exitCodes } from './exit-codes.ts';
import { hintOf } from './hints.ts';

test('every error code ends with an exit code of the table, and never with success', () => {
  for (const exit of Object.values(exitCodeOf)) {
    expect(Object.keys(exitCodes).map(Number)).toContain(exit);
    expect(exit).not.toBe(0);
  }
});

test('an error keeps its code, its hint and its cause', () => {
  const cause = new Error('underneath');
  expect(new AppError('drift', 'changed', { hint: 'look', cause })).toMatchObject({
    name: 'AppError',
    message: 'changed',
    code: 'drift',
    hint: 'look',
    cause,
  });
  expect(new AppError('drift', 'changed').hint).toBe(hintOf.drift);
  expect('cause' in new AppError('drift', 'changed')).toBe(false);
});

test('every error says what to do next, but for those whose message does [P10]', () => {
  const silent = Object.entries(hintOf).filter(([, hint]) => hint === undefined);
  expect(silent.map(([code]) => code)).toEqual([
    'config_invalid',
    'config_missing',
    'config_exists',
    'unknown_service',
    'unknown_agent',
    'skill_invalid',
    'interrupted',
  ] satisfies ErrorCode[]);
});

import { expect, test } from 'vitest';
import { AppError } from './app-error.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';

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
  expect('cause' in new AppError('drift', 'changed')).toBe(false);
});

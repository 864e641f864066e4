import { expect, test } from 'vitest';
import { readEnvironment } from './environment.ts';

test('CI=false is not CI', () => {
  expect([readEnvironment({ CI: 'false' }), readEnvironment({ CI: 'true' })]).toEqual([{}, { CI: 'true' }]);
});

test('only the variables of the table are taken, and an empty one counts as not set', () => {
  const source = { USER: 'ada', LOGNAME: 'ada', HOME: '/root', MAI_CONFIG: '/c', BROWSER: '', ANTHROPIC_API_KEY: 'k' };
  expect(readEnvironment(source)).toEqual({ MAI_CONFIG: '/c', ANTHROPIC_API_KEY: 'k' });
});

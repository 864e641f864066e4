import { expect, test } from 'vitest';
import { isWithheld, readEnvironment } from './environment.ts';

test('CI=false is not CI', () => {
  expect([readEnvironment({ CI: 'false' }), readEnvironment({ CI: 'true' })]).toEqual([{}, { CI: 'true' }]);
});

test('only the variables of the table are taken, and an empty one counts as not set [P2]', () => {
  const source = { USER: 'ada', LOGNAME: 'ada', HOME: '/root', MAI_CONFIG: '/c', BROWSER: '', ANTHROPIC_API_KEY: 'k' };
  expect(readEnvironment(source)).toEqual({ MAI_CONFIG: '/c', ANTHROPIC_API_KEY: 'k' });
});

test('the tokens of a CI job are taken by their prefix', () => {
  const source = {
    MAI_ID_TOKEN: 'a',
    MAI_ID_TOKEN_GITLAB: 'b',
    MAI_ID_TOKENS: 'c',
    CI_JOB_JWT: 'd',
    GITHUB_ACTOR: 'ada',
  };
  expect(readEnvironment(source)).toEqual({ MAI_ID_TOKEN: 'a', MAI_ID_TOKEN_GITLAB: 'b' });
});

test.each([
  ['ANTHROPIC_API_KEY', true],
  ['ANTHROPIC_LOG', true],
  ['ANTHROPIC_FEDERATION_RULE_ID', true],
  ['ANTHROPIC_IDENTITY_TOKEN', true],
  ['ANTHROPIC_IDENTITY_TOKEN_FILE', true],
  ['ACTIONS_ID_TOKEN_REQUEST_URL', true],
  ['ACTIONS_ID_TOKEN_REQUEST_TOKEN', true],
  ['MAI_ID_TOKEN', true],
  ['MAI_ID_TOKEN_GITLAB', true],
  ['CLAUDE_CODE_MCP_USER_TOKEN', true],
  ['ACTIONS_RUNTIME_URL', false],
  ['MAI_CONFIG', false],
  ['PATH', false],
])('that %s is kept from children is %s', (name, withheld) => {
  expect(isWithheld(name)).toBe(withheld);
});

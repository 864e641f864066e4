import { expect, test } from 'vitest';
import { Secret } from '../../secret/secret.ts';
import { judgeAccountAnswer } from './account.ts';
import { judgeAccountMatch } from './account-match.ts';

const paths = { name: 'user.email', workspace: 'workspace.name' };
const ada = { user: { email: 'ada@example.test' }, workspace: { name: 'Ada’s' } };
const text = (value: unknown) => ({ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) });

test.each([
  ['structured content', { structuredContent: ada, content: [] }],
  ['text that is JSON', { content: [text(ada)] }],
  [
    'the first block that has it',
    { content: [text('Hello'), { type: 'image' }, text({}), text(ada), text({ user: { email: 'x' } })] },
  ],
])('the account is read from %s', (_case, answer) => {
  expect(judgeAccountAnswer(answer, paths)).toEqual({ name: 'ada@example.test', workspace: 'Ada’s' });
});

test('structured content counts before text', () => {
  const answer = { structuredContent: { user: { email: 'structured' } }, content: [text(ada)] };
  expect(judgeAccountAnswer(answer, paths)).toEqual({ name: 'structured', workspace: undefined });
});

test.each([
  undefined,
  null,
  'text',
  {},
  { content: 'x' },
  { content: [text('not JSON')] },
  { content: [text([ada])] },
  { content: [text({ user: 'ada' })] },
  { content: [text({ user: { email: 7 } })] },
  { content: [text({ user: { email: '' } })] },
  { isError: true, structuredContent: ada },
])('%j names nobody', (answer) => expect(judgeAccountAnswer(answer, paths)).toBeUndefined());

test('an inherited name is no account', () => {
  expect(judgeAccountAnswer({ structuredContent: {} }, { name: 'constructor.name' })).toBeUndefined();
});

test('a name without end is cut', () => {
  const answer = { structuredContent: { user: { email: 'x'.repeat(10_000) } } };
  expect(judgeAccountAnswer(answer, paths)?.name).toHaveLength(200);
});

test('what is left of a name that was cut is nobody’s address', () => {
  const own = 'ada@example.test';
  const long = `${'x'.repeat(200 - '@example.test'.length)}@example.test.evil.test`;
  const account = judgeAccountAnswer({ structuredContent: { user: { email: long } } }, paths);
  const found = { verifiedEmail: own, account, expected: undefined, accepted: undefined, previous: undefined };
  expect(judgeAccountMatch({ rule: 'domain', ...found }).kind).toBe('refused');
});

test('a token of ours is no name, whatever answers with it (P3)', () => {
  const token = new Secret('a-token-that-was-sent');
  const answer = { structuredContent: { user: { email: `ada ${token.reveal()}` } } };
  expect(judgeAccountAnswer(answer, { name: 'user.email' })).toBeUndefined();
});

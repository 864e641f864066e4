import { expect, test } from 'vitest';
import { harmlessJson, quote, visible } from './quote.ts';
import { withoutCommands } from './runner-commands.ts';

/** What GitHub's runner does with a line (actions/runner, ActionCommand.cs): two ways to read a command out of it. */
const isCommand = (line: string) => line.trimStart().startsWith('::') || line.includes('##[');

test.each([
  '::set-output name=x::y',
  '  \u00a0::stop-commands::token',
  'harmless\n\t::add-mask::a\nharmless',
  'text ##[error]forged',
  '##[add-mask]a',
  '###[group]a',
  ':::debug::a',
])('%j gives the runner no command [P9]', (text) => {
  expect(text.split('\n').some(isCommand)).toBe(true);
  expect(withoutCommands(text).split('\n').some(isCommand)).toBe(false);
});

test('what is no command stays as it is', () => {
  const text = 'a::b\n## Heading\n#: c\n: d\na ## [link]\n';
  expect(withoutCommands(text)).toBe(text);
});

test('commands that may stand anywhere are visible wherever text from outside is shown [P9]', () => {
  const text = 'a ##[error]b ##vso[task.complete]c ##teamcity[d]';
  for (const shown of [visible(text), quote(text), harmlessJson([text])]) expect(shown).not.toMatch(/##\w*\[/);
  expect(JSON.parse(quote(text))).toBe(text);
  expect(JSON.parse(harmlessJson([text]))).toEqual([text]);
});

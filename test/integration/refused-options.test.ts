/** What a command does not declare is refused, behind it and before it, and before anything is asked, read or opened. */
import { expect, test } from 'vitest';
import { runCommand } from '../support/command.ts';
import { commands, everyOption, typed } from '../support/command-table.ts';

/** Values for what does not take any number. */
const values: Record<string, string> = {
  '--client-secret-fd': '900',
  '--ownership-key-fd': '901',
  '--private-key-to-fd': '902',
  '--token-key-fd': '903',
  '--parent-token-fd': '904',
  '--in': '2h',
  '--stop-after': '10m',
  '--idle-for': '7d',
};

test.each(commands)('$path takes what it declares and nothing else', async ({ path, words, executable, options }) => {
  const taken = options.map(({ long }) => long);
  const needed = options.filter(({ mandatory }) => mandatory).map((option) => typed(option, 'x'));
  for (const option of everyOption.filter(({ long }) => !taken.includes(long))) {
    const word = typed(option, option.argChoices?.[0] ?? values[option.long ?? ''] ?? '4000');
    for (const argv of [
      [...words, ...needed, 'x', word],
      [word, ...words, ...needed, 'x'],
    ]) {
      let touched = false;
      const { exit, stdout, stderr, visited } = await runCommand(executable, argv, {
        environment: {},
        get directories(): never {
          touched = true;
          throw new Error('a folder is looked for');
        },
      });
      expect([argv, exit, stdout, visited, touched]).toEqual([argv, 2, '', [], false]);
      expect(stderr).toMatch(new RegExp(`unknown option '${option.long}(=.*)?' of ${path.split(' ')[0]}`));
    }
  }
});

test('which command takes which option is as it was reviewed', async () => {
  const lines = commands.map(({ path, options }) => `${path}: ${options.map(({ long }) => long).join(' ')}`);
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../golden/options.txt');
});

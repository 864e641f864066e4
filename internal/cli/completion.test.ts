import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { expect, test } from 'vitest';
import { skipped } from '../../test/support/skip.ts';
import { baseCommand } from './command.ts';
import { addCompletion } from './completion.ts';
import { completionScript } from './completion-script.ts';
import type { Shell } from './shells.ts';
import { shells } from './shells.ts';

function program(): Command {
  const whole = baseCommand('try-me', "a program's test");
  whole.addOption(new Option('--colour <name>', 'which: one').choices(['red', 'green']));
  whole.command('list').description("what's there").option('--all', 'everything').argument('[what]');
  whole.command('hidden', { hidden: true });
  addCompletion(whole, () => async () => {});
  return whole;
}

/** How each shell checks a script file without running it. */
const checks: Record<Shell, string[]> = {
  bash: ['bash', '-n'],
  zsh: ['zsh', '-n'],
  fish: ['fish', '--no-execute'],
  pwsh: ['pwsh', '-NoProfile', '-Command', '$null = [scriptblock]::Create((Get-Content -Raw $args[0]))'],
};

for (const shell of shells) {
  const [executable = '', ...words] = checks[shell];
  const absent = spawnSync(executable, ['--version']).error !== undefined;
  // PowerShell is in no Debian package.
  const missing = absent && { reason: `${shell} is not installed`, installable: shell !== 'pwsh' };
  test.skipIf(skipped(missing))(`${shell} reads its script`, () => {
    const file = join(mkdtempSync(join(tmpdir(), 'completion-')), 'script');
    writeFileSync(file, completionScript(program(), shell));
    const run = spawnSync(executable, [...words, file], { encoding: 'utf8' });
    expect([run.status, run.stderr]).toEqual([0, '']);
  });
}

/** What bash offers when tab is pressed after these words. */
function offered(...words: string[]): string[] {
  const typed = ['try-me', ...words].map((word) => `'${word}'`).join(' ');
  const press = `COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _try_me; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const run = spawnSync('bash', ['-c', `${completionScript(program(), 'bash')}\n${press}`], { encoding: 'utf8' });
  expect(run.stderr).toBe('');
  return run.stdout.split('\n').filter((word) => word !== '');
}

test.skipIf(
  spawnSync('bash', ['--version']).error !== undefined &&
    skipped({ reason: 'bash is not installed', installable: true }),
)('bash completes', () => {
  expect(offered('l')).toEqual(['list']);
  expect(offered('--co')).toEqual(['--colour', '--config']);
  expect(offered('--colour', '')).toEqual(['red', 'green']);
  expect(offered('--colour', 'g')).toEqual(['green']);
  expect(offered('list', '--a')).toEqual(['--all']);
  expect(offered('list', '--js')).toEqual(['--json']);
  expect(offered('--a')).toEqual([]);
  expect(offered('completion', '')).toEqual(expect.arrayContaining([...shells]));
  expect(offered('completion', 'z')).toEqual(['zsh']);
  expect(offered('--config', 'package.j')).toEqual(['package.json']);
  expect(offered('h')).toEqual([]);
});

test('every script names every command, option and choice that is not hidden', () => {
  for (const shell of shells) {
    const script = completionScript(program(), shell);
    for (const word of ['list', 'completion', 'all', 'colour', 'green', 'json', 'fish']) expect(script).toContain(word);
    expect(script).not.toContain('hidden');
  }
});

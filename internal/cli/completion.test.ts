import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import { afterAll, describe, expect, test } from 'vitest';
import { commands } from '../../test/support/command-table.ts';
import { skipped } from '../../test/support/skip.ts';
import { baseCommand, kindNamed, naming, pathOf, withSubcommands } from './command.ts';
import { addCompletion } from './completion.ts';
import { completionScript } from './completion-script.ts';
import type { Shell } from './shells.ts';
import { shells } from './shells.ts';

function program(): Command {
  const whole = baseCommand('try-me', "a program's test");
  whole.addOption(new Option('--colour <name>', 'which: one').choices(['red', 'green']));
  whole.command('list').description("what's there").option('--all', 'everything').argument('[what]');
  const check = whole.command('check').description('try it').option('--config <folder>', 'where');
  check
    .addArgument(naming('services', new Argument('[service]', 'one')))
    .addOption(naming('agents', new Option('--agent <name>', 'who')));
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

/** A folder with an executable of that name, which knows two services and an agent and writes down what it was asked. */
const folder = mkdtempSync(join(tmpdir(), 'completion-'));
afterAll(() => rmSync(folder, { recursive: true }));
const asked = join(folder, 'asked');
writeFileSync(
  join(folder, 'try-me'),
  `#!/bin/sh\necho "$*" >> '${asked}'\necho 'try-me: error: not to be seen' >&2\ncase "$4" in services) echo notion; echo slack ;; agents) echo support ;; esac\n`,
  { mode: 0o755 },
);

/** Each shell's own way to press tab where nobody types: what it offers then, one word for each line. */
const presses: Partial<Record<Shell, (words: readonly string[]) => string[]>> = {
  bash: (words) => {
    const typed = ['try-me', ...words].map((word) => `'${word}'`).join(' ');
    const press = `COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _try_me; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return ['--norc', '-c', `${completionScript(program(), 'bash')}\n${press}`];
  },
  zsh: (words) => {
    // What the completion system would be given. It needs a terminal; the word that is typed stays to be compared.
    const stubs = `compdef() {}; _files() {}; compadd() { shift; print -rl -- "$@" }; _describe() { print -rl -- "\${(@P)2}" }`;
    const typed = ['try-me', ...words].map((word) => `'${word}'`).join(' ');
    const press = `words=(${typed}); CURRENT=${words.length + 1}; _try_me`;
    return ['-f', '-c', `${stubs}\n${completionScript(program(), 'zsh')}\n${press}`];
  },
  fish: (words) => {
    const line = ['try-me', ...words].join(' ');
    return ['--no-config', '-c', `${completionScript(program(), 'fish')}\ncomplete -C '${line}'`];
  },
};

function offered(shell: Shell, ...words: string[]): string[] {
  const run = spawnSync(shell, presses[shell]?.(words) ?? [], {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH: `${folder}:/usr/bin:/bin`, HOME: '/home/me' },
    timeout: 30_000,
  });
  expect(run.stderr).toBe('');
  const lines = run.stdout.split('\n').map((line) => line.split('\t')[0] ?? '');
  return lines
    .filter((line) => line !== '' && (shell !== 'zsh' || line.startsWith(words.at(-1) ?? '')))
    .map((line) => (shell === 'zsh' ? line.replace(/:.*$/, '') : line));
}

/** What the executable was asked for at one tab. */
function askedAt(shell: Shell, ...words: string[]): string[] {
  rmSync(asked, { force: true });
  offered(shell, ...words);
  try {
    return readFileSync(asked, 'utf8').trimEnd().split('\n');
  } catch {
    return [];
  }
}

describe.each(Object.keys(presses) as Shell[])('%s', (shell) => {
  const absent = spawnSync(shell, ['--version']).error !== undefined;
  const skip = absent && skipped({ reason: `${shell} is not installed`, installable: true });

  test.skipIf(skip)('completes commands, options and choices', () => {
    expect(offered(shell, 'l')).toEqual(['list']);
    expect(offered(shell, '--co').sort()).toEqual(['--colour', '--config']);
    expect(
      offered(shell, '--colour', '')
        .filter((word) => !word.startsWith('-'))
        .sort(),
    ).toEqual(['green', 'red']);
    expect(offered(shell, '--colour', 'g')).toContain('green');
    expect(offered(shell, 'list', '--a')).toEqual(['--all']);
    expect(offered(shell, 'list', '--js')).toEqual(['--json', '--json-events']);
    expect(offered(shell, 'completion', '')).toEqual(expect.arrayContaining([...shells]));
    expect(offered(shell, 'completion', 'z')).toEqual(['zsh']);
  });

  test.skipIf(skip)('completes the names that the executable knows, and shows nothing of its errors', () => {
    expect(offered(shell, 'check', 'n')).toEqual(['notion']);
    expect(offered(shell, 'check', '')).toEqual(expect.arrayContaining(['notion', 'slack']));
    expect(offered(shell, 'check', '--agent', '')).toContain('support');
    expect(offered(shell, 'check', '--agent', 'sup')).toEqual(['support']);
    expect(offered(shell, 'list', 'n')).not.toContain('notion');
  });

  test.skipIf(skip)('asks the executable for names only, and of the configuration that was typed', () => {
    expect(askedAt(shell, 'check', 's')).toEqual([`completion ${shell} --names services`]);
    expect(askedAt(shell, 'check', '--agent', '')).toEqual([`completion ${shell} --names agents`]);
    expect(askedAt(shell, 'check', '--config', 'a/b', 's')).toEqual([
      `completion ${shell} --names services --config a/b`,
    ]);
    expect(askedAt(shell, 'check', '--config', '~/b', 's')).toEqual([
      `completion ${shell} --names services --config /home/me/b`,
    ]);
    const spelled = shell === 'bash' ? ['--config', '=', 'a'] : ['--config=a'];
    expect(askedAt(shell, 'check', ...spelled, 's')).toEqual([`completion ${shell} --names services --config a`]);
    for (const words of [['l'], ['check', '--a'], ['list', '']]) expect(askedAt(shell, ...words)).toEqual([]);
  });

  test.skipIf(skip)('offers the commands where no executable answers', () => {
    const path = `${folder}/none:/usr/bin:/bin`;
    const run = spawnSync(shell, presses[shell]?.(['check', '--a']) ?? [], { encoding: 'utf8', env: { PATH: path } });
    expect([run.stderr, run.stdout]).toEqual(['', expect.stringContaining('--agent')]);
    const names = spawnSync(shell, presses[shell]?.(['check', 'n']) ?? [], { encoding: 'utf8', env: { PATH: path } });
    expect(names.stderr).toBe('');
  });
});

test.skipIf(
  spawnSync('bash', ['--version']).error !== undefined &&
    skipped({ reason: 'bash is not installed', installable: true }),
)('bash completes files and nothing that is hidden', () => {
  expect(offered('bash', '--a')).toEqual([]);
  expect(offered('bash', '--config', 'try-')).toEqual(['try-me']);
  expect(offered('bash', 'h')).toEqual([]);
});

test('every argument and option that a name is given for is declared to be one', async () => {
  /** Names of what is somewhere else, or not there yet. */
  const others = ['setup-session init --service <names>', 'setup-session agents adopt <agent id>'];
  const undeclared: string[] = [];
  for (const { path, executable } of commands) {
    const whole = await executable.build(() => async () => {});
    const command = withSubcommands(whole).find((each) => pathOf(each) === path);
    for (const argument of command?.registeredArguments ?? []) {
      const said = `${path} ${argument.required ? '<' : '['}${argument.name()}${argument.required ? '>' : ']'}`;
      if (/service|agent|skill/.test(argument.name()) && kindNamed(argument) === undefined) undeclared.push(said);
    }
    for (const option of command?.options ?? []) {
      const named = /--(service|agent|skill|without|only|environment)\b(?!-)/.test(option.flags);
      if (named && kindNamed(option) === undefined) undeclared.push(`${path} ${option.flags}`);
    }
  }
  expect(undeclared.sort()).toEqual(others.sort());
});

test('every script names every command, option and choice that is not hidden', () => {
  for (const shell of shells) {
    const script = completionScript(program(), shell);
    for (const word of ['list', 'completion', 'all', 'colour', 'green', 'json', 'fish']) expect(script).toContain(word);
    expect(script).not.toContain('hidden');
  }
});

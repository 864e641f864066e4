import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { commandsIn } from '../../test/support/actions-runner.ts';
import { runCommand } from '../../test/support/command.ts';
import { fakeTerminal } from '../../test/support/terminal.ts';
import { AppError } from '../errors/app-error.ts';
import { type ErrorCode, exitCodeOf } from '../errors/exit-codes.ts';
import { baseCommand } from './command.ts';
import type { CommandContext, CommandResult, Executable } from './program.ts';

/** An executable with one command that does what the test says. */
function executable(act: (context: CommandContext, ...words: unknown[]) => Promise<CommandResult>): Executable {
  return {
    name: 'tool',
    async build(run) {
      const program = baseCommand('tool', 'does what the test says')
        .option('--dry-run', 'change nothing')
        .action(run(act));
      program.command('sub').argument('[word]').action(run(act));
      return program;
    },
  };
}

const failing = (error: unknown) => executable(() => Promise.reject(error));
const run = (tool: Executable, ...argv: string[]) => runCommand(tool, argv, { environment: {} });

describe('an error', () => {
  test.each(Object.entries(exitCodeOf) as [ErrorCode, number][])('%s ends with %i [P10]', async (code, exit) => {
    expect(await run(failing(new AppError(code, 'no')))).toMatchObject({ exit, stdout: '' });
  });

  test('is printed once, with its code, its further lines and its hint [P10]', async () => {
    const error = new AppError('drift', 'two things differ:\nthis\nthat', { hint: 'look at them' });
    const { stderr, stdout } = await run(failing(error));
    expect(stdout).toBe('');
    expect(stderr).toBe(
      ['error: two things differ: [drift]', '  this', '  that', 'hint: look at them']
        .map((line) => `tool: ${line}\n`)
        .join(''),
    );
  });

  test('cannot be forged by a name inside it [P9]', async () => {
    const error = new AppError('drift', 'Ada\r\u001b[2J\u202e', { hint: 'a\nb' });
    expect((await run(failing(error))).stderr).toBe(
      'tool: error: Ada\\u{d}\\u{1b}[2J\\u{202e} [drift]\ntool: hint: a\\u{a}b\n',
    );
  });

  test('with --debug says where it was made and where its cause was, never what the cause said', async () => {
    const error = new AppError('drift', 'no', { cause: new TypeError('access_token=sesame') });
    const { stderr } = await run(failing(error), '--debug');
    expect(stderr).toMatch(/^tool: debug: AppError$/m);
    expect(stderr).toMatch(/^tool: debug: TypeError$/m);
    expect(stderr).toMatch(/^tool: debug: at .*program\.test\.ts/m);
    expect(stderr).not.toContain('sesame');
    expect((await run(failing(error))).stderr).not.toContain('debug:');
  });

  test.each([new TypeError('access_token=sesame'), 'sesame', undefined])(
    'that nobody foresaw (%s) is a bug and says nothing of itself',
    async (error) => {
      const { exit, stderr, stdout } = await run(failing(error));
      expect([exit, stdout]).toEqual([70, '']);
      expect(stderr).toBe(
        'tool: error: this is a bug in the tool [bug]\ntool: hint: run again with --debug and report the stack\n',
      );
    },
  );

  test('for a group of commands without one of them names those it has', async () => {
    expect(await runCommand(setupSession, ['agents'], { environment: {} })).toMatchObject({
      exit: 2,
      stdout: '',
      stderr: expect.stringContaining('which of its commands? agents has plan, apply, '),
    });
  });

  test('of any kind after an interruption is the interruption', async () => {
    const interrupted = { environment: {}, signal: AbortSignal.abort() };
    expect(await runCommand(failing(new Error('socket hang up')), [], interrupted)).toMatchObject({
      exit: 130,
      stdout: '',
    });
  });
});

describe('a result', () => {
  const answering = (result: CommandResult) => executable(async () => result);

  test('goes to stdout as text, or as one line of JSON', async () => {
    const tool = answering({ text: 'done', json: { done: true } });
    expect(await run(tool)).toMatchObject({ exit: 0, stdout: 'done\n', stderr: '' });
    expect(await run(tool, '--json')).toMatchObject({ exit: 0, stdout: '{"done":true}\n', stderr: '' });
    expect(await run(tool, 'sub', '--json')).toMatchObject({ stdout: '{"done":true}\n' });
    expect(await run(tool, '--json', 'sub')).toMatchObject({ stdout: '{"done":true}\n' });
  });

  test('gives the runner of GitHub Actions no command, and is left alone elsewhere [P9]', async () => {
    const text = 'a\n ::set-output name=x::y\n##[error]z';
    const tool = answering({ text, json: { text } });
    expect((await run(tool)).stdout).toBe(`${text}\n`);
    const outcome = await runCommand(tool, [], { environment: { GITHUB_ACTIONS: 'true' } });
    expect(outcome.stdout).toBe('a\n \\u{3a}:set-output name=x::y\n#\\u{23}[error]z\n');
    const json = await runCommand(tool, ['--json'], { environment: { GITHUB_ACTIONS: 'true' } });
    expect([commandsIn(json.stdout), JSON.parse(json.stdout)]).toEqual([[], { text }]);
  });

  test('that streams gives it none either, in no two pieces, and all of it is there, also before a failure [P9]', async () => {
    const pieces = ['a\n:', ':set-output name=x::y\n#', '#[error]z\n', 'end'];
    for (const fail of [false, true]) {
      const tool = executable(async ({ ports: { stream } }) => {
        pieces.forEach(stream);
        if (fail) throw new AppError('drift', 'no');
        return { text: '', json: {} };
      });
      const { stdout } = await runCommand(tool, [], { environment: { GITHUB_ACTIONS: 'true' } });
      expect(stdout).toBe('a\n\\u{3a}:set-output name=x::y\n#\\u{23}[error]z\nend');
      expect((await run(tool)).stdout).toBe(pieces.join(''));
    }
  });

  test('that streams ends its line on a terminal before something else is said there, and stays itself', async () => {
    const tool = executable(async ({ ports: { stream, tell } }) => {
      stream('an answer');
      tell.warn('a word');
      tell.warn('another');
      stream('that goes on\n');
      tell.warn('the last');
      stream('cut off');
      throw new AppError('drift', 'no');
    });
    const terminal = fakeTerminal();
    const told = (...ends: string[]) =>
      ends.map((end, at) => `${end}tool: ${['a word', 'another', 'the last', 'error: no [drift]'][at]}\n`).join('');
    const seen = await runCommand(tool, [], { environment: {}, terminal, columns: 80 });
    expect(seen.stderr).toContain(told('\n', '', '', '\n'));
    const [quiet, piped] = [
      await runCommand(tool, ['--quiet'], { environment: {}, terminal, columns: 80 }),
      await runCommand(tool, [], { environment: {}, terminal }),
    ];
    expect(quiet.stderr).toContain(told('\n', '', '', '\n'));
    expect(piped.stderr).toContain(told('', '', '', ''));
    for (const { stdout } of [seen, quiet, piped]) expect(stdout).toBe('an answerthat goes on\ncut off');
  });

  test('that streams takes a line that changes off the terminal first, and leaves it alone where it goes elsewhere', async () => {
    const tool = executable(async ({ ports: { stream, tell } }) => {
      const waiting = tell.wait('waiting');
      stream('a piece\n');
      waiting.done();
      stream('another\n');
      return { text: '', json: {} };
    });
    const cleared = async (columns: number | undefined) => {
      const width = columns === undefined ? {} : { columns };
      const terminal = fakeTerminal();
      const before: number[] = [];
      const hearResult = () => void before.push(terminal.cleared);
      await runCommand(tool, [], { environment: {}, terminal, hearResult, ...width });
      return before;
    };
    expect([await cleared(80), await cleared(undefined)]).toEqual([
      [1, 1],
      [0, 1],
    ]);
  });

  test('has tables as wide as the terminal, and as they are in a pipe', async () => {
    const rows = [['notion', 'the service does not take the token any more']];
    const tool = answering({ text: ['before', { heading: ['service', 'why'], rows }, 'after'], json: rows });
    const narrow = await runCommand(tool, [], { environment: {}, columns: 36 });
    expect(narrow.stdout).toBe(
      'before\nservice  why\nnotion   the service does not take\n         the token any more\nafter\n',
    );
    const [, , row] = (await run(tool)).stdout.split('\n');
    expect(row).toBe('notion   the service does not take the token any more');
    const json = await runCommand(tool, ['--json'], { environment: {}, columns: 36 });
    expect(JSON.parse(json.stdout)).toEqual(rows);
  });

  test('has columns that begin in one place, whatever is written in them', async () => {
    const rows = [
      ['山田', 'x'],
      ['Zoë', 'y'],
    ];
    expect((await run(answering({ text: [{ heading: ['n', 'v'], rows }], json: rows }))).stdout).toBe(
      'n     v\n山田  x\nZoë   y\n',
    );
  });

  test('may say that changes are pending', async () => {
    expect((await run(answering({ text: '', json: 1, exit: 7 }))).exit).toBe(7);
  });

  test('that streams is not mixed into JSON', async () => {
    const tool = executable(async ({ ports: { stream } }) => {
      stream('piece ');
      return { text: 'end', json: { end: true } };
    });
    expect((await run(tool)).stdout).toBe('piece end\n');
    expect((await run(tool, '--json')).stdout).toBe('{"end":true}\n');
  });
});

describe('a wrong command line', () => {
  test.each([
    [['--dry-rnu'], 'unknown option', 'did you mean --dry-run?'],
    [['--\u001b[2J'], 'unknown option', '--help lists what there is'],
    [['sub', 'one', 'two'], 'too many arguments', '--help'],
    [['--config'], 'argument missing', '--help'],
  ])('%j is answered with exit code 2 and advice', async (argv, said, hint) => {
    const { exit, stdout, stderr } = await run(failing(new Error('never run')), ...argv);
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(new RegExp(`^tool: error: .*${said}.* \\[usage\\]\ntool: hint: .*\n$`));
    expect(stderr).toContain(hint);
    expect(stderr).not.toContain('\u001b');
  });

  test.each([
    [setupSession, ['sned'], 'setup-session has no command "sned"', 'did you mean "send"?'],
    [setupSession, ['verfy', 'sesn_x', '--stop'], 'setup-session has no command "verfy"', 'did you mean "verify"?'],
    [setupSession, ['aply'], 'setup-session has no command "aply"', 'did you mean "agents apply"?'],
    [setupSession, ['agents', 'aply'], 'setup-session agents has no command "aply"', 'did you mean "apply"?'],
    [
      setupSession,
      ['agents', 'help'],
      'setup-session agents has no command "help"',
      'setup-session agents --help lists',
    ],
    [setupSession, ['xxxxxxxx'], 'setup-session has no command "xxxxxxxx"', 'setup-session --help lists what there is'],
    [serviceConnection, ['offbord', 'ada'], 'service-connection has no command "offbord"', 'did you mean "offboard"?'],
    [
      serviceConnection,
      ['vault', 'repiar'],
      'service-connection vault has no command "repiar"',
      'did you mean "repair"?',
    ],
    [serviceConnection, ['notion', 'slack'], 'too many arguments', 'service-connection --help lists what there is'],
    [skillSync, ['scna'], 'there is no folder "scna", and no command of that name', 'did you mean "scan"?'],
    [
      skillSync,
      ['aply', 'plan.json'],
      'there is no folder "aply", and no command of that name',
      'did you mean "apply"?',
    ],
  ] as const)('of %o: %j has the command that may have been meant [P10]', async ({ name, build }, argv, said, hint) => {
    const { exit, stdout, stderr } = await run({ name, build }, ...argv);
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^[\w-]+: error: .* \[usage\]\n[\w-]+: hint: .*\n$/);
    expect(stderr).toContain(said);
    expect(stderr).toContain(`hint: ${hint}`);
  });

  test.each([
    [serviceConnection, ['--read-only']],
    [serviceConnection, ['notion', '--client-secret-fd', '2']],
    [serviceConnection, ['notion', '--timeout', '0']],
    [serviceConnection, ['notion', '--timeout', 'soon']],
    [serviceConnection, ['notion', '--timeout', '1e9']],
    [setupSession, []],
    [setupSession, ['--agent']],
    [setupSession, ['completion', 'tcsh']],
  ] as const)('of %o: %j', async ({ name, build }, argv) => {
    const { exit, stdout, stderr } = await run({ name, build }, ...argv);
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^[\w-]+: error: .* \[usage\]\n[\w-]+: hint: .*\n$/);
  });
});

describe.each([serviceConnection, setupSession])('$name', (tool) => {
  test('prints the version of the package', async () => {
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await run(tool, '--version')).toMatchObject({ exit: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('prints its help, examples included, and has no option that takes a secret or says who somebody is [b21] [P2]', async () => {
    const { exit, stdout, stderr } = await run(tool, '--help');
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Examples:');
    // What says where a secret is read from holds none, and an agent that acts for itself is nobody: who has it act is proven.
    expect(stdout.replaceAll(/--([\w-]+-(stdin|fd <n>)|as-agent)/g, '')).not.toMatch(
      /--\S*(token|secret|password|key|user|as|email|subject|principal)\b/,
    );
  });
});

/** No command hangs at a terminal: one without a width, one that changes, one that is gone. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { skipped } from '../support/skip.ts';

const noPython = spawnSync('python3', ['-c', 'import pty, fcntl, termios'], { stdio: 'ignore' }).status !== 0;
const script = fileURLToPath(new URL('../support/odd-terminal.py', import.meta.url));
const inCli = (name: string) =>
  JSON.stringify(fileURLToPath(new URL(`../../internal/cli/${name}.ts`, import.meta.url)));

/** A command whose spinner turns until its own time limit, or that asks something. */
const source = `
  import { baseCommand } from ${inCli('command')};
  import { runOnProcess } from ${inCli('process')};
  import { confirm } from ${inCli('confirm')};
  import { enteredLine } from ${inCli('entered-line')};
  await runOnProcess({ name: 'tool', async build(run) {
    const program = baseCommand('tool', 'waits');
    const acts = {
      async spin({ progress, signal }) {
        const waiting = progress.wait('waiting for something');
        await new Promise((resolve) => {
          const limit = setTimeout(resolve, 4000);
          signal.addEventListener('abort', () => { clearTimeout(limit); resolve(); });
        });
        waiting.done();
        signal.throwIfAborted();
        return { text: 'over', json: {} };
      },
      async confirm(context) { return { text: String(await confirm(context, 'sure?', 15_000)), json: {} }; },
      async hidden(context) {
        return { text: (await enteredLine(context, { what: 'a secret', command: 'tool', timeout: 15 })) && '', json: {} };
      },
    };
    for (const [name, act] of Object.entries(acts)) program.command(name).action(run((context) => act(context)));
    return program;
  } });
`;

interface Ended {
  exit: number;
  written: number;
  seconds: number;
  hung: boolean;
}

describe.skipIf(skipped(noPython && { reason: 'no python3 with pseudo terminals', installable: false }))(
  'a terminal',
  () => {
    let program = '';
    beforeAll(async () => {
      program = join(await mkdtemp(join(tmpdir(), 'odd-terminal-')), 'tool.mjs');
      await build({
        stdin: { contents: source, resolveDir: fileURLToPath(new URL('../..', import.meta.url)) },
        outfile: program,
        bundle: true,
        format: 'esm',
        platform: 'node',
        banner: { js: 'const require = process.getBuiltinModule;' },
      });
    });

    async function at(told: object, act: string, environment: Record<string, string> = {}): Promise<Ended> {
      const env = { PATH: '/usr/bin:/bin', TERM: 'xterm', HOME: tmpdir(), ...environment };
      const argv = [script, JSON.stringify(told), process.execPath, program, act];
      const { stdout } = await promisify(execFile)('python3', argv, { env });
      return JSON.parse(stdout) as Ended;
    }

    test.each([
      ['0 columns', { columns: 0 }, {}],
      ['one column', { columns: 1 }, {}],
      ['65,535 columns', { columns: 65_535 }, {}],
      ['escape codes that nobody knows', { columns: 80 }, { TERM: 'dumb' }],
      ['a width that changes to nothing, one and back', { columns: 80, widths: [0, 1, 0, 120] }, {}],
    ])(
      'with %s gets little, and the time limit of the command holds',
      { timeout: 30_000 },
      async (_case, told, environment) => {
        const { exit, hung, written } = await at(told, 'spin', environment);
        expect([exit, hung]).toEqual([0, false]);
        expect(written).toBeLessThan(50_000);
      },
    );

    test.each([0, 1, 80])('of %i columns: Ctrl-C ends the command', { timeout: 30_000 }, async (columns) => {
      const widths = columns === 80 ? [0] : [];
      const { exit, seconds } = await at({ columns, widths, type: '\u0003' }, 'spin');
      expect([exit, seconds < 4]).toEqual([130, true]);
    });

    test.each(['spin', 'confirm', 'hidden'])('that is gone ends the command: %s', { timeout: 30_000 }, async (act) => {
      const { exit, hung, seconds } = await at({ columns: 80, hangUp: true }, act);
      // As by the signal that says so, and not with a core file.
      expect([hung, seconds < 10, exit]).toEqual([false, true, -1]);
    });

    test.each(['confirm', 'hidden'])(
      'says with Ctrl-D that nothing will come: %s',
      { timeout: 30_000 },
      async (act) => {
        const { hung, seconds } = await at({ columns: 0, type: '\u0004' }, act);
        expect([hung, seconds < 10]).toEqual([false, true]);
      },
    );
  },
);

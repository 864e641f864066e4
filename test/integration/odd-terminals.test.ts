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
  await runOnProcess({ name: 'tool', async build(run) {
    const program = baseCommand('tool', 'waits');
    const acts = {
      async spin({ ports: { tell, signal } }) {
        const waiting = tell.wait('waiting for something');
        let done = 0;
        const counting = setInterval(() => waiting.at(done += 1, 1000), 5);
        await new Promise((resolve) => {
          const limit = setTimeout(resolve, Number(process.env.SPIN_MS ?? 1500));
          signal.addEventListener('abort', () => { clearTimeout(limit); resolve(); });
        });
        clearInterval(counting);
        waiting.done();
        signal.throwIfAborted();
        return { text: 'over', json: {} };
      },
      async confirm({ ports }) { return { text: String(await ports.ask.yes('sure?', 300_000)), json: {} }; },
      async hidden({ ports }) {
        return { text: (await ports.entered({ what: 'a secret', command: 'tool' })) && '', json: {} };
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
  { concurrent: true },
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

    /** No terminal at all: pipes. */
    async function atNone(act: string): Promise<Ended> {
      const started = Date.now();
      const { stderr } = await promisify(execFile)(process.execPath, [program, act], {
        env: { PATH: '/usr/bin:/bin' },
      });
      return { exit: 0, written: stderr.length, seconds: (Date.now() - started) / 1000, hung: false };
    }

    /** How many bytes a row may have: one line where nothing is animated, a few frames a second where it is. */
    const [line, frames] = [200, 20_000];
    test.each<[string, number, () => Promise<Ended>]>([
      ['0 columns', line, () => at({ columns: 0 }, 'spin')],
      ['1 column', line, () => at({ columns: 1 }, 'spin')],
      ['19 columns', line, () => at({ columns: 19 }, 'spin')],
      ['20 columns', frames, () => at({ columns: 20 }, 'spin')],
      ['80 columns', frames, () => at({ columns: 80 }, 'spin')],
      ['10,000 columns', frames, () => at({ columns: 10_000 }, 'spin')],
      ['65,535 columns', frames, () => at({ columns: 65_535 }, 'spin')],
      ['TERM=dumb', line, () => at({ columns: 80 }, 'spin', { TERM: 'dumb' })],
      ['no TERM', line, () => at({ columns: 80 }, 'spin', { TERM: '' })],
      ['changing columns', frames, () => at({ columns: 80, after: 0.2, widths: [0, 1, 0, 120] }, 'spin')],
      ['no terminal', line, () => atNone('spin')],
    ])(
      'with %s: progress is told in a few bytes, and the time limit of the command holds',
      { timeout: 90_000 },
      async (name, most, run) => {
        const { exit, hung, written, seconds } = await run();
        process.stderr.write(
          `progress at a terminal with ${name}: ends in ${seconds.toFixed(1)} s, ${written} bytes\n`,
        );
        expect([exit, hung]).toEqual([0, false]);
        expect(written).toBeLessThan(most);
      },
    );

    // Each would go on for longer than anybody waits here: what ends it is what is done to the terminal.
    const long = { SPIN_MS: '300000' };
    test.each([0, 1, 80])('of %i columns: Ctrl-C ends the command', { timeout: 90_000 }, async (columns) => {
      const widths = columns === 80 ? [0] : [];
      const { exit, hung } = await at({ columns, widths, after: 0.1, type: '\u0003' }, 'spin', long);
      expect([exit, hung]).toEqual([130, false]);
    });

    test.each(['spin', 'confirm', 'hidden'])('that is gone ends the command: %s', { timeout: 90_000 }, async (act) => {
      const { exit, hung } = await at({ columns: 80, hangUp: true }, act, long);
      // As by the signal that says so, and not with a core file.
      expect([hung, exit]).toEqual([false, -1]);
    });

    test.each(['confirm', 'hidden'])('says with Ctrl-D that nothing will come: %s', { timeout: 90_000 }, async (act) =>
      expect(await at({ columns: 0, type: '\u0004' }, act)).toMatchObject({ hung: false }),
    );
  },
);

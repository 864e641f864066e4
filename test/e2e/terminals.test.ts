/** Each command with progress at each kind of terminal: it ends, and writes no more than that terminal can show. */
import { execFile, spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { inParallel } from '../../internal/async/in-parallel.ts';
import { type ExecutableName, searchPath } from '../demo/executables.ts';
import { type LoopbackListener, listenOnLoopback } from '../sandbox/listener.ts';
import { people } from '../sandbox/people.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { skipped } from '../support/skip.ts';
import { type BuiltCopy, copyOfBuild, root } from './build.ts';

const noPython = spawnSync('python3', ['-c', 'import pty, fcntl, termios'], { stdio: 'ignore' }).status !== 0;
const script = fileURLToPath(new URL('../support/odd-terminal.py', import.meta.url));

const browser = fileURLToPath(new URL('../sandbox/browser.mjs', import.meta.url));

/** What a run wrote to its terminal, and how it ended. */
interface Ended {
  exit: number;
  written: number;
  escapes: number;
  seconds: number;
  hung: boolean;
}

/** A line that changes is for terminals of 20 columns and more that say what they are. */
const terminals: readonly { name: string; told?: object; environment?: Record<string, string>; changes: boolean }[] = [
  { name: '0 columns', told: { columns: 0 }, changes: false },
  { name: '1 column', told: { columns: 1 }, changes: false },
  { name: '20 columns', told: { columns: 20 }, changes: true },
  { name: '80 columns', told: { columns: 80 }, changes: true },
  { name: '10,000 columns', told: { columns: 10_000 }, changes: true },
  { name: 'TERM=dumb', told: { columns: 80 }, environment: { TERM: 'dumb' }, changes: false },
  { name: 'no terminal', changes: false },
  { name: 'vanishing', told: { columns: 80, hangUp: true, after: 0 }, changes: true },
];

/** A few frames of each line that changes, and the result. */
const mostBytes = 40_000;

describe.skipIf(skipped(noPython && { reason: 'no python3 with pseudo terminals', installable: false }))(
  'at every terminal',
  () => {
    let built: BuiltCopy;
    let sandbox: Sandbox;
    let sink: LoopbackListener;
    let folder: string;
    let skills: string;
    const table: string[] = [];
    beforeAll(async () => {
      built = await copyOfBuild();
      sandbox = await startSandbox();
      folder = await mkdtemp(join(sandbox.folder, 'machine-'));
      const file = join(sandbox.configFolder, 'interface.yaml');
      const content = parse(await readFile(file, 'utf8'));
      content.people.operators = { principals: [people.grace.subject] };
      await writeFile(file, stringify(content));
      skills = join(folder, 'skills');
      await cp(join(root, 'skills'), skills, { recursive: true });
      sink = await listenOnLoopback();
      sink.serve((request, response) => void request.resume().on('end', () => response.writeHead(204).end()));
      // There is somebody to off-board then, and a record to export.
      const ada = { SANDBOX_PERSON: 'ada', MAI_HOME: join(folder, 'of-ada') };
      expect((await ended('service-connection', ['notion'], ada, undefined)).exit).toBe(0);
      expect((await ended('setup-session', ['agents', 'apply'], {}, undefined)).exit).toBe(0);
    }, 240_000);
    afterAll(async () => {
      process.stderr.write(`command × terminal: exit, seconds, bytes written\n${table.join('\n')}\n`);
      await sink?.close();
      await sandbox?.close();
      await built?.remove();
    });

    async function ended(
      name: ExecutableName,
      words: readonly string[],
      environment: Record<string, string>,
      told: object | undefined,
    ): Promise<Ended> {
      const argv = [...built.locate(name), ...words];
      const base = {
        PATH: searchPath,
        HOME: folder,
        TERM: 'xterm',
        NO_COLOR: '1',
        BROWSER: browser,
        SANDBOX_PERSON: 'grace',
      };
      const setting = { cwd: folder, env: { ...sandbox.environment, ...base, ...environment } };
      if (told !== undefined) {
        const { stdout } = await promisify(execFile)('python3', [script, JSON.stringify(told), ...argv], setting);
        return JSON.parse(stdout) as Ended;
      }
      const [program = '', ...rest] = argv;
      const began = Date.now();
      const { stdout, stderr } = await promisify(execFile)(program, rest, setting);
      const all = stdout + stderr;
      const escapes = all.split('\u001b').length - 1;
      return { exit: 0, written: all.length, escapes, seconds: (Date.now() - began) / 1000, hung: false };
    }

    test.each<[string, ExecutableName, (terminal: string) => string[]]>([
      ['scan', 'skill-sync', () => ['scan', skills]],
      ['push', 'skill-sync', () => [skills, '--dry-run']],
      ['refresh', 'setup-session', () => ['tools', 'refresh', '--dry-run']],
      ['off-board', 'service-connection', () => ['offboard', people.ada.subject, '--dry-run']],
      // Each to a place of its own, since a sink gets everything once.
      ['export', 'setup-session', (at) => ['audit', 'export', '--to', `${sink.origin}/${encodeURIComponent(at)}`]],
      ['reconcile', 'setup-session', () => ['audit', 'reconcile']],
    ])('%s ends, and floods none', { timeout: 180_000 }, async (what, name, words) => {
      const seen = await inParallel(terminals, 2, async ({ name: at, told, environment = {}, changes }) => ({
        at,
        changes,
        ...(await ended(name, words(at), environment, told)),
      }));
      const plain = seen.find(({ at }) => at === 'no terminal')?.exit ?? 0;
      for (const { at, exit, hung, written, escapes, seconds, changes } of seen) {
        table.push(`${what.padEnd(10)} ${at.padEnd(15)} ${exit} ${seconds.toFixed(1)} s ${written} bytes`);
        // Whose terminal is gone ends by the signal that says so, or was over before.
        expect(at === 'vanishing' ? [-1, plain] : [plain], at).toContain(exit);
        expect([at, hung, written < mostBytes]).toEqual([at, false, true]);
        if (!changes) expect([at, escapes]).toEqual([at, 0]);
        else if (at !== 'vanishing') expect([at, escapes > 0]).toEqual([at, true]);
      }
    });
  },
);

/** Where nobody sits, no command of `service-connection` waits for somebody: each ends at once, with what to run where. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();
beforeEach(async () => {
  await world.configure('services/notion.yaml', ({ authorization }) => {
    authorization.static = true;
  });
  await world.configure('interface.yaml', (file) => ({ ...file, unlisted_services: 'confirm' }));
});

const stranger = 'https://mcp.example.com/mcp';

/** Every way to run it that needs a person, and the words of the command that the hint names. */
const commands: [string[], string][] = [
  [['notion'], 'service-connection notion'],
  [['notion', '--no-browser', '--timeout', '1'], 'timed_out'],
  [['notion', '--paste'], 'service-connection notion --paste'],
  [['notion', '--device'], 'service-connection notion --device'],
  [['notion', '--read-only'], ''],
  [['notion', '--new-client'], 'service-connection notion'],
  [['notion', '--add-scope', 'default'], 'service-connection notion'],
  [['notion', '--accept-account', 'somebody'], 'service-connection notion'],
  [['notion', '--callback-port', '41999'], 'service-connection notion'],
  [['notion', '--json-events'], 'service-connection notion'],
  [['list'], 'service-connection list'],
  [['check'], 'service-connection check'],
  [['check', 'notion'], 'service-connection check notion'],
  [['disconnect', 'notion'], 'service-connection disconnect notion'],
  [['doctor'], 'service-connection doctor'],
  [['vault', 'repair'], 'service-connection vault repair'],
  [['offboard', 'somebody'], 'service-connection offboard'],
  [['--url', stranger], 'service-connection --url'],
  [[], 'service-connection'],
];

/** What a run may be left with instead of a person. */
const inputs: [string, () => object][] = [
  ['a pipe that never says anything', () => ({ stdin: new PassThrough() })],
  ['stdin closed', () => ({ stdin: Readable.from([]) })],
  [
    'a pipe that never stops',
    () => ({
      stdin: new Readable({
        read() {
          this.push('y\n');
        },
      }),
    }),
  ],
  ['a terminal in CI', () => ({ terminal: fakeTerminal(), environment: { CI: '1' } })],
];

describe.each(inputs)('with %s', (_input, setting) => {
  test('no command waits for a person [connecting]', async () => {
    for (const [argv, words] of commands) {
      const begun = Date.now();
      const { exit, stderr } = await world.connect(argv, { person: undefined, ...setting() });
      // Without a browser wanted, the address was printed for a browser elsewhere, and its time is the one that was given.
      const expected = argv.includes('--no-browser') ? 1 : argv.includes('--read-only') ? 2 : 4;
      expect([argv, exit, stderr]).toEqual([argv, expected, expect.stringContaining(words)]);
      expect([argv, Date.now() - begun < 8_000]).toEqual([argv, true]);
    }
  }, 60_000);
});

describe('a process of its own', () => {
  let folder: string;
  let program: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unattended-'));
    program = join(folder, 'service-connection.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL('../../cmd/service-connection/main.ts', import.meta.url))],
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      banner: { js: 'const require = process.getBuiltinModule;' },
    });
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true }));

  /** Runs it with a stdin that a test feeds or leaves open. */
  async function run(argv: string[], feed: (stdin: NodeJS.WritableStream) => unknown) {
    const child = spawn(process.execPath, [program, ...argv], {
      env: { ...world.sandbox.environment, SSH_CONNECTION: '198.51.100.7 50000 192.0.2.10 22' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // It may be gone before everything was written.
    child.stdin.on('error', () => {});
    feed(child.stdin);
    const [stderr, [exit]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    return { exit: exit as number, stderr };
  }

  test.each([['notion'], ['list'], ['doctor'], ['notion', '--paste']])(
    'ends although its stdin stays open: %s %s',
    async (...argv) => {
      expect((await run(argv.filter(Boolean), () => {})).exit).toBe(4);
    },
    20_000,
  );

  test('reads an endless stdin no further than a token is long, and ends', async () => {
    const { exit, stderr } = await run(['notion', '--token-stdin'], (stdin) => {
      Readable.from(
        (function* () {
          for (;;) yield 'y'.repeat(4096);
        })(),
      ).pipe(stdin);
    });
    expect([exit, stderr]).toEqual([2, expect.stringContaining('longer than')]);
  }, 20_000);

  test('does not wait for a token longer than told, and ends although stdin stays open', async () => {
    const { exit, stderr } = await run(['notion', '--token-stdin', '--timeout', '0.3'], () => {});
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[timed_out]')]);
  }, 20_000);

  test('without a stdin says where to run it', async () => {
    const { exit } = await run(['notion', '--token-stdin'], (stdin) => stdin.end());
    expect(exit).toBe(4);
  }, 20_000);
});

/** Signing in where the browser is on another machine: the address it ends at is pasted, unseen, while the listener waits. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { beforeEach, describe, expect, test } from 'vitest';
import { freeLoopbackPort, listenOnLoopback } from '../sandbox/listener.ts';
import { visit } from '../sandbox/visit.mjs';
import type { CommandSetting } from '../support/command.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skipped } from '../support/skip.ts';
import { type FakeTerminal, fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

/** A machine that one reaches by SSH: no browser here is seen by anybody. */
const remote = { SSH_CONNECTION: '198.51.100.7 50000 192.0.2.10 22' };

/** An authorization request as the person at the other machine opens it. */
interface Asked {
  url: string;
  /** Where a browser begins that comes through a tunnel. */
  start: string;
  redirectUri: string;
  /** Signs in over there and says what the address bar shows in the end: nobody answers at that address. */
  addressBar(): Promise<string>;
}

/** Hears each address that is printed, and has `answer` act on it once `reads` says that its prompt reads. */
function atEachPrompt(
  answer: (asked: Asked, index: number) => Promise<unknown>,
  reads: (index: number) => Promise<void>,
) {
  let seen = 0;
  return (said: string) => {
    const urls = [...said.matchAll(/elsewhere, open: (\S+)\r?\n/g)].map(([, url = '']) => url);
    const starts = [...said.matchAll(/to [^\n]*, open: (\S+\/start\/\S+)\r?\n/g)].map(([, url = '']) => url);
    const prompts = said.match(/nothing is shown while you paste/g)?.length ?? 0;
    if (prompts <= seen || urls.length < prompts) return;
    const index = seen;
    const url = urls[index] ?? '';
    seen = prompts;
    const redirectUri = new URL(url).searchParams.get('redirect_uri') ?? '';
    const addressBar = async () => (await visit(url, { person: 'ada', unreachable: redirectUri })).url;
    void reads(index).then(() => answer({ url, start: starts[index] ?? '', redirectUri, addressBar }, index));
  };
}

/** Connects Notion from a remote machine, with a person who does as told at each prompt. */
async function connectRemotely(
  answer: (asked: Asked, index: number) => Promise<unknown>,
  { argv = ['notion'], terminal = fakeTerminal(), ...setting }: Partial<CommandSetting & { argv: string[] }> = {},
) {
  const outcome = await world.connect(argv, {
    person: undefined,
    environment: remote,
    ...setting,
    terminal,
    hear: atEachPrompt(answer, (index) => terminal.unseen(index + 1)),
  });
  return { ...outcome, terminal };
}

describe('a browser on another machine', () => {
  let terminal: FakeTerminal;
  beforeEach(() => {
    terminal = fakeTerminal();
  });
  const paste = async ({ addressBar }: Asked) => terminal.type(`${await addressBar()}\r`);

  test('brings what it ends at by paste: signed in, connected, and nothing pasted is shown [connecting]', async () => {
    const pasted: string[] = [];
    const { exit, stdout, stderr } = await connectRemotely(
      async ({ addressBar }) => {
        pasted.push(await addressBar());
        await terminal.type(`${pasted.at(-1)}\r`);
      },
      { terminal },
    );
    expect([exit, stdout]).toEqual([0, expect.stringContaining('is now in the vault of')]);
    expect([pasted.length, terminal.modes]).toEqual([2, [true, false, true, false]]);
    for (const address of pasted) {
      expect(stdout + stderr).not.toContain(new URL(address).searchParams.get('code'));
    }
    expect(stderr).toContain('do this only if you started it yourself');
    expect(await world.credentials()).toHaveLength(1);
  });

  test('is told how to come back by itself, with the port of this very sign-in', async () => {
    const ports: string[] = [];
    const { stderr } = await connectRemotely(
      async (asked) => {
        ports.push(new URL(asked.redirectUri).port);
        await paste(asked);
      },
      { terminal },
    );
    const hints = [...stderr.matchAll(/ssh -L (\d+):127\.0\.0\.1:(\d+) 192\.0\.2\.10/g)];
    expect(hints.map(([, here, there]) => [here, there])).toEqual(ports.map((port) => [port, port]));
  });

  test('whose address is of another sign-in is refused with the reason, and the right one then works [b17] [c14] [connecting]', async () => {
    let foreign = '';
    const { exit, stderr } = await connectRemotely(
      async ({ addressBar, redirectUri }, index) => {
        const address = await addressBar();
        if (index === 1) {
          foreign = address.replace(/state=[^&]+/, 'state=of-another-sign-in');
          await terminal.type(`${foreign}\r`);
          await terminal.type(`${new URL(address).searchParams.get('code')}\r`);
          await terminal.type(`${redirectUri}\r`);
        }
        await terminal.type(`${address}\r`);
      },
      { terminal },
    );
    expect([exit, foreign]).toEqual([0, expect.stringContaining('of-another-sign-in')]);
    expect(stderr.match(/belongs to another sign-in.*; paste it again/g)).toHaveLength(2);
    expect(stderr.match(/that is not where this sign-in ends.*; paste it again/g)).toHaveLength(1);
    expect(stderr).not.toContain('of-another-sign-in');
    expect(await world.credentials()).toHaveLength(1);
  });

  test('that comes back through a tunnel is first: the prompt ends and the terminal is as before', async () => {
    const { exit } = await connectRemotely(({ start }) => visit(start, { person: 'ada' }), { terminal });
    expect([exit, terminal.modes]).toEqual([0, [true, false, true, false]]);
    expect(terminal.stdin.isPaused()).toBe(true);
  });

  test('that never comes: Ctrl-C ends with 130 and the terminal as before [connecting]', async () => {
    const { exit, stderr } = await connectRemotely(() => terminal.type('half of an addr\u0003'), { terminal });
    expect([exit, terminal.modes, world.asked()]).toEqual([130, [true, false], []]);
    expect(stderr).not.toContain('half of an addr');
  });

  test('that never comes: SIGTERM ends with 130 and the terminal as before', async () => {
    const interruption = new AbortController();
    const { exit } = await connectRemotely(async () => interruption.abort(), {
      terminal,
      signal: interruption.signal,
    });
    expect([exit, terminal.modes]).toEqual([130, [true, false]]);
  });

  test('that never comes: the time ends, and the terminal is as before', async () => {
    const { exit, stderr } = await connectRemotely(async () => {}, { terminal, argv: ['notion', '--timeout', '0.3'] });
    expect([exit, terminal.modes]).toEqual([1, [true, false]]);
    expect(stderr).toContain('[timed_out]');
  });

  test('in which access was denied: nothing is connected, and the terminal is as before', async () => {
    const { exit } = await connectRemotely(
      async (asked, index) => {
        if (index === 0) return await paste(asked);
        const denied = await visit(asked.url, { person: 'ada', deny: true, unreachable: asked.redirectUri });
        return await terminal.type(`${denied.url}\r`);
      },
      { terminal },
    );
    expect([exit, terminal.modes, await world.credentials()]).toEqual([3, [true, false, true, false], []]);
  });
});

test('BROWSER=w3m over SSH is not started without a terminal: the prompt and the way through a tunnel come', async () => {
  const terminal = fakeTerminal();
  const opened: string[] = [];
  const { exit, stderr } = await connectRemotely(
    async ({ addressBar }) => await terminal.type(`${await addressBar()}\r`),
    {
      terminal,
      environment: { ...remote, BROWSER: 'w3m' },
      browse: async (address) => void opened.push(address),
    },
  );
  expect([exit, opened]).toEqual([0, []]);
  expect(stderr.match(/"w3m" needs a terminal for itself: /g)).toHaveLength(2);
  expect(stderr.match(/through: ssh -L \d+:/g)).toHaveLength(2);
});

describe('--paste', () => {
  test('asks although a browser was opened, and whichever comes first wins', async () => {
    const terminal = fakeTerminal();
    const { exit, visited } = await connectRemotely(async () => {}, {
      terminal,
      argv: ['notion', '--paste'],
      person: 'ada',
    });
    expect([exit, visited.length, terminal.modes]).toEqual([0, 2, [true, false, true, false]]);
  });

  test.each([
    ['where nobody sits', {}],
    ['in CI', { terminal: fakeTerminal(), environment: { CI: 'true' } }],
  ])('%s ends at once with the command to run [b17]', async (_case, setting) => {
    const { exit, stderr, visited } = await world.connect(['notion', '--paste'], setting);
    expect([exit, visited, world.asked()]).toEqual([4, [], []]);
    expect(stderr).toContain('service-connection notion --paste');
  });
});

test('nobody is asked for an address where a browser was opened, nor where nobody sits', async () => {
  const terminal = fakeTerminal();
  const seen = await world.connect(['notion'], { terminal, environment: remote });
  expect([seen.exit, terminal.modes]).toEqual([0, []]);
  const unattended = await world.connect(['notion'], { person: undefined, environment: remote });
  expect([unattended.exit, unattended.stderr]).toEqual([4, expect.not.stringContaining('paste')]);
});

describe('--callback-port', () => {
  const portOf = (url: string | undefined) => new URL(new URL(url ?? '').searchParams.get('redirect_uri') ?? '').port;

  test('is the port that the service sends the browser back to, and no other', async () => {
    const folder = await world.machine();
    await world.connect(['notion'], { folder });
    const port = String(await freeLoopbackPort());
    const { exit, visited } = await world.connect(['notion', '--callback-port', port], { folder });
    expect([exit, portOf(visited[1])]).toEqual([0, port]);
    expect(portOf(visited[0])).not.toBe(port);
    const again = await world.connect(['notion'], { folder });
    expect([again.exit, portOf(again.visited[1]), (await world.credentials()).length]).toEqual([0, port, 1]);
  });

  test('that is in use ends the command: no other is taken [b4] [c8]', async () => {
    const squatter = await listenOnLoopback();
    const port = new URL(squatter.origin).port;
    const { exit, stderr, visited } = await world.connect(['notion', '--callback-port', port]);
    await squatter.close();
    expect([exit, visited.length]).toEqual([1, 1]);
    expect(stderr).toMatch(new RegExp(`port ${port} .*\\[port_taken\\]`));
  });

  test.each(['0', '80', '65536', '1e4', 'any'])('%j is none', async (port) => {
    const { exit, stderr } = await world.connect(['notion', '--callback-port', port]);
    expect([exit, stderr]).toEqual([2, expect.stringContaining('between 1024 and 65535')]);
  });
});

const onPty = fileURLToPath(new URL('../support/on-terminal.py', import.meta.url));
const noPython = spawnSync('python3', ['-c', 'import pty, termios'], { stdio: 'ignore' }).status !== 0;

describe.skipIf(skipped(noPython && { reason: 'no python3 with pseudo terminals', installable: false }))(
  'a real terminal',
  () => {
    async function program() {
      const file = join(world.sandbox.folder, 'service-connection.mjs');
      await build({
        entryPoints: [fileURLToPath(new URL('../../cmd/service-connection/main.ts', import.meta.url))],
        outfile: file,
        bundle: true,
        format: 'esm',
        platform: 'node',
        banner: { js: 'const require = process.getBuiltinModule;' },
      });
      return file;
    }

    /** Runs the command on a pseudo terminal; `answer` says what is typed at each prompt. */
    async function onTerminal(answer: (asked: Asked) => Promise<string>) {
      const child = spawn('python3', [onPty, '--unseen', process.execPath, await program(), 'notion'], {
        // biome-ignore lint/style/noProcessEnv: the interpreter may need its PATH
        env: { ...world.sandbox.environment, ...remote, PATH: process.env['PATH'], NO_COLOR: '1' },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      let screen = '';
      // What is written for it waits over there, until the terminal shows nothing.
      const hear = atEachPrompt(
        async (asked) => child.stdin.write(await answer(asked)),
        async () => {},
      );
      child.stdout.setEncoding('utf8').on('data', (piece: string) => {
        screen += piece;
        hear(screen);
      });
      const [report] = await Promise.all([text(child.stderr), once(child, 'close')]);
      return { ...(JSON.parse(report) as { exit: number; echo: boolean; echoed: boolean }), screen };
    }

    test('shows nothing of what is pasted, and echoes again afterwards [connecting]', async () => {
      const pasted: string[] = [];
      const { screen, ...end } = await onTerminal(async ({ addressBar }) => {
        pasted.push(await addressBar());
        return `${pasted.at(-1)}\r`;
      });
      expect([end, pasted.length, screen]).toEqual([
        { exit: 0, echo: true, echoed: false },
        2,
        expect.stringContaining('is now in the vault of'),
      ]);
      for (const address of pasted) expect(screen).not.toContain(new URL(address).searchParams.get('code'));
    });

    test('echoes again after Ctrl-C, which ends with 130', async () => {
      const { screen, ...end } = await onTerminal(async () => 'half of an addr\u0003');
      expect([end, screen]).toEqual([
        { exit: 130, echo: true, echoed: false },
        expect.not.stringContaining('half of an addr'),
      ]);
    });
  },
);

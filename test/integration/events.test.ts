/** `--json-events`: with it every line on stderr is one JSON object of the table, and nothing in it is secret. */
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { type EventName, eventTable } from '../../internal/run/event-table.ts';
import { visit } from '../sandbox/visit.mjs';
import { type CommandOutcome, type CommandSetting, runCommand } from '../support/command.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skillText } from '../support/skill-project.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

type Told = Record<string, unknown> & { event: EventName };

/** The events of a run; fails where a line is none of the table, or has another field than the table says. */
function eventsOf({ stderr }: Pick<CommandOutcome, 'stderr'>): Told[] {
  return stderr
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const told = JSON.parse(line) as Told;
      const fields = Object.keys(told).filter((key) => key !== 'stack');
      expect(fields).toEqual(['event', ...eventTable[told.event].fields]);
      return told;
    });
}

async function run(argv: string[], setting: Partial<CommandSetting> = {}) {
  const outcome = await world.connect([...argv, '--json-events'], setting);
  return { ...outcome, events: eventsOf(outcome) };
}

const named = (events: readonly Told[], name: EventName) => events.filter(({ event }) => event === name);

describe('a connection', () => {
  test('is told from the address to open to the credential that was stored', async () => {
    const { exit, stdout, events, visited } = await run(['notion']);
    expect([exit, stdout]).toEqual([0, expect.stringContaining('is now in the vault of')]);
    expect(named(events, 'waiting')).toMatchObject(
      visited.map((url) => ({
        for: 'browser',
        // Where the browser begins, on this machine; it is sent on from there.
        url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/start\/[\w-]{22}$/),
        redirect_port: Number(new URL(new URL(url).searchParams.get('redirect_uri') ?? '').port),
        until: expect.stringMatching(/^\d{4}-.*Z$/),
      })),
    );
    const [credential] = await world.credentials();
    expect(named(events, 'stored')).toEqual([
      {
        event: 'stored',
        service: 'notion',
        account: 'ada@example.test',
        vault_id: credential?.vault_id,
        credential_id: credential?.id,
        change: 'created',
      },
    ]);
    expect(named(events, 'error')).toEqual([]);
  });

  test('with --json has its result on stdout and nothing else there', async () => {
    const { stdout, events } = await run(['notion', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ service: 'notion', change: 'created' });
    expect(named(events, 'stored')).toHaveLength(1);
  });

  test('with --quiet leaves out the notes, and nothing that somebody has to act on', async () => {
    const { events } = await run(['notion', '--quiet']);
    expect([named(events, 'note').length, named(events, 'waiting').length]).toEqual([0, 2]);
    expect(named(events, 'stored')).toHaveLength(1);
  });
});

describe('a run that fails', () => {
  const failing = async (argv: string[], setting?: Partial<CommandSetting>) => {
    const { exit, stdout, events } = await run(argv, setting);
    expect(stdout).toBe('');
    expect(events.at(-1)).toMatchObject({ event: 'error', exit });
    return { exit, before: events.at(-2)?.event, last: events.at(-1) };
  };

  test('because access was denied', async () => {
    expect(await failing(['notion'], { deny: true })).toMatchObject({
      exit: 3,
      before: 'denied',
      last: { code: 'access_denied', hint: expect.any(String) },
    });
  });

  test('because nobody is here', async () => {
    expect(await failing(['notion'], { person: undefined })).toMatchObject({
      exit: 4,
      before: 'blocked',
      last: { code: 'sign_in_needed', hint: expect.stringContaining('service-connection notion') },
    });
  });

  test('because the configuration does not allow it', async () => {
    expect(await failing(['notion', '--token-stdin'])).toMatchObject({ exit: 3, before: 'blocked' });
  });

  test('because the time was over', async () => {
    const browse = async () => undefined;
    expect(await failing(['notion', '--timeout', '0.3'], { browse })).toMatchObject({ exit: 1, before: 'expired' });
  });

  test('because it is another account', async () => {
    const browse = (url: string) => visit(url, { person: 'ada', account: 'grace' });
    expect(await failing(['notion'], { browse })).toMatchObject({ exit: 3, before: 'mismatch' });
  });

  test('because it is another person, or a configuration that nobody confirmed', async () => {
    const folder = await world.machine();
    await world.connect(['list'], { folder, person: 'ada' });
    const other = await run(['list'], { folder, browse: (url: string) => visit(url, { person: 'grace' }) });
    expect([other.exit, ...other.events.slice(-2).map(({ event }) => event)]).toEqual([3, 'mismatch', 'error']);

    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(dirname(world.sandbox.configFolder));
    const found = await run(['list'], { folder, environment: { MAI_CONFIG: '' } }).finally(() => cwd.mockRestore());
    expect([found.exit, ...found.events.slice(-2).map(({ event }) => event)]).toEqual([2, 'blocked', 'error']);
    expect(found.events.at(-1)).toMatchObject({ code: 'config_unconfirmed' });
  });

  test.each([
    ['the service is not known', ['nowhere'], 'unknown_service'],
    ['an option is not known', ['notion', '--yes'], 'usage'],
    ['the value of an option is none', ['notion', '--timeout', 'soon'], 'usage'],
  ])('because %s', async (_case, argv, code) => {
    expect(await failing(argv)).toMatchObject({ exit: 2, last: { code } });
  });

  test('with --debug has the stack in the same object', async () => {
    const { last } = await failing(['nowhere', '--debug']);
    expect(last?.['stack']).toEqual(expect.arrayContaining(['AppError']));
  });
});

test('every command that can fail does so in the same way', async () => {
  for (const argv of [['list'], ['check'], ['disconnect', 'notion'], ['doctor']]) {
    const { exit, events } = await run(argv, { person: undefined });
    expect([exit, events.at(-1)?.event, events.at(-2)?.event]).toEqual([4, 'error', 'blocked']);
  }
});

describe('the other executables', () => {
  const lastOf = (outcome: CommandOutcome) => eventsOf(outcome).at(-1);
  const sync = async (...argv: string[]) =>
    await runCommand(skillSync, argv, { environment: world.sandbox.environment, person: undefined });

  test('setup-session says its notes, its warnings and its error as events, the sign-in included', async () => {
    const refused = await world.setup(['--agent', 'support', '--json-events']);
    expect([refused.exit, refused.stdout, lastOf(refused)]).toEqual([
      4,
      '',
      expect.objectContaining({ event: 'error', code: 'connection_needed', exit: 4 }),
    ]);
    expect(named(eventsOf(refused), 'waiting')).toHaveLength(1);
    expect(lastOf(await world.setup(['agents', 'show', 'nowhere', '--json-events']))).toMatchObject({ exit: 2 });
    expect(lastOf(await world.setup(['agents', '--json-events']))).toMatchObject({ code: 'usage' });
  });

  test('skill-sync says its notes and its error as events', async () => {
    const folder = await mkdtemp(join(world.sandbox.folder, 'skills-'));
    await mkdir(join(folder, 'greet'));
    await writeFile(join(folder, 'greet', 'SKILL.md'), skillText('greet', 'Say hello.'));
    const pushed = await sync(folder, '--json-events');
    expect([pushed.exit, lastOf(pushed)?.event]).toEqual([0, 'note']);
    expect(lastOf(await sync(join(folder, 'nowhere'), '--json-events'))).toMatchObject({ event: 'error', exit: 2 });
  });
});

describe('with --json an error is one value, the last line on stderr', () => {
  const errorOf = ({ stdout, stderr }: CommandOutcome) => {
    expect(stdout).toBe('');
    return JSON.parse(stderr.split('\n').at(-2) ?? '') as Record<string, unknown>;
  };

  test('with code, message, hint and exit', async () => {
    expect(errorOf(await world.connect(['nowhere', '--json']))).toEqual({
      event: 'error',
      code: 'unknown_service',
      message: expect.stringContaining('nowhere'),
      hint: expect.any(String),
      exit: 2,
    });
  });

  test.each([
    ['an option that is not known', ['--yes', '--json'], 'usage'],
    ['an option that stands before the command', ['--json', 'agents', 'show', 'nowhere'], 'unknown_agent'],
    ['a command that has others below it', ['agents', '--json'], 'usage'],
  ])('also with %s', async (_case, argv, code) => {
    const { event, exit, ...error } = errorOf(await world.setup(argv));
    expect([event, exit, error['code']]).toEqual(['error', 2, code]);
  });

  test('after lines for people, and with no event of why', async () => {
    const failed = await world.connect(['notion', '--json'], { deny: true });
    expect(errorOf(failed)).toMatchObject({ code: 'access_denied', exit: 3 });
    expect(failed.stderr).toContain('service-connection: to sign in');
    expect(failed.stderr).not.toContain('"event":"denied"');
  });

  test('with --debug and its stack', async () => {
    expect(errorOf(await world.connect(['nowhere', '--json', '--debug']))['stack']).toContain('AppError');
  });
});

test('what a service says moves no cursor in an event', async () => {
  world.sandbox.services.notion.control.addTool({
    name: 'notion-fetch',
    effect: 'read',
    answer: () => ({ user: { email: '\u202e\u001b[2J\n{"event":"stored"}@example.test' } }),
  } as never);
  await world.configure('services/notion.yaml', ({ account }) => {
    account.match = 'none';
  });
  const { stderr, events } = await run(['notion']);
  expect(['\u001b', '\u202e'].filter((char) => stderr.includes(char))).toEqual([]);
  expect(named(events, 'stored')).toMatchObject([{ account: '\u202e\u001b[2J\n{"event":"stored"}@example.test' }]);
});

test('an entered token is told without itself', async () => {
  await world.configure('services/notion.yaml', ({ authorization }) => {
    authorization.static = true;
  });
  const { events, exit, stderr } = await run(['notion', '--token-stdin'], { stdin: Readable.from(['half secret']) });
  expect([exit, events.map(({ event }) => event)]).toEqual([2, ['note', 'error']]);
  expect(stderr).not.toMatch(/half|secret"/);
});

test('questions at a terminal are lines too', async () => {
  const { events, exit } = await run(['--url', 'https://mcp.example.com/mcp'], { terminal: fakeTerminal() });
  expect([exit, events.at(-1)?.['code']]).toEqual([3, 'not_allowed']);
});

test('docs/events.md has the table of the code', async () => {
  const text = await readFile(new URL('../../docs/events.md', import.meta.url), 'utf8');
  const rows = text
    .split('\n')
    .filter((line) => /^\| `\w+` \|/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  expect(rows).toEqual(
    Object.entries(eventTable).map(([event, { fields, when }]) => [
      `\`${event}\``,
      fields.map((field) => `\`${field}\``).join(', '),
      when,
    ]),
  );
});

test('work that takes long says how far it is: off-boarding, refreshing tools, copying the record', async () => {
  await world.configure('interface.yaml', (file) => {
    file.people.operators = { principals: [world.sandbox.people.ada.subject] };
  });
  const folder = await world.machine();
  await world.connect(['notion'], { folder });
  const told = async (run: Promise<CommandOutcome>) => named(eventsOf(await run), 'progress');
  const subject = world.sandbox.people.ada.subject;
  expect(await told(world.connect(['offboard', subject, '--dry-run', '--json-events'], { folder }))).toMatchObject([
    { message: 'every vault and session of the workspace is looked at', done: 1, all: null },
  ]);
  const services = Object.keys(world.sandbox.services);
  const asked = await told(world.setup(['tools', 'refresh', '--dry-run', '--json-events'], { folder }));
  expect(asked.map(({ message, done, all }) => [message, done, all])).toEqual(
    services.sort().map((name, index) => [`${name} is asked which tools it has`, index, services.length]),
  );
  const copied = await told(world.setup(['audit', 'export', '--json-events'], { folder }));
  expect(copied).toMatchObject([{ message: 'the record is copied', done: expect.any(Number), all: null }]);
  expect(copied[0]?.['done']).toBeGreaterThan(0);
});

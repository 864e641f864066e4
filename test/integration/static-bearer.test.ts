/** `--token-stdin`: a token that a person made at the service by hand is tried, settled and stored like any other. */
import { PassThrough, Readable } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../sandbox/connect.ts';
import type { PersonName } from '../sandbox/people.ts';
import type { CommandSetting } from '../support/command.ts';
import { startHostileServer } from '../support/hostile-server.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal, once } from '../support/terminal.ts';

const world = sandboxPerTest();

beforeEach(async () => {
  await world.configure('services/notion.yaml', ({ authorization }) => {
    authorization.static = true;
  });
});

/** A token as its owner would copy it from the service's settings. */
const tokenOf = async (person: PersonName) => (await connect(world.sandbox.services.notion, { person })).accessToken;

const piped = (text: string): Partial<CommandSetting> => ({ stdin: Readable.from([text]) });

const enter = (text: string, ...argv: string[]) => world.connect(['notion', '--token-stdin', ...argv], piped(text));

const theCredential = async () => {
  const [credential, ...others] = await world.credentials();
  expect(others).toEqual([]);
  return credential;
};

describe('an entered token', () => {
  test('is stored in the vault of its owner, with its account and nothing of an authorization server', async () => {
    const { notion } = world.sandbox.services;
    const { exit, stdout, stderr } = await enter(`${await tokenOf('ada')}\n`);
    expect([exit, stdout]).toEqual([
      0,
      expect.stringMatching(/^Notion: ada@example\.test \(Ada's Notion\) is now in the vault of ada@example\.test/),
    ]);
    expect(stderr).toContain('waiting for the token of Notion on stdin');
    expect(await theCredential()).toMatchObject({
      auth: { type: 'static_bearer', mcp_server_url: notion.mcpUrl },
      metadata: { mai_account: 'ada@example.test', mai_connected_at: expect.any(String) },
    });
    expect(Object.keys((await theCredential())?.metadata ?? {}).sort()).toEqual([
      'mai_account',
      'mai_attempt',
      'mai_connected_at',
      'mai_workspace',
    ]);
  });

  test('can be typed at the terminal, unseen', async () => {
    const [terminal, token] = [fakeTerminal(), await tokenOf('ada')];
    const { exit, stdout, stderr } = await world.connect(['notion', '--token-stdin'], {
      terminal,
      ...once('nothing is shown while you do', () => terminal.type(`${token}\r`)),
    });
    expect([exit, terminal.modes, stdout + stderr]).toEqual([0, [true, false], expect.not.stringContaining(token)]);
  });

  test('replaces a connection that came through OAuth, and the other way round, and itself in place', async () => {
    const acts: unknown[] = [];
    const note = async (argv: string[], setting = {}) => {
      const { change } = await world.connectJson(['notion', ...argv], setting);
      acts.push([change, (await theCredential())?.auth.type]);
    };
    await note([]);
    await note(['--token-stdin'], piped(await tokenOf('ada')));
    await note(['--token-stdin'], piped(await tokenOf('ada')));
    await note([]);
    expect(acts).toEqual([
      ['created', 'mcp_oauth'],
      ['replaced', 'static_bearer'],
      ['updated', 'static_bearer'],
      ['replaced', 'mcp_oauth'],
    ]);
  });

  test('of somebody else is not stored, and is not revoked: it is not ours [connecting]', async () => {
    const token = await tokenOf('grace');
    const { exit, stderr } = await enter(token);
    expect([exit, stderr]).toEqual([3, expect.stringContaining('[account_mismatch]')]);
    expect(stderr).toContain('the token itself still works: if it should not, end it at Notion');
    expect([await world.credentials(), world.sandbox.services.notion.counters.revocations]).toEqual([[], 0]);
    const accepted = await enter(token, '--accept-account', 'grace@example.test');
    expect(accepted.exit).toBe(0);
    expect(await theCredential()).toMatchObject({ metadata: { mai_account_accepted: 'grace@example.test' } });
  });

  test('of another account than the expected one is not stored', async () => {
    const { exit } = await enter(await tokenOf('ada'), '--expect-account', 'grace@example.test');
    expect([exit, await world.credentials()]).toEqual([3, []]);
  });

  test('that the service does not take is stored nowhere [connecting]', async () => {
    const { exit, stderr } = await enter('a-token-that-nobody-issued');
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[service_refused]')]);
    expect([stderr, await world.credentials()]).toEqual([expect.not.stringContaining('nobody-issued'), []]);
  });

  test('that the service takes without saying whose it is, is stored nowhere', async () => {
    world.sandbox.services.notion.control.addTool({
      name: 'notion-fetch',
      effect: 'read',
      answer: () => ({ user: {} }),
    } as never);
    const { exit, stderr } = await enter(await tokenOf('ada'));
    expect([exit, stderr, await world.credentials()]).toEqual([1, expect.stringContaining('[token_unusable]'), []]);
  });

  test.each([
    ['two lines', 'first-token-12345\nsecond-token-12345\n'],
    ['a space', 'first-token 12345'],
    ['the word Bearer', 'Bearer first-token-12345'],
    ['quotes', '"first-token-12345"'],
    ['a control character', 'first-token\u001b[2J-12345'],
    ['letters beyond ASCII', 'first-tökén-12345'],
    ['more than a token has', 'first-token-12345'.repeat(1000)],
  ])('with %s is refused before anybody signs in, and none of it is shown [connecting]', async (_case, text) => {
    const { exit, stdout, stderr, visited } = await enter(text);
    expect([exit, stdout, visited, world.asked()]).toEqual([2, '', [], []]);
    expect(stderr).not.toMatch(/first|second|12345/);
  });

  test('where the service’s file allows none is refused before it is read [connecting]', async () => {
    await world.configure('services/notion.yaml', ({ authorization }) => {
      delete authorization.static;
    });
    const { exit, stderr } = await world.connect(['notion', '--token-stdin']);
    expect([exit, stderr]).toEqual([3, expect.stringContaining('authorization.static: true')]);
  });

  test.each([['--read-only'], ['--new-client'], ['--device'], ['--callback-port', '4000']])(
    'and %s exclude each other',
    async (...flags) => {
      const { exit, stderr } = await enter('some-token-12345', ...flags);
      expect([exit, stderr]).toEqual([2, expect.stringContaining(`${flags[0]} and --token-stdin exclude each other`)]);
    },
  );

  test('goes to the service’s own address and nowhere else', async () => {
    const token = await tokenOf('ada');
    const stranger = await startHostileServer(() => ({ json: {} }));
    world.sandbox.services.notion.control.tamperMetadata((metadata) => ({
      ...metadata,
      token_endpoint: `${stranger.origin}/token`,
    }));
    expect((await enter(token)).exit).toBe(0);
    expect(stranger.requests).toEqual([]);
  });
});

describe('stdin that is', () => {
  test('empty ends at once with the command to run', async () => {
    const { exit, stderr, visited } = await enter('');
    expect([exit, visited]).toEqual([4, []]);
    expect(stderr).toContain('service-connection notion --token-stdin');
  });

  test('endless and loud is read no further than a token is long [connecting]', async () => {
    let read = 0;
    const endless = new Readable({
      read() {
        read += 1024;
        this.push('y'.repeat(1024));
      },
    });
    const { exit } = await world.connect(['notion', '--token-stdin'], { stdin: endless });
    expect([exit, read < 1024 * 1024]).toEqual([2, true]);
  });

  test('endless and silent is waited for no longer than said', async () => {
    const argv = ['notion', '--token-stdin', '--timeout', '0.2'];
    const { exit, stderr } = await world.connect(argv, { stdin: new PassThrough() });
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[timed_out]')]);
  });

  test('silent ends with Ctrl-C', async () => {
    const interruption = new AbortController();
    const { exit } = await world.connect(['notion', '--token-stdin'], {
      stdin: new PassThrough(),
      signal: interruption.signal,
      hear: () => interruption.abort(),
    });
    expect(exit).toBe(130);
  });

  test('a terminal at which nobody sits ends at once', async () => {
    const { exit, visited } = await world.connect(['notion', '--token-stdin'], {
      terminal: fakeTerminal(),
      environment: { CI: 'true' },
    });
    expect([exit, visited]).toEqual([4, []]);
  });
});

test('list, check and doctor say what is known of an entered token', async () => {
  await enter(await tokenOf('ada'));
  const listed = await world.connectJson(['list']);
  expect(listed['services']).toContainEqual(
    expect.objectContaining({
      service: 'notion',
      status: 'unknown',
      account: 'ada@example.test',
      reason: expect.stringContaining('an entered token cannot be tried from here; the service took it at'),
    }),
  );
  expect((await world.connect(['check'])).exit).toBe(0);
  expect(await world.connectJson(['doctor'])).toMatchObject({ findings: [] });
  await world.configure('services/notion.yaml', ({ authorization }) => {
    delete authorization.static;
  });
  expect((await world.connect(['check'])).exit).toBe(4);
  expect(await world.connectJson(['doctor'])).toMatchObject({
    findings: [{ level: 'warning', what: expect.stringContaining('entered token') }],
  });
});

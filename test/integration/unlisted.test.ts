/** `--url`: a server outside the catalogue is connected by a person at a terminal, and by nobody and nothing else. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startNotion } from '../sandbox/services/notion.ts';
import type { SandboxService } from '../sandbox/services/service.ts';
import { startHostileServer } from '../support/hostile-server.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

/** A service that nobody catalogued. */
let stranger: SandboxService;
beforeEach(async () => {
  stranger = await startNotion(world.sandbox.clock.now);
  await allow('confirm');
});
afterEach(() => stranger.close());

const allow = (unlisted_services: string | undefined) =>
  world.configure('interface.yaml', (file) => ({ ...file, unlisted_services }));

/** Runs a command at a terminal at which somebody types something wherever a domain is asked for. */
async function typing(typed: string, argv: string[]) {
  const terminal = fakeTerminal();
  let asked = 0;
  return await world.connect(argv, {
    terminal,
    hear: (said) => {
      const questions = said.match(/type (?:the domain it belongs to|its number)/g)?.length ?? 0;
      if (questions <= asked) return;
      asked = questions;
      void terminal.type(`${typed}\n`);
    },
  });
}

// Without a spinner, of whose lines only a real screen is cleared.
const confirmed = (url: string) => typing('127.0.0.1', ['--url', url, '--quiet']);

describe('a server outside the catalogue', () => {
  test('is connected when its domain is typed, marked as what it is, and no agent can use it [c16]', async () => {
    const { exit, stdout, stderr } = await confirmed(stranger.mcpUrl);
    expect([exit, stdout]).toEqual([0, expect.stringContaining('is now in the vault of ada@example.test')]);
    expect(stderr).toContain('no agent can use it as long as it is not in the catalogue');
    expect(await world.credentials()).toMatchObject([
      { auth: { type: 'mcp_oauth', mcp_server_url: stranger.mcpUrl }, metadata: { mai_unlisted: 'true' } },
    ]);

    const listed = await world.connect(['list']);
    expect(listed.stdout).toMatch(/\n\nnot in the catalogue +account +since \(UTC\)\nhttp:\/\/127\.0\.0\.1:\d+\/mcp /);
    expect(await world.connectJson(['list'])).toMatchObject({
      not_in_catalogue: [{ mcp_server_url: stranger.mcpUrl, connected_by_url: true }],
    });
    expect(await world.connectJson(['doctor'])).toMatchObject({
      findings: [{ level: 'warning', what: expect.stringContaining('connected it with --url') }],
    });

    expect(await world.connectJson(['disconnect', '--url', stranger.mcpUrl])).toMatchObject({ change: 'disconnected' });
    expect(await world.credentials()).toEqual([]);
  });

  test.each([
    ['nothing', ''],
    ['yes', 'yes'],
    ['a part of it', '127.0.0'],
  ])('is asked nothing where %s is typed [c16] [connecting]', async (_case, typed) => {
    const { exit, visited } = await typing(typed, ['--url', stranger.mcpUrl]);
    expect([exit, visited, stranger.mcpRequests.unauthorized, world.asked()]).toEqual([3, [], 0, []]);
  });

  test.each([
    ['where nobody sits', {}],
    ['in CI', { terminal: fakeTerminal(), environment: { CI: 'true' } }],
    ['with a terminal on stdin alone', { stdin: fakeTerminal().stdin }],
  ])('is not connected %s: it ends at once and asks nobody anything [c27] [connecting]', async (_case, setting) => {
    const { exit, stderr, visited } = await world.connect(['--url', stranger.mcpUrl], setting);
    expect([exit, visited, stranger.mcpRequests.unauthorized, world.asked()]).toEqual([4, [], 0, []]);
    expect(stderr).toContain('only a person at a terminal can do that, and no flag can');
  });

  test.each(['--yes', '-y', '--force'])('has no %s [c27] [connecting]', async (flag) => {
    const { exit, stderr } = await world.connect(['--url', stranger.mcpUrl, flag], { terminal: fakeTerminal() });
    expect([exit, stderr]).toEqual([2, expect.stringContaining('unknown option')]);
  });

  test.each([undefined, 'off'])('is off where the configuration says %s [connecting]', async (value) => {
    await allow(value);
    const { exit, stderr } = await confirmed(stranger.mcpUrl);
    expect([exit, stderr]).toEqual([3, expect.stringContaining('unlisted_services: confirm')]);
  });

  test('that is in the catalogue is refused with its name', async () => {
    const { exit, stderr } = await confirmed(`${world.sandbox.services.notion.mcpUrl}/`);
    expect([exit, stderr]).toEqual([2, expect.stringContaining('service-connection notion')]);
  });

  test('that passes for another is refused before anything is asked [c16]', async () => {
    await world.configure('services/linear.yaml', (file) => {
      file.mcp_server_url = 'https://mcp.linear.app/mcp';
    });
    const { exit, stderr, visited } = await confirmed('https://mcp.linear.app.evil.io/mcp');
    expect([exit, visited, stderr]).toEqual([3, [], expect.stringContaining('holds the name of')]);
  });

  test.each(['notion', '--token-stdin'])('and %s exclude each other', async (word) => {
    const { exit, stderr } = await world.connect([word, '--url', stranger.mcpUrl]);
    expect([exit, stderr]).toEqual([2, expect.stringContaining('exclude each other')]);
  });
});

test.each([
  [['disconnect']],
  [['disconnect', 'notion', '--url', 'https://mcp.example.com']],
  [['disconnect', '--url', 'x']],
])('%j says nothing to disconnect', async (argv) => expect((await world.connect(argv)).exit).toBe(2));

describe('a server outside the catalogue that points at one of the catalogue', () => {
  /** An MCP server whose metadata says what a test wants. */
  const pointing = (
    document: (origin: string) => object,
    more: (origin: string) => Record<string, object> = () => ({}),
  ) =>
    startHostileServer((line, _request, origin) => {
      if (line.startsWith('POST /mcp')) return { status: 401 };
      if (line.startsWith('GET /.well-known/oauth-protected-resource')) return { json: document(origin) };
      const json = more(origin)[line];
      return json === undefined ? undefined : { json };
    });

  test('to sign in is refused, and nobody signs in there [c11] [connecting]', async () => {
    const { notion } = world.sandbox.services;
    const server = await pointing((origin) => ({
      resource: `${origin}/mcp`,
      authorization_servers: [notion.issuer],
    }));
    const { exit, stderr, visited } = await confirmed(`${server.origin}/mcp`);
    // The one visit is the person's own sign-in.
    expect([exit, visited.length, await world.credentials()]).toEqual([3, 1, []]);
    expect(stderr).toContain(`sends people to sign in at "${notion.issuer}", which is for "notion"`);
  });

  test('to sign in, beside its own, is refused without a choice [c11]', async () => {
    const { notion } = world.sandbox.services;
    const server = await pointing((origin) => ({
      resource: `${origin}/mcp`,
      authorization_servers: [origin, notion.issuer],
    }));
    const { exit, stderr, visited } = await confirmed(`${server.origin}/mcp`);
    expect([exit, visited.length, stderr]).toEqual([3, 1, expect.stringContaining('which is for "notion"')]);
  });

  test.each(['authorization_endpoint', 'token_endpoint', 'registration_endpoint'])(
    'with its %s alone is refused, and nobody signs in there [c11] [connecting]',
    async (endpoint) => {
      const { slack } = world.sandbox.services;
      const server = await pointing(
        (origin) => ({ resource: `${origin}/mcp`, authorization_servers: [origin] }),
        (origin) => ({
          'GET /.well-known/oauth-authorization-server': {
            issuer: origin,
            authorization_endpoint: `${origin}/authorize`,
            token_endpoint: `${origin}/token`,
            registration_endpoint: `${origin}/register`,
            code_challenge_methods_supported: ['S256'],
            [endpoint]: `${slack.issuer}/somewhere`,
          },
        }),
      );
      const { exit, stderr, visited } = await confirmed(`${server.origin}/mcp`);
      expect([exit, visited.length]).toEqual([3, 1]);
      expect(stderr).toContain('which is for "slack"');
      expect(server.lines().filter((line) => /register|token/.test(line))).toEqual([]);
    },
  );

  test('only once somebody is about to sign in is refused as well [c11] [connecting]', async () => {
    const { notion } = world.sandbox.services;
    let asked = 0;
    const server = await pointing(
      (origin) => ({ resource: `${origin}/mcp`, authorization_servers: [origin] }),
      (origin) => {
        asked += 1;
        return {
          'GET /.well-known/oauth-authorization-server': {
            issuer: origin,
            authorization_endpoint: `${asked > 1 ? notion.issuer : origin}/authorize`,
            token_endpoint: `${origin}/token`,
            registration_endpoint: `${origin}/register`,
            code_challenge_methods_supported: ['S256'],
          },
        };
      },
    );
    const { exit, visited } = await confirmed(`${server.origin}/mcp`);
    expect([exit, visited.length, asked > 1]).toEqual([3, 1, true]);
  });
});

test('several authorization servers are a person’s choice', async () => {
  const server = await startHostileServer((line, _request, origin) => {
    if (line.startsWith('POST /mcp')) return { status: 401 };
    if (!line.startsWith('GET /.well-known/oauth-protected-resource')) return undefined;
    return { json: { resource: `${origin}/mcp`, authorization_servers: [`${origin}/a`, `${origin}/b`] } };
  });
  const { exit, stderr } = await typing('127.0.0.1', ['--url', `${server.origin}/mcp`]);
  expect([exit, stderr]).toEqual([1, expect.stringContaining('none was chosen')]);
  expect(stderr).toContain(`  2  "${server.origin}/b"`);
});

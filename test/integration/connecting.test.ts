/** `service-connection` when things go wrong: the right exit code, nothing half-made, and a second run that repairs. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freeLoopbackPort } from '../sandbox/listener.ts';
import { visit } from '../sandbox/visit.mjs';
import { ask } from '../support/ask.ts';
import { atAuthorization, type Begun } from '../support/begin.ts';
import type { CommandOutcome } from '../support/command.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

const connectPath = 'POST /v1/vaults/:vault/credentials';
const updatePath = 'POST /v1/vaults/:vault/credentials/:credential';
const validatePath = 'POST /v1/vaults/:vault/credentials/:credential/mcp_oauth_validate';

/** Expects an error with its code and exit code, and that running again, with nothing wrong, connects. */
async function expectRepairable(failed: CommandOutcome, exit: number, code: string): Promise<void> {
  expect([failed.exit, failed.stderr]).toEqual([exit, expect.stringContaining(`[${code}]`)]);
  expect(failed.stderr).toMatch(/^service-connection: hint: /m);
  const { platform, services } = world.sandbox;
  platform.control.reset();
  services.notion.control.behave();
  expect(await world.connectJson(['notion'])).toMatchObject({ account: 'ada@example.test', status: 'valid' });
  expect(await world.credentials()).toHaveLength(1);
}

/** A browser that signs Ada in and leaves the service to the test. */
function atTheService(act: (url: URL, begun: Begun) => Promise<unknown>) {
  return atAuthorization(async (url, begun) =>
    url.startsWith(world.sandbox.identityProvider.issuer)
      ? await visit(url, { person: 'ada', begun })
      : await act(new URL(url), begun),
  );
}

/** Lets any account of Notion in, also one without a name. */
const anyAccount = () =>
  world.configure('services/notion.yaml', (service) => {
    service.account.match = 'none';
  });

async function occupy(port: number): Promise<void> {
  const server = createServer().listen({ host: '127.0.0.1', port });
  await once(server, 'listening');
  onTestFinished(() => void server.close());
}

describe('the platform fails while the grant is stored:', () => {
  test('a lost answer to the create leaves one connection [P8]', async () => {
    world.sandbox.platform.control.faults.add({ on: connectPath, fault: { kind: 'drop-after-commit' } });
    expect(await world.connectJson(['notion'])).toMatchObject({ change: 'created', status: 'valid' });
    expect(await world.credentials()).toHaveLength(1);
    expect(world.sandbox.services.notion.counters.revocations).toBe(0);
  });

  test('a lost answer to the update leaves one connection [P8]', async () => {
    const first = await world.connectJson(['notion']);
    world.sandbox.platform.control.faults.add({ on: updatePath, fault: { kind: 'drop-after-commit' } });
    expect(await world.connectJson(['notion'])).toMatchObject({
      change: 'updated',
      credential_id: first['credential_id'],
      status: 'valid',
    });
    expect(await world.credentials()).toHaveLength(1);
  });

  test('an answer lost at the very last attempt is found all the same', async () => {
    const { faults } = world.sandbox.platform.control;
    faults.add({ on: connectPath, fault: { kind: 'status', status: 500 }, times: 2 });
    faults.add({ on: connectPath, fault: { kind: 'drop-after-commit' } });
    expect(await world.connectJson(['notion'])).toMatchObject({ change: 'created', status: 'valid' });
    expect(world.sandbox.services.notion.counters.revocations).toBe(0);
  });

  test.each([
    [500, 'platform_outcome_unknown', 3],
    [409, 'platform_refused', 3],
    [400, 'platform_refused', 1],
  ])('%i every time: the grant is given back, and nothing is kept [b20] [P8]', async (status, code, times) => {
    const fault = world.sandbox.platform.control.faults.add({
      on: connectPath,
      fault: { kind: 'status', status },
      times: Infinity,
    });
    const failed = await world.connect(['notion']);
    const { notion } = world.sandbox.services;
    expect([fault.hits, notion.counters.revocations, await world.credentials()]).toEqual([times, 1, []]);
    expect(failed.stderr).toContain('the access that notion had granted was given back');
    await expectRepairable(failed, 1, code);
  });

  test('a second run that was quicker is not duplicated [P8]', async () => {
    world.sandbox.platform.control.faults.add({ on: connectPath, fault: { kind: 'status', status: 409 } });
    expect(await world.connectJson(['notion'])).toMatchObject({ change: 'created', status: 'valid' });
    const both = await Promise.all([world.connectJson(['slack']), world.connectJson(['linear'])]);
    expect(both.map(({ status }) => status)).toEqual(['valid', 'valid']);
    expect(await world.credentials()).toHaveLength(3);
  });

  test('a platform that cannot try the connection has stored it nevertheless', async () => {
    world.sandbox.platform.control.faults.add({ on: validatePath, fault: { kind: 'status', status: 500 } });
    const connected = await world.connect(['notion']);
    expect([connected.exit, connected.stdout]).toEqual([0, expect.stringContaining('not tried yet')]);
    // Nobody asked the service then: its silence is not the reason.
    expect(connected.stdout).not.toContain('no answer from the service');
    expect((await world.connectJson(['list']))['services']).toContainEqual(
      expect.objectContaining({ service: 'notion', status: 'connected' }),
    );
  });

  test('is told by what stood in the way: a platform that knows no way to try it, or a silent service', async () => {
    world.sandbox.platform.control.faults.add({ on: validatePath, fault: { kind: 'status', status: 404 } });
    const { stdout } = await world.connect(['notion']);
    expect(stdout).toMatch(/not tried yet: .*404/);
    expect(stdout).not.toContain('no answer from the service');
    const silent = (answer: unknown) => ({ ...(answer as object), status: 'unknown' });
    world.sandbox.platform.control.tamper(validatePath, silent);
    expect(await world.connectJson(['linear'])).toMatchObject({
      status: 'unknown',
      not_tried: 'the platform got no answer from the service',
    });
  });

  test('a token that the service refuses at once is no connection', async () => {
    world.sandbox.platform.control.tamper(validatePath, (answer) => ({ ...(answer as object), status: 'invalid' }));
    await expectRepairable(await world.connect(['notion']), 1, 'token_unusable');
  });
});

describe('the platform cannot be used:', () => {
  test('it is not there', async () => {
    const environment = { ANTHROPIC_BASE_URL: `http://127.0.0.1:${await freeLoopbackPort()}` };
    await expectRepairable(await world.connect(['notion'], { environment }), 1, 'platform_unreachable');
  });

  test('it refuses the key', async () => {
    const failed = await world.connect(['notion'], { environment: { ANTHROPIC_API_KEY: 'sk-ant-wrong-key' } });
    expect(failed.stderr).toContain('ANTHROPIC_API_KEY');
    await expectRepairable(failed, 1, 'platform_refused');
  });

  test('there is no key: nobody is sent to a browser for nothing', async () => {
    const failed = await world.connect(['notion'], { environment: { ANTHROPIC_API_KEY: '' } });
    expect(failed.visited).toEqual([]);
    await expectRepairable(failed, 2, 'platform_key_missing');
  });

  test('it asks to wait, which is done and said', async () => {
    world.sandbox.platform.control.faults.add({
      on: connectPath,
      fault: { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
    });
    const connected = await world.connect(['notion']);
    expect([connected.exit, connected.stderr]).toEqual([0, expect.stringContaining('the platform asks to wait 1 s')]);
    expect(await world.credentials()).toHaveLength(1);
  });
});

describe('the service is not to be trusted:', () => {
  test.each([
    ['no PKCE with S256', () => world.sandbox.services.notion.control.omitPkceFromMetadata(), 'service_metadata'],
    [
      'another issuer',
      () => world.sandbox.services.notion.control.claimIssuer('https://evil.example'),
      'issuer_mismatch',
    ],
    [
      'endpoints over http elsewhere',
      () =>
        world.sandbox.services.notion.control.tamperMetadata((metadata) => ({
          ...metadata,
          registration_endpoint: 'http://evil.example/register',
        })),
      'url_refused',
    ],
  ])('%s', async (_case, misbehave, code) => {
    misbehave();
    const failed = await world.connect(['notion']);
    expect(failed.visited).toHaveLength(1);
    await expectRepairable(failed, 1, code);
  });

  test('an authorization server that the catalogue does not pin [connecting]', async () => {
    const { notion, linear } = world.sandbox.services;
    await world.configure('services/notion.yaml', (service) => {
      service.authorization.issuers = [linear.issuer];
    });
    const failed = await world.connect(['notion']);
    expect([failed.exit, failed.visited.length, notion.counters.registrations]).toEqual([1, 1, 0]);
    expect(failed.stderr).toContain('[issuer_mismatch]');
  });

  test('it refuses the code: the page says so, nothing is stored, and the code is not sent again', async () => {
    const { notion } = world.sandbox.services;
    notion.control.failTokenEndpoint({ status: 400, body: { error: 'invalid_grant' } });
    const pages: string[] = [];
    const failed = await world.connect(['notion'], {
      browse: atTheService(async (url, begun) => pages.push((await visit(url.href, { person: 'ada', begun })).body)),
    });
    expect(pages[0]).toContain('<title>Notion was not connected</title>');
    expect([notion.counters.tokenRequests, await world.credentials()]).toEqual([1, []]);
    await expectRepairable(failed, 1, 'token_refused');
  });

  test('it sends the token request elsewhere: nothing follows it there [connecting]', async () => {
    const { notion, linear } = world.sandbox.services;
    notion.control.tamperMetadata((metadata) => ({ ...metadata, token_endpoint: `${notion.issuer}/gone` }));
    const before = linear.counters.tokenRequests;
    await expectRepairable(await world.connect(['notion']), 1, 'token_unusable');
    expect(linear.counters.tokenRequests).toBe(before);
  });

  test('it does not let the fresh token in: the grant is given back [connecting]', async () => {
    const { notion } = world.sandbox.services;
    notion.control.tamperTokenResponse((answer) => ({ ...answer, access_token: 'not-a-token-of-this-service' }));
    const failed = await world.connect(['notion']);
    expect([notion.counters.revocations, await world.credentials()]).toEqual([1, []]);
    expect(failed.stderr).not.toContain('not-a-token');
    await expectRepairable(failed, 1, 'service_refused');
  });

  test('it does not say whose account it is: the person is warned', async () => {
    await anyAccount();
    world.sandbox.services.notion.control.removeTool('notion-fetch');
    const connected = await world.connect(['notion']);
    expect(connected).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining('an account the service did not name'),
      stderr: expect.stringContaining('did not say whose account this is'),
    });
  });

  test('it names an account that a terminal would obey [P9]', async () => {
    const { notion } = world.sandbox.services;
    await anyAccount();
    notion.control.addTool({
      name: 'notion-fetch',
      effect: 'read',
      answer: () => ({ user: { email: 'ada\u001b[2J\n\u202eevil' }, workspace: { name: '\u009b31m' } }),
    } as never);
    const connected = await world.connect(['notion']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(connected.stdout).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u202e]*\n$/);
    const listed = await world.connect(['list', '--json']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(listed.stdout).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u202e]*\n$/);
  });
});

describe('the token answer may be odd:', () => {
  const tamper = (change: object) =>
    world.sandbox.services.notion.control.tamperTokenResponse((answer) => ({ ...answer, ...change }));

  test('without a refresh token the person learns until when', async () => {
    tamper({ refresh_token: undefined });
    const connected = await world.connect(['notion']);
    expect(connected.stdout).toMatch(/, until \d{4}-\d\d-\d\dT[\d:.]+Z: the service gave nothing to renew it with\n$/);
    expect(await world.credentials()).toMatchObject([{ auth: { expires_at: expect.any(String) } }]);
  });

  test.each([
    [{ expires_in: '3600' }, expect.any(String)],
    [{ expires_in: 1e15 }, undefined],
    [{ expires_in: undefined }, undefined],
    [{ id_token: 'not.a.token' }, expect.any(String)],
  ])('%j', async (change, expiry) => {
    tamper(change);
    expect(await world.connectJson(['notion'])).toMatchObject({ status: 'valid', expires_at: expiry ?? null });
  });
});

describe('the person', () => {
  test('denies access: exit code 3, nothing is stored', async () => {
    const failed = await world.connect(['notion'], { deny: true });
    expect(await world.credentials()).toEqual([]);
    await expectRepairable(failed, 3, 'access_denied');
  });

  test('is met by somebody else’s answers first, and succeeds', async () => {
    const connected = await world.connect(['notion'], {
      browse: atTheService(async (url, begun) => {
        const callback = url.searchParams.get('redirect_uri') ?? '';
        for (const query of ['code=x&state=wrong', 'error=access_denied']) {
          expect((await ask(`${callback}?${query}`)).status).toBe(400);
        }
        return await visit(url.href, { person: 'ada', begun });
      }),
    });
    expect([connected.exit, connected.stderr]).toEqual([0, expect.stringContaining('does not belong to this sign-in')]);
  });

  test('never comes back: the wait ends in time [b14]', async () => {
    const failed = await world.connect(['notion', '--timeout', '0.5'], { browse: atTheService(async () => {}) });
    await expectRepairable(failed, 1, 'timed_out');
  });

  test('presses Ctrl-C: exit code 130, nothing listens any more, nothing is stored [b15]', async () => {
    const interruption = new AbortController();
    let callback = '';
    const failed = await world.connect(['notion'], {
      signal: interruption.signal,
      browse: atTheService(async (url) => {
        callback = url.searchParams.get('redirect_uri') ?? '';
        interruption.abort();
      }),
    });
    expect([failed.exit, failed.stderr]).toEqual([130, expect.stringContaining('[interrupted]')]);
    await expect(ask(callback)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await world.credentials()).toEqual([]);
  });

  test('who is not there cannot be waited for: the message names the command', async () => {
    const failed = await world.connect(['notion'], { person: undefined });
    expect([failed.exit, failed.stderr]).toEqual([
      4,
      expect.stringContaining('run this in a terminal: service-connection notion'),
    ]);
  });

  test('may open the printed address by hand', async () => {
    const connecting = world.connect(['notion', '--no-browser'], { person: undefined });
    // Nobody opens anything: whoever reads the terminal does, which is not tried here.
    const failed = await Promise.race([connecting, new Promise((resolve) => setTimeout(resolve, 300, 'waiting'))]);
    expect(failed).toBe('waiting');
  });

  test.each([
    ['linus', 'is in no group that is listed'],
    ['mallory', 'is similar to a person who is'],
  ] as const)('%s, who %s, is refused by policy', async (person, _why) => {
    await world.configure('interface.yaml', (content) => {
      content.people = {
        groups: {},
        principals: { [world.sandbox.people.ada.subject]: { notion: { read: 'on' } } },
      };
    });
    const failed = await world.connect(['notion'], { person });
    expect([failed.exit, failed.stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
    expect(world.asked()).toEqual([]);
    expect((await world.connect(['notion'])).exit).toBe(0);
  });
});

describe('the command line or the configuration', () => {
  test('names no such service: the nearest is offered', async () => {
    const failed = await world.connect(['notoin']);
    expect([failed.exit, failed.visited]).toEqual([2, []]);
    expect(failed.stderr).toBe(
      'service-connection: error: no service "notoin" is configured [unknown_service]\n' +
        'service-connection: hint: did you mean "notion"?\n',
    );
  });

  test('misspells a command: the command is offered', async () => {
    const failed = await world.connect(['lst']);
    expect([failed.exit, failed.stderr]).toEqual([2, expect.stringContaining('hint: did you mean "list"?')]);
  });

  test.each(['a: [', 'title: "\u001b[2J"\nnope: 1\n', ''])('is malformed: %j', async (text) => {
    await writeFile(join(world.sandbox.configFolder, 'services/notion.yaml'), text);
    const failed = await world.connect(['notion']);
    expect([failed.exit, failed.visited, world.asked()]).toEqual([2, [], []]);
    expect(failed.stderr).toContain('notion.yaml');
    expect(failed.stderr).toContain('[config_invalid]');
    expect(failed.stderr).not.toContain('\u001b');
  });

  test('says nothing but what has to be known with --quiet', async () => {
    const connected = await world.connect(['notion', '--quiet']);
    expect(connected.stderr.split('\n').map((line) => line.replace(/http:.*/, 'URL'))).toEqual([
      'service-connection: MAI_ALLOW_LOOPBACK_HTTP is set: http on loopback is allowed, for tests only',
      'service-connection: "URL',
      'service-connection: to sign in at "URL',
      'service-connection: "URL',
      'service-connection: to allow access to Notion, open: URL',
      '',
    ]);
  });

  test('has a fixed port that is taken: no other is tried', async () => {
    const { slack } = world.sandbox.services;
    if (slack.registration.kind !== 'pre-registered') throw new Error('slack is pre-registered');
    const port = Number(new URL(slack.registration.redirectUri).port);
    await occupy(port);
    const failed = await world.connect(['slack']);
    expect([failed.exit, failed.visited.length]).toEqual([1, 1]);
    expect(failed.stderr).toContain(`port ${port} on this machine is in use`);
    expect(failed.stderr).toContain('[port_taken]');
  });
});

describe('connecting again', () => {
  const clientOf = ({ visited }: CommandOutcome) => {
    const query = new URL(visited[1] ?? '').searchParams;
    return [query.get('client_id'), query.get('redirect_uri')];
  };

  test('uses the same client and replaces the tokens in place', async () => {
    const { notion } = world.sandbox.services;
    const first = await world.connect(['notion']);
    const [before] = await world.credentials();
    const again = await world.connect(['notion']);
    expect(clientOf(again)).toEqual(clientOf(first));
    expect(notion.counters.registrations).toBe(1);
    const after = await world.credentials();
    expect(after).toMatchObject([{ id: before?.id }]);
    expect((await world.connectJson(['list']))['services']).toContainEqual(
      expect.objectContaining({ service: 'notion', status: 'connected' }),
    );
  });

  test('leaves nothing of another account behind', async () => {
    await world.connect(['notion']);
    const other = await world.connectJson(['notion', '--accept-account', 'grace@example.test'], {
      browse: (url) => visit(url, { person: 'ada', account: 'grace' }),
    });
    expect(other).toMatchObject({ account: 'grace@example.test', workspace: "Grace's Notion", change: 'updated' });
    const [credential] = await world.credentials();
    expect(JSON.stringify(credential)).not.toContain('ada@');
    expect(credential?.display_name).toBe('Notion: grace@example.test');
  });

  test('while another program has the old port: another client, one active connection', async () => {
    const { notion } = world.sandbox.services;
    const first = await world.connect(['notion']);
    await occupy(Number(new URL(clientOf(first)[1] ?? '').port));
    const again = await world.connect(['notion', '--json']);
    expect(clientOf(again)).not.toEqual(clientOf(first));
    expect([JSON.parse(again.stdout).change, notion.counters.registrations]).toEqual(['replaced', 2]);
    expect(await world.credentials()).toHaveLength(1);
  });

  test('with --new-client: another client, one active connection [P8]', async () => {
    const first = await world.connect(['notion']);
    const again = await world.connect(['notion', '--new-client', '--json']);
    expect(clientOf(again)[0]).not.toBe(clientOf(first)[0]);
    expect(JSON.parse(again.stdout)).toMatchObject({ change: 'replaced', status: 'valid' });
    expect(await world.credentials()).toHaveLength(1);
  });
});

describe('--read-only', () => {
  test('asks for the scopes that read and for no others', async () => {
    const { scopes } = await world.connectJson(['linear', '--read-only']);
    expect(scopes).toContain('read');
    expect(scopes).not.toContain('write');
  });

  test('is refused where the service has no such scopes, before anybody signs in', async () => {
    const outcome = await world.connect(['notion', '--read-only']);
    expect([outcome.exit, outcome.stderr]).toEqual([2, expect.stringContaining('has no scopes that only read')]);
    expect(outcome.visited).toEqual([]);
  });
});

test('a connection’s metadata says what a person has to know of it, and nothing secret', async () => {
  await world.connectJson(['notion']);
  const { notion } = world.sandbox.services;
  const [credential] = await world.credentials();
  const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(credential?.metadata).toEqual({
    mai_issuer: notion.issuer,
    mai_client_id: expect.any(String),
    mai_redirect_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/callback$/),
    mai_token_endpoint: notion.tokenEndpoint,
    mai_account: 'ada@example.test',
    mai_workspace: "Ada's Notion",
    mai_scopes: 'default',
    mai_expires_at: at,
    mai_connected_at: at,
    mai_attempt: expect.any(String),
  });
});

/** Living with connections: what `list`, `check`, `disconnect` and `doctor` say, and that they change no more than they say. */
import type Anthropic from '@anthropic-ai/sdk';
import { describe, expect, test } from 'vitest';
import { startHostileServer } from '../support/hostile-server.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

const archivePath = 'POST /v1/vaults/:vault/credentials/:credential/archive';
const validatePath = 'POST /v1/vaults/:vault/credentials/:credential/mcp_oauth_validate';

type Auth = Anthropic.Beta.Vaults.CredentialCreateParams['auth'];

const day = 24 * 60 * 60 * 1000;

async function statusOf(name: string): Promise<unknown> {
  const { services } = (await world.connectJson(['list'])) as { services: Record<string, unknown>[] };
  return services.find(({ service }) => service === name)?.['status'];
}

/** The one active credential, as the platform shows it. */
async function theCredential() {
  const [credential, ...others] = await world.credentials();
  if (credential === undefined || others.length > 0) throw new Error('expected one credential');
  return credential;
}

/** Replaces Ada's credential as somebody would who holds the key: the same in everything but what is changed. */
async function replaceCredential(refresh: object, metadata: Record<string, string> = {}): Promise<string> {
  const old = await theCredential();
  if (old.auth.type !== 'mcp_oauth' || old.auth.refresh == null) throw new Error('expected a renewable credential');
  await world.client.beta.vaults.credentials.archive(old.id, { vault_id: old.vault_id });
  const auth = {
    ...old.auth,
    access_token: 'planted-access',
    refresh: { ...old.auth.refresh, refresh_token: 'planted-refresh', ...refresh },
  } as Auth;
  const planted = await world.client.beta.vaults.credentials.create(old.vault_id, {
    auth,
    metadata: { ...old.metadata, ...metadata },
  });
  return planted.id;
}

describe('list', () => {
  test('tells what works from what does not, each in one word', async () => {
    const { notion, slack } = world.sandbox.services;
    for (const service of ['notion', 'slack']) await world.connect([service]);
    notion.control.revokeGrants('ada');
    slack.control.failTokenEndpoint({ status: 503, body: '' });
    world.sandbox.clock.advance(2 * day);
    const listed = await world.connectJson(['list']);
    expect(listed).toMatchObject({
      services: [
        { service: 'github', status: 'not-connected' },
        { service: 'google', status: 'not-connected' },
        { service: 'linear', status: 'not-connected', next: 'run: service-connection linear', scopes: [] },
        { service: 'notion', status: 'needs-reconnect', account: 'ada@example.test' },
        { service: 'slack', status: 'unknown', next: expect.stringMatching(/^try again later/) },
      ],
    });
    slack.control.behave();
    expect(await statusOf('slack')).toBe('connected');
  });

  test('knows what has expired by the platform’s clock', async () => {
    world.sandbox.services.notion.control.tamperTokenResponse(({ refresh_token: _, ...answer }) => answer);
    await world.connect(['notion']);
    expect(await statusOf('notion')).toBe('connected');
    world.sandbox.clock.advance(30 * day);
    expect(await statusOf('notion')).toBe('expired');
  });

  test('compares what was granted with what the service’s file wants', async () => {
    await world.connect(['linear']);
    expect(await statusOf('linear')).toBe('connected');
    await world.configure('services/linear.yaml', (service) => {
      service.authorization.scopes.default.push('admin');
    });
    expect(await statusOf('linear')).toBe('missing-scopes');
  });

  test('takes reading scopes for what was wanted', async () => {
    await world.connect(['linear', '--read-only']);
    expect(await statusOf('linear')).toBe('connected');
  });

  test('shows the others when the platform cannot try one', async () => {
    for (const service of ['notion', 'linear']) await world.connect([service]);
    world.sandbox.platform.control.faults.add({ on: validatePath, fault: { kind: 'status', status: 500 } });
    const { services } = (await world.connectJson(['list'])) as { services: { status: string }[] };
    const unconnected = Array(3).fill('not-connected');
    expect(services.map(({ status }) => status).sort()).toEqual(['connected', ...unconnected, 'unknown']);
  });
});

describe('check', () => {
  test('ends well when everything that is connected works, and asks for no token a second time', async () => {
    const { notion } = world.sandbox.services;
    expect((await world.connect(['check'])).stdout).toBe('nothing is connected\n');
    await world.connect(['notion']);
    const { tokenRequests } = notion.counters;
    const checked = await world.connect(['check']);
    expect(checked.stdout).toMatch(/^notion +connected +ada@example\.test, .* +the service accepts the token$/m);
    expect(checked.stdout).not.toContain('linear');
    expect(await world.connectJson(['check', 'notion'])).toMatchObject({ services: [{ status: 'connected' }] });
    expect(notion.counters.tokenRequests).toBe(tokenRequests);
  });

  test('names the command where access was revoked, and running it repairs', async () => {
    await world.connect(['notion']);
    world.sandbox.services.notion.control.revokeGrants('ada');
    const failed = await world.connect(['check', 'notion']);
    expect([failed.exit, failed.stderr]).toEqual([4, expect.stringContaining('[connection_needed]')]);
    expect(failed.stderr).toMatch(
      /^service-connection: {3}notion: needs-reconnect: the service does not renew the token: 4/m,
    );
    expect(failed.stderr).toContain('hint: run: service-connection notion\n');
    await world.connect(['notion']);
    expect((await world.connect(['check', 'notion'])).exit).toBe(0);
  });

  test('asks for a new client where the service has forgotten ours', async () => {
    await world.connect(['notion']);
    const { control } = world.sandbox.services.notion;
    control.failTokenEndpoint({ status: 401, body: { error: 'invalid_client' } });
    world.sandbox.clock.advance(30 * day);
    const failed = await world.connect(['check']);
    expect([failed.exit, failed.stderr]).toEqual([
      4,
      expect.stringContaining('run: service-connection notion --new-client'),
    ]);
  });

  test('of what is not connected names the command', async () => {
    const failed = await world.connect(['check', 'linear', '--json']);
    expect([failed.exit, failed.stderr]).toEqual([
      4,
      expect.stringContaining('"hint":"run: service-connection linear"'),
    ]);
    expect(world.asked().filter((line) => !line.startsWith('GET '))).toEqual([]);
  });

  test('asks once more when the platform cannot tell, and then says so', async () => {
    await world.connect(['notion']);
    const { control } = world.sandbox.platform;
    const body = 'down \u001b[2J\nservice-connection: error: forged';
    control.tamper(validatePath, (answer) => ({
      ...(answer as object),
      status: 'unknown',
      mcp_probe: {
        method: 'initialize',
        http_response: { status_code: 503, content_type: '', body, body_truncated: false },
      },
    }));
    control.log.reset();
    const failed = await world.connect(['check', 'notion']);
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('[connection_unknown]')]);
    expect(failed.stderr).toContain('hint: try again later\n');
    expect(failed.stderr).toContain('503 "down \\u001b[2J\\nservice-connection');
    expect(control.log.count(validatePath)).toBe(2);
  });

  test('of a service that is not configured is a mistake', async () => {
    const failed = await world.connect(['check', 'notoin']);
    expect([failed.exit, failed.visited]).toEqual([2, []]);
  });
});

describe('disconnect', () => {
  test('destroys the tokens, says what is left to do by hand, and may be run again', async () => {
    await world.connect(['notion']);
    await world.connect(['linear']);
    const id = (await world.credentials()).find(({ display_name }) => display_name?.startsWith('Notion'))?.id ?? '';
    const done = await world.connect(['disconnect', 'notion']);
    expect(done.stdout).toMatch(
      /^Notion: ada@example\.test, Ada's Notion is no longer in the vault of ada@example\.test \(vlt_\w+\); its tokens are destroyed\n/,
    );
    expect(done.stdout).toMatch(
      /could not be revoked from here.*: remove it there, in the connected apps of ada@example\.test\n$/,
    );
    expect(world.sandbox.platform.control.peek.secrets(id)).toEqual({});
    expect((await world.credentials()).map(({ display_name }) => display_name)).toEqual(['Linear: ada@example.test']);
    expect(await world.connectJson(['disconnect', 'notion'])).toMatchObject({
      change: 'none',
      credential_ids: [],
      remove_by_hand: null,
    });
    expect((await world.connect(['disconnect', 'notion'])).stdout).toMatch(
      /^Notion: nothing is connected in the vault of /,
    );
    expect(await world.connectJson(['notion'])).toMatchObject({ change: 'created', status: 'valid' });
  });

  test.each([
    ['drop-after-commit', 1, 1],
    ['drop-before-commit', 1, 2],
  ] as const)('whose answer is lost (%s) looks before it asks again', async (kind, times, archives) => {
    await world.connect(['notion']);
    const { control } = world.sandbox.platform;
    control.log.reset();
    control.faults.add({ on: archivePath, fault: { kind }, times });
    expect(await world.connectJson(['disconnect', 'notion'])).toMatchObject({
      change: 'disconnected',
      credential_ids: [expect.stringMatching(/^vcrd_/)],
      account: 'ada@example.test',
      revoked_at_service: false,
      remove_by_hand: { service: 'Notion', account: 'ada@example.test', where: 'connected apps' },
    });
    expect([control.log.count(archivePath), await world.credentials()]).toEqual([archives, []]);
  });

  test.each([
    [500, 'platform_outcome_unknown', 3],
    [403, 'platform_refused', 1],
  ])('that the platform answers with %i is reported, and the next run repairs', async (status, code, times) => {
    await world.connect(['notion']);
    const fault = { kind: 'status', status } as const;
    const active = world.sandbox.platform.control.faults.add({ on: archivePath, fault, times: Infinity });
    const failed = await world.connect(['disconnect', 'notion']);
    expect([failed.exit, failed.stderr, active.hits]).toEqual([1, expect.stringContaining(`[${code}]`), times]);
    active.remove();
    expect((await world.connect(['disconnect', 'notion'])).exit).toBe(0);
    expect(await world.credentials()).toEqual([]);
  });

  test('of two runs at once leaves nothing and fails neither', async () => {
    await world.connect(['notion']);
    const both = await Promise.all([world.connect(['disconnect', 'notion']), world.connect(['disconnect', 'notion'])]);
    expect(both.map(({ exit }) => exit)).toEqual([0, 0]);
    expect(await world.credentials()).toEqual([]);
  });

  test('touches nobody else’s connection, and makes no vault', async () => {
    await world.connect(['notion'], { person: 'grace' });
    expect((await world.connect(['disconnect', 'notion'])).exit).toBe(0);
    expect(await world.credentials()).toHaveLength(1);
    expect((await world.client.beta.vaults.list()).data).toHaveLength(1);
  });

  test('needs to know who asks', async () => {
    await world.connect(['notion']);
    const failed = await world.connect(['disconnect', 'notion'], { person: undefined });
    expect([failed.exit, failed.stderr]).toEqual([4, expect.stringContaining('service-connection disconnect notion')]);
    expect(await world.credentials()).toHaveLength(1);
  });
});

describe('doctor', () => {
  test('has nothing to say about what is as it should be, and changes nothing', async () => {
    expect((await world.connect(['doctor'])).stdout).toBe('there is no vault yet\n');
    for (const service of ['notion', 'slack', 'linear']) await world.connect([service]);
    world.sandbox.platform.control.log.reset();
    expect((await world.connect(['doctor'])).stdout).toBe('nothing to report on 3 connections\n');
    expect(world.asked().filter((line) => !line.startsWith('GET '))).toEqual([]);
  });

  test.each([
    ['the record left as it was', {}, 'is what was stored'],
    ['the record changed along', { mai_token_endpoint: 'swapped' }, 'today the service names'],
  ])('raises an alarm over a token endpoint that was swapped, %s [connecting]', async (_case, metadata, what) => {
    const attacker = await startHostileServer(() => undefined);
    await world.connect(['notion']);
    const token_endpoint = `${attacker.origin}/token`;
    const changed = 'mai_token_endpoint' in metadata ? { mai_token_endpoint: token_endpoint } : {};
    const id = await replaceCredential({ token_endpoint }, changed);
    const failed = await world.connect(['doctor']);
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('[connection_suspect]')]);
    expect(failed.stderr).toMatch(
      new RegExp(`^service-connection: {3}alarm: notion "${id}": its tokens are renewed at`, 'm'),
    );
    expect(failed.stderr).toContain(what);
    expect(failed.stderr).toContain('run: service-connection disconnect notion');
    expect(attacker.requests).toEqual([]);

    // What it says to do helps.
    await world.connect(['disconnect', 'notion']);
    await world.connect(['notion']);
    expect((await world.connect(['doctor'])).exit).toBe(0);
  });

  test('asks only issuers of the catalogue, whatever a record says [connecting]', async () => {
    const attacker = await startHostileServer(() => undefined);
    await world.connect(['notion']);
    await replaceCredential({}, { mai_issuer: attacker.origin });
    const examined = await world.connectJson(['doctor']);
    expect(examined['findings']).toMatchObject([
      {
        level: 'warning',
        service: 'notion',
        what: expect.stringContaining(`its tokens are from "${attacker.origin}"`),
      },
    ]);
    expect(attacker.requests).toEqual([]);
  });

  test('raises an alarm over an issuer that says it is another, and none over one that is down', async () => {
    const { notion } = world.sandbox.services;
    await world.connect(['notion']);
    notion.control.claimIssuer('https://evil.example');
    const failed = await world.connect(['doctor']);
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('https://evil.example')]);
    await notion.close();
    expect(await world.connectJson(['doctor'])).toMatchObject({
      findings: [{ level: 'warning', service: 'notion', next: 'run doctor again later' }],
    });
  });

  test('sees changed records, credentials that nobody catalogued, near-duplicates, and how full the vault is', async () => {
    await world.connect(['notion']);
    const { id, vault_id, auth } = await theCredential();
    if (auth.type !== 'mcp_oauth') throw new Error('expected mcp_oauth');
    await world.client.beta.vaults.credentials.update(id, {
      vault_id,
      metadata: { mai_issuer: null, mai_client_id: 'x' },
    });
    const urls = [auth.mcp_server_url.replace('/mcp', '/MCP'), 'https://elsewhere.example/mcp'];
    for (const mcp_server_url of urls) {
      const planted = { type: 'static_bearer', mcp_server_url, token: 'planted-token' } as const;
      await world.client.beta.vaults.credentials.create(vault_id, { auth: planted });
    }
    for (let index = 0; index < 13; index += 1) {
      await world.client.beta.vaults.credentials.create(vault_id, {
        auth: {
          type: 'environment_variable',
          secret_name: `PLANTED_${index}`,
          secret_value: 'planted-value',
          networking: { type: 'unrestricted' },
        },
      });
    }
    const examined = await world.connectJson(['doctor']);
    const findings = examined['findings'] as { level: string; what: string }[];
    expect(examined).toMatchObject({ connections: 3, credentials: 16 });
    expect(findings.map(({ level }) => level)).toEqual(Array.from({ length: 6 }, () => 'warning'));
    for (const what of [
      'its record lacks issuer:',
      'and "x" is what was stored',
      '/MCP"',
      '"https://elsewhere.example/mcp"',
      '2 credentials have nearly the same address',
      '16 of at most 20',
    ]) {
      expect(findings.filter((finding) => finding.what.includes(what))).not.toEqual([]);
    }
    const { stdout } = await world.connect(['doctor']);
    expect(stdout).toMatch(/^level +service +credential +finding +next\nwarning +/);
  });
});

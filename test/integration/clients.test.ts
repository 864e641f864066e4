/** How `service-connection` becomes a client of a service, with the sandbox and with a real keychain. */
import { randomUUID } from 'node:crypto';
import { openSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { visit } from '../sandbox/visit.mjs';
import { atAuthorization } from '../support/begin.ts';
import type { CommandSetting } from '../support/command.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { missingSecretService, startSecretService, startSilentBus } from '../support/secret-service.ts';
import { skipped } from '../support/skip.ts';
import { fakeTerminal, once } from '../support/terminal.ts';

const world = sandboxPerTest();
const validatePath = 'POST /v1/vaults/:vault/credentials/:credential/mcp_oauth_validate';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Somebody at a terminal who types an answer to each question, in this order. */
function answering(...answers: [question: string, answer: string][]) {
  const terminal = fakeTerminal();
  const open = [...answers];
  const asked: string[] = [];
  const hear = (said: string) => {
    const [next] = open;
    if (next === undefined || said.split(next[0]).length <= asked.filter((question) => question === next[0]).length + 1)
      return;
    open.shift();
    asked.push(next[0]);
    void terminal.type(`${next[1]}\n`);
  };
  return { terminal, hear, asked };
}

const askSecret = 'the secret of the client';
const askClientId = 'Its client id:';
const askItsSecret = 'its client secret, or nothing';

/** A browser that does something each time before it signs Ada in at Notion; the sign-in itself comes first. */
function beforeNotion(act: (time: number) => void): NonNullable<CommandSetting['browse']> {
  let times = 0;
  return atAuthorization(async (url, begun) => {
    if (url.startsWith(world.sandbox.services.notion.issuer)) {
      times += 1;
      act(times);
    }
    return await visit(url, { person: 'ada', begun });
  });
}

const githubSecret = () => {
  const { registration } = world.sandbox.services.github;
  if (registration.kind !== 'pre-registered' || registration.clientSecret === undefined) throw new Error('no secret');
  return registration.clientSecret;
};

/** An open file descriptor of this process that holds a text. */
async function descriptorOf(text: string): Promise<string> {
  const file = join(world.sandbox.folder, `secret-${randomUUID()}`);
  await writeFile(file, text);
  return String(openSync(file, 'r'));
}

const theAuth = async () => {
  const [credential, ...others] = await world.credentials();
  expect(others).toEqual([]);
  return credential?.auth;
};

describe('a pre-registered client with a secret', () => {
  test('is asked for it unseen, and the platform renews tokens with it [b21] [P3]', async () => {
    const { github } = world.sandbox.services;
    github.registerAs('github-app');
    const { terminal, hear, asked } = answering([askSecret, githubSecret()]);
    const { exit, stdout, stderr } = await world.connect(['github'], { terminal, hear });
    expect([exit, asked, terminal.modes]).toEqual([0, [askSecret], [true, false]]);
    expect(stdout + stderr).not.toContain(githubSecret());
    expect(await theAuth()).toMatchObject({ refresh: { token_endpoint_auth: { type: 'client_secret_post' } } });
  });

  test('takes it from a file descriptor, and updates the connection in place [b21]', async () => {
    world.sandbox.services.github.registerAs('github-app');
    const secret = async () => ['--client-secret-fd', await descriptorOf(`${githubSecret()}\n`)];
    const first = await world.connectJson(['github', ...(await secret())]);
    expect(first).toMatchObject({ change: 'created', refreshable: true, status: 'valid' });
    const again = await world.connectJson(['github', ...(await secret())]);
    expect(again).toMatchObject({ change: 'updated', credential_id: first['credential_id'] });
  });

  test.each<[string, object]>([
    ['how the client proves itself', { token_endpoint_auth: { type: 'client_secret_basic' } }],
    ['that there is a secret at all', { token_endpoint_auth: { type: 'none' } }],
    ['the resource that tokens are renewed for', { resource: 'https://elsewhere.example' }],
  ])('replaces a connection where the platform lets nobody change %s', async (_case, stored) => {
    world.sandbox.services.github.registerAs('github-app');
    const secret = async () => ['--client-secret-fd', await descriptorOf(githubSecret())];
    await world.connectJson(['github', ...(await secret())]);
    world.sandbox.platform.control.tamper('GET /v1/vaults/:vault/credentials', (answer) => {
      const { data } = answer as { data: { auth: { refresh?: object } }[] };
      for (const { auth } of data) auth.refresh = { ...auth.refresh, ...stored };
      return answer;
    });
    expect(await world.connectJson(['github', ...(await secret())])).toMatchObject({ change: 'replaced' });
  });

  test('with the wrong one is refused: nothing is stored, and the hint says what to check', async () => {
    const descriptor = await descriptorOf('not the secret of this client');
    const { exit, stderr, visited } = await world.connect(['github', '--client-secret-fd', descriptor]);
    expect([exit, visited.length, await world.credentials()]).toEqual([1, 2, []]);
    expect(stderr).toContain('[client_refused]');
    expect(stderr).toContain('check client_id and token_endpoint_auth_method in config/services/github.yaml');
    expect(stderr).not.toContain('not the secret of this client');
  });

  test.each([
    ['Ctrl-C ends with 130', '\u0003', 130],
    ['Ctrl-D ends with 4', '\u0004', 4],
    ['what cannot be one ends with 4', 'séc\u00a0ret\r', 4],
  ])('is not entered: %s, and the terminal echoes again', async (_case, typed, code) => {
    const terminal = fakeTerminal();
    const { exit, visited } = await world.connect(['github', '--quiet'], {
      terminal,
      ...once(askSecret, () => terminal.type(typed)),
    });
    expect([exit, visited.length, terminal.modes]).toEqual([code, 1, [true, false]]);
  });

  test('cannot be used where nobody can enter it: nobody is sent to the service, and the commands are named', async () => {
    const { exit, stderr, visited } = await world.connect(['github']);
    expect([exit, visited.length]).toEqual([4, 1]);
    expect(stderr).toContain('[client_needed]');
    expect(stderr).toContain('run this in a terminal: service-connection github');
    expect(stderr).toContain('| service-connection github --client-secret-fd 0');
  });

  test('is refused at once where the client has none, and where nothing is open', async () => {
    const useless = await world.connect(['notion', '--client-secret-fd', await descriptorOf('x')]);
    const closed = await world.connect(['github', '--client-secret-fd', '1000']);
    expect([useless.exit, useless.visited, closed.exit, closed.visited]).toEqual([2, [], 2, []]);
    for (const number of ['1', '2', '-3', '3.5', 'three']) {
      expect((await world.connect(['github', '--client-secret-fd', number])).exit).toBe(2);
    }
  });
});

describe('the order of registration, where the file leaves it open: [A1.12]', () => {
  const leaveOpen = (name: string) =>
    world.configure(`services/${name}.yaml`, ({ authorization }) => {
      delete authorization.registration;
    });

  test('the client of the file', async () => {
    const { slack } = world.sandbox.services;
    await leaveOpen('slack');
    await world.connectJson(['slack']);
    expect([slack.counters.registrations, await theAuth()]).toMatchObject([
      0,
      { refresh: { client_id: slack.registration.kind === 'pre-registered' && slack.registration.clientId } },
    ]);
  });

  test('its document, where the server takes such', async () => {
    const { linear } = world.sandbox.services;
    await leaveOpen('linear');
    await world.connectJson(['linear']);
    expect([linear.counters.registrations, await theAuth()]).toMatchObject([
      0,
      {
        refresh: { client_id: linear.registration.kind === 'client-metadata' && linear.registration.clientMetadataUrl },
      },
    ]);
  });

  test('registration', async () => {
    await leaveOpen('notion');
    await world.connectJson(['notion']);
    expect(world.sandbox.services.notion.counters.registrations).toBe(1);
  });

  test('asking, with the redirect URI to register; exit 4 where nobody is there', async () => {
    const { notion } = world.sandbox.services;
    await leaveOpen('notion');
    notion.control.tamperMetadata(({ registration_endpoint: _, ...metadata }) => metadata);
    const unattended = await world.connect(['notion']);
    expect([unattended.exit, unattended.stderr]).toEqual([4, expect.stringContaining('[client_needed]')]);
    expect(unattended.stderr).toContain('run this in a terminal: service-connection notion');

    const terminal = fakeTerminal();
    let questions = 0;
    const { exit, stderr } = await world.connect(['notion'], {
      terminal,
      hear(said) {
        const [, redirectUri] = /with the redirect URI (\S+)\. Its client id:/.exec(said) ?? [];
        if (questions === 0 && redirectUri !== undefined) {
          questions = 1;
          void registerByHand(redirectUri).then((clientId) => terminal.type(`${clientId}\n`));
        }
        if (questions === 1 && said.includes(askItsSecret)) {
          questions = 2;
          void terminal.type('\n');
        }
      },
    });
    expect([exit, stderr]).toEqual([0, expect.stringContaining(askItsSecret)]);
    expect(await theAuth()).toMatchObject({ refresh: { token_endpoint_auth: { type: 'none' } } });
  });
});

/** Registers a client as somebody would at the settings page of a service. */
async function registerByHand(redirectUri: string): Promise<string> {
  const response = await fetch(`${world.sandbox.services.notion.issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      application_type: 'native',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    }),
  });
  return String(((await response.json()) as Record<string, unknown>)['client_id']);
}

describe('a client that registered itself', () => {
  const assignSecrets = () =>
    world.sandbox.services.notion.control.tamperMetadata((metadata) => ({
      ...metadata,
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    }));

  test('with a secret: the platform renews with it, and without a keychain another one is registered', async () => {
    const { notion } = world.sandbox.services;
    assignSecrets();
    await world.connectJson(['notion']);
    expect(await theAuth()).toMatchObject({ refresh: { token_endpoint_auth: { type: 'client_secret_post' } } });
    expect(await world.connectJson(['notion'])).toMatchObject({ change: 'replaced', status: 'valid' });
    expect(notion.counters.registrations).toBe(2);
  });

  test('that the service refuses at last is made anew, and the person is asked once more [A1.15]', async () => {
    const { notion } = world.sandbox.services;
    await world.connectJson(['notion']);
    const outcome = await world.connect(['notion', '--json'], {
      browse: beforeNotion((time) =>
        notion.control.failTokenEndpoint(time === 1 ? { status: 401, body: { error: 'invalid_client' } } : undefined),
      ),
    });
    expect([outcome.exit, outcome.visited.length]).toEqual([0, 3]);
    expect(outcome.stderr).toContain('notion no longer knows the client');
    expect(JSON.parse(outcome.stdout)).toMatchObject({ change: 'replaced', status: 'valid' });
    expect([notion.counters.registrations, (await world.credentials()).length]).toEqual([2, 1]);
  });

  test('that is refused each time is made anew once, and no more [connecting]', async () => {
    const { notion } = world.sandbox.services;
    await world.connectJson(['notion']);
    notion.control.failTokenEndpoint({ status: 401, body: { error: 'invalid_client' } });
    const outcome = await world.connect(['notion']);
    expect([outcome.exit, outcome.visited.length, notion.counters.registrations]).toEqual([1, 3, 2]);
    expect(outcome.stderr).toContain('[client_refused]');
  });

  test('and was refused at once is not made anew', async () => {
    const { notion } = world.sandbox.services;
    notion.control.failTokenEndpoint({ status: 401, body: { error: 'invalid_client' } });
    const outcome = await world.connect(['notion']);
    expect([outcome.exit, outcome.visited.length, notion.counters.registrations]).toEqual([1, 2, 1]);
  });

  test.each([
    ['forgotten: another one, before anybody is sent to a page that shows an error', 401, 'invalid_client', 2],
    ['known, and the grant is spent: the same one', 400, 'invalid_grant', 1],
  ])('is %s', async (_case, status_code, error, registrations) => {
    const { notion } = world.sandbox.services;
    await world.connectJson(['notion']);
    const body = JSON.stringify({ error });
    const untamper = world.sandbox.platform.control.tamper(validatePath, (answer) => {
      untamper();
      const http_response = { status_code, content_type: 'application/json', body, body_truncated: false };
      return { ...(answer as object), status: 'invalid', refresh: { status: 'failed', http_response } };
    });
    const { exit, visited, stderr } = await world.connect(['notion']);
    expect([exit, visited.length, notion.counters.registrations]).toEqual([0, 2, registrations]);
    expect(stderr.includes('no longer knows the client')).toBe(registrations === 2);
  });

  test('is used again where the platform cannot say whether it is known', async () => {
    await world.connectJson(['notion']);
    world.sandbox.platform.control.faults.add({ on: validatePath, fault: { kind: 'status', status: 500 } });
    expect(await world.connectJson(['notion'])).toMatchObject({ change: 'updated' });
    expect(world.sandbox.services.notion.counters.registrations).toBe(1);
  });
});

const noKeychain = missingSecretService();
describe.skipIf(skipped(noKeychain))('with a keychain', { timeout: 60_000 }, () => {
  /** The variables of a run that has a keychain of its own. */
  async function keychain(start = startSecretService) {
    for (const [name, value] of Object.entries(await start())) vi.stubEnv(name, value);
    return { MAI_KEYCHAIN: '' };
  }

  test('a client that registered itself is used again, also where nothing is connected any more', async () => {
    const { notion } = world.sandbox.services;
    const environment = await keychain();
    notion.control.tamperMetadata((metadata) => ({
      ...metadata,
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    }));
    await world.connectJson(['notion'], { environment });
    expect(await world.connectJson(['notion'], { environment })).toMatchObject({ change: 'updated', status: 'valid' });
    await world.connectJson(['disconnect', 'notion'], { environment });
    await world.connectJson(['notion'], { environment });
    expect(notion.counters.registrations).toBe(1);
    await world.connectJson(['notion', '--new-client'], { environment });
    expect(notion.counters.registrations).toBe(2);
  });

  test('that is switched off keeps nothing and is not looked into', async () => {
    const { notion } = world.sandbox.services;
    const on = await keychain();
    notion.control.tamperMetadata((metadata) => ({
      ...metadata,
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    }));
    await world.connectJson(['notion']);
    await world.connectJson(['notion'], { environment: on });
    await world.connectJson(['notion']);
    expect(notion.counters.registrations).toBe(3);
  });

  test('a secret is entered once; --new-client asks again, and what is wrong is not kept [P3]', async () => {
    const environment = await keychain();
    const wrong = await world.connect(['github', '--quiet'], { environment, ...answering([askSecret, 'a wrong one']) });
    expect([wrong.exit, wrong.stderr]).toEqual([1, expect.stringContaining('[client_refused]')]);
    expect((await world.connect(['github'], { environment })).exit).toBe(4);
    const right = await world.connect(['github'], { environment, ...answering([askSecret, githubSecret()]) });
    expect(right.exit).toBe(0);
    expect(await world.connectJson(['github'], { environment })).toMatchObject({ status: 'valid' });
    expect((await world.connect(['github', '--new-client'], { environment })).exit).toBe(4);
  });

  test('a secret that worked is kept although what came of it is not', async () => {
    const environment = await keychain();
    const argv = ['github', '--quiet', '--expect-account', 'somebody-else'];
    const first = await world.connect(argv, { environment, ...answering([askSecret, githubSecret()]) });
    expect([first.exit, await world.credentials()]).toEqual([3, []]);
    expect(await world.connectJson(['github'], { environment })).toMatchObject({ status: 'valid' });
  });

  test('a client that was entered is used again at its own redirect URI', async () => {
    const { notion } = world.sandbox.services;
    const environment = await keychain();
    await world.configure('services/notion.yaml', ({ authorization }) => {
      authorization.registration = 'ask';
      authorization.redirect = { port: 41_979 };
    });
    const clientId = await registerByHand('http://127.0.0.1:41979/callback');
    const setting = { environment, ...answering([askClientId, clientId], [askItsSecret, '']) };
    expect((await world.connect(['notion'], setting)).exit).toBe(0);
    expect(await world.connectJson(['notion'], { environment })).toMatchObject({ change: 'updated' });
    expect(notion.counters.registrations).toBe(1);
  });

  test('that never answers: connected all the same and in time, and what was entered is said to be lost', async () => {
    const environment = await keychain(startSilentBus);
    const began = Date.now();
    const notion = await world.connect(['notion', '--verbose'], { environment });
    expect([notion.exit, notion.stderr.match(/no client is remembered: the keychain/g)?.length]).toEqual([0, 1]);
    expect(Date.now() - began).toBeLessThan(20_000);
    const github = await world.connect(['github'], { environment, ...answering([askSecret, githubSecret()]) });
    expect([github.exit, github.stderr]).toEqual([0, expect.stringContaining('has to be entered again next time')]);
  });
});

test('MAI_KEYCHAIN is off or nothing', async () => {
  const { exit, stderr } = await world.connect(['notion'], { environment: { MAI_KEYCHAIN: 'on' } });
  expect([exit, stderr]).toEqual([2, expect.stringContaining('expected "off"')]);
});

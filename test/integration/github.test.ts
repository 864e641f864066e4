/** A GitHub-shaped service: a client with a secret, a device flow, errors that look like answers. */
import { describe, expect, test } from 'vitest';
import { visit } from '../sandbox/visit.mjs';
import { clientSecretOf, connecting, descriptorWith } from '../support/client-secret.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

const hour = 3600 * 1000;

/** A terminal at which a text is typed when something is asked for. */
function typing(question: string, text: string) {
  const terminal = fakeTerminal();
  let typed = false;
  const hear = (said: string) => {
    if (typed || !said.includes(question)) return;
    typed = true;
    void terminal.type(`${text}\r`);
  };
  return { terminal, modes: terminal.modes, hear };
}

test('the secret of the client is asked for at the terminal, unseen', async () => {
  const { modes, ...setting } = typing('the secret of the client', clientSecretOf(world.sandbox.services.github));
  const { exit, stdout } = await world.connect(['github', '--quiet'], setting);
  expect([exit, stdout]).toEqual([0, expect.stringContaining('GitHub: ada-example is now in the vault')]);
  expect(modes).toContain(true);
});

test('without the secret nothing begins, and a wrong one is an error although the answer has status 200', async () => {
  const { github } = world.sandbox.services;
  const nobody = await world.connect(['github']);
  expect([nobody.exit, nobody.stderr]).toEqual([4, expect.stringContaining('--client-secret-fd')]);
  expect(github.counters.authorizations).toBe(0);

  const wrong = await world.connect(['github', '--client-secret-fd', String(await descriptorWith('a guess'))]);
  expect([wrong.exit, wrong.stderr]).toEqual([
    expect.any(Number),
    expect.stringContaining('incorrect_client_credentials'),
  ]);
  expect(wrong.exit).not.toBe(0);
  expect(await world.credentials()).toEqual([]);
});

test('a token that lasts is stored without an expiry and without anything to renew it', async () => {
  const { github } = world.sandbox.services;
  const connected = await world.connectJson(await connecting(github));
  expect(connected).toMatchObject({ refreshable: false, scopes: ['repo', 'read:org'] });
  const [credential] = await world.credentials();
  expect(credential?.auth).toEqual({ type: 'mcp_oauth', mcp_server_url: github.mcpUrl });
});

test('a token of a GitHub app is renewed by the platform, with the secret that is in the vault', async () => {
  const { github } = world.sandbox.services;
  github.registerAs('github-app');
  expect(await world.connectJson(await connecting(github))).toMatchObject({ refreshable: true });
  const [credential] = await world.credentials();
  expect(credential?.auth).toMatchObject({
    refresh: { token_endpoint: github.tokenEndpoint, token_endpoint_auth: { type: 'client_secret_post' } },
  });
  for (let times = 1; times <= 3; times += 1) {
    world.sandbox.clock.advance(9 * hour);
    expect(await world.connectJson(['check', 'github'])).toMatchObject({ services: [{ status: 'connected' }] });
    expect([github.counters.refreshes, github.counters.reuses]).toEqual([times, 0]);
  }
});

test('a personal token is entered instead, and is that account’s', async () => {
  const { github } = world.sandbox.services;
  const { modes, ...setting } = typing('the token of GitHub', github.issuePersonalToken('ada', ['repo']));
  const { exit, stdout, stderr } = await world.connect(['github', '--token-stdin', '--quiet'], setting);
  expect([exit, stdout, stderr]).toEqual([0, expect.stringContaining('ada-example'), expect.anything()]);
  expect(modes).toContain(true);
  expect((await world.credentials()).map(({ auth }) => auth)).toEqual([
    { type: 'static_bearer', mcp_server_url: github.mcpUrl },
  ]);
  expect(github.counters.tokenRequests).toBe(0);
  expect(await callIssues()).toEqual(['list_issues as ada']);
});

/** Lets a session of Ada's read, and says as whom the service saw it. */
async function callIssues() {
  await world.configure('agents/editor.yaml', (agent) => {
    agent.services = { github: { write: 'off' } };
  });
  await world.apply('editor');
  const call = 'call github list_issues {"owner":"o","repo":"r"}';
  expect((await world.setup(['--agent', 'editor', '--message', call])).exit).toBe(0);
  return world.sandbox.services.github.calls
    .filter(({ tool }) => tool === 'list_issues')
    .map(({ tool, account }) => `${tool} as ${account}`);
}

describe('--device', () => {
  /** Enters the code that is shown, at the address that is shown. */
  function enteringTheCode(person: 'ada' | 'grace', deny = false) {
    let visits: Promise<unknown> | undefined;
    return {
      hear(said: string) {
        const shown = /open (\S+) in any browser and enter the code: (\S+)/.exec(said);
        if (shown !== null) visits ??= visit(shown[1] ?? '', { person, deny, code: shown[2] ?? '' });
      },
      page: async () => ((await visits) as { body: string } | undefined)?.body,
    };
  }

  test('shows a code, waits until it was entered at the service, and stores what comes back', async () => {
    const { github } = world.sandbox.services;
    github.control.pollEvery(0.2);
    const { hear, page } = enteringTheCode('ada');
    const { exit, stdout, stderr, visited } = await world.connect(await connecting(github, '--device'), {
      terminal: fakeTerminal(),
      hear,
    });
    // The one visit of the command's own is the sign-in.
    expect([exit, visited.length, stdout]).toEqual([0, 1, expect.stringContaining('GitHub: ada-example is now in')]);
    expect(stderr).toContain(`open ${new URL(github.issuer).origin}/login/device in any browser`);
    expect(stderr).toContain('do this only if you started it yourself');
    expect(await page()).toContain('Go back to where the code is shown');
    expect([github.counters.deviceAuthorizations, github.counters.authorizations]).toEqual([1, 0]);
    const talked = await callIssues();
    expect(talked).toEqual(['list_issues as ada']);
  });

  test('ends when it was denied at the service, and stores nothing', async () => {
    const { github } = world.sandbox.services;
    github.control.pollEvery(0.2);
    const { hear } = enteringTheCode('ada', true);
    const terminal = fakeTerminal();
    const { exit, stderr } = await world.connect(await connecting(github, '--device', '--quiet'), { terminal, hear });
    expect([exit, stderr]).toEqual([expect.any(Number), expect.stringContaining('access was denied')]);
    expect([exit === 0, await world.credentials()]).toEqual([false, []]);
  });
});

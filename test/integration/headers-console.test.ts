/** Eight connectors of an agent on a person's own machine, where a console holds the key: from one sign-in to its end. */
import { randomUUID } from 'node:crypto';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { machineClock } from '../../internal/clock/clock.ts';
import type { Service } from '../../internal/config/definitions.ts';
import { readAccount } from '../../internal/connection/account/account.ts';
import { guardedFetch } from '../../internal/outside/http.ts';
import { Secret } from '../../internal/secret/secret.ts';
import { keychainSecrets } from '../../internal/stores/files/machine-secrets.ts';
import { tableText } from '../../internal/text/table.ts';
import { contexts } from '../sandbox/identity-provider.ts';
import { type DeskService, deskFile, startDesk } from '../sandbox/services/desk.ts';
import type { SandboxService } from '../sandbox/services/service.ts';
import { ask } from '../support/ask.ts';
import { connecting } from '../support/client-secret.ts';
import type { CommandSetting } from '../support/command.ts';
import { type RunningConsole, startConsole, withoutKey } from '../support/console.ts';
import { idTokenOf } from '../support/console-caller.ts';
import { keychainInMemory } from '../support/keychain-in-memory.ts';
import { asClaudeCode, runHeaders } from '../support/local-agents.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let running: RunningConsole;
let desks: DeskService[];
let machine: Partial<CommandSetting> & { folder: string };

/** Three services of the company behind its provider, five of others, of which each person allows a grant. */
beforeEach(async () => {
  const { sandbox } = world;
  const start = (name: string) => startDesk(sandbox.identityProvider, sandbox.clock.now, name);
  desks = await Promise.all(['desk', 'wiki', 'crm'].map(start));
  for (const each of desks) {
    const file = { ...deskFile(each), local_agents: ['idp'], ...(each.name === 'crm' && { require: secondFactor }) };
    await writeFile(join(sandbox.configFolder, 'services', `${each.name}.yaml`), stringify(file));
  }
  for (const name of Object.keys(sandbox.services)) {
    await world.configure(`services/${name}.yaml`, (content) => {
      content.local_agents = ['grant'];
    });
  }
  const keychain = keychainInMemory();
  const kept = { secrets: async () => keychainSecrets(keychain) };
  machine = { folder: await world.machine(), kept, environment: withoutKey(sandbox) };
  running = await startConsole(sandbox, ({ people }) => {
    for (const { name } of desks) people.groups.support[name] = { read: 'on', write: 'on' };
    people.operators = { principals: [sandbox.people.grace.subject] };
  });
});
afterEach(async () => {
  await running.stop();
  await Promise.all(desks.map((each) => each.close()));
});

const secondFactor = { acr: [contexts.secondFactor] };
const services = (): SandboxService[] => [...desks, ...Object.values(world.sandbox.services)];
const headers = async (argv: readonly string[], setting: Partial<CommandSetting> = {}) => {
  const { environment } = machine;
  // The helper of a person has no key, whatever the sandbox has.
  const keyless = { ...environment, ...setting.environment, ANTHROPIC_API_KEY: '' };
  for (;;) {
    const outcome = await runHeaders(world.sandbox, argv, { ...machine, ...setting, environment: keyless });
    // The limits of one person are not what this is about.
    if (!outcome.stderr.includes('too many requests')) return outcome;
    await machineClock.pause(1_000);
  }
};
const byClaude = async ({ name, mcpUrl }: SandboxService) => {
  const { exit, header, stderr } = await headers([name], { environment: asClaudeCode(name, mcpUrl) });
  return { name, exit, header, stderr };
};
const allow = async (service: SandboxService) => {
  const [name = '', ...secret] = await connecting(service);
  expect(await headers([name, '--authorize', ...secret], { person: 'ada' })).toMatchObject({ exit: 0 });
};
/** Whose account a service says that a header is of. */
const accountOf = async (service: SandboxService, header = '') => {
  const fetch = guardedFetch({ allowLoopbackHttp: true, signal: AbortSignal.timeout(30_000) });
  const { account = deskAccount } = { account: accounts[service.name] };
  const file = { name: service.name, mcp_server_url: service.mcpUrl, account } as Service;
  const found = await readAccount(file, new Secret(header.replace('Bearer ', '')), fetch, AbortSignal.timeout(30_000));
  return found?.name;
};
const deskAccount = { tool: 'whoami', arguments: {}, name: 'user.email', match: 'none' as const };
const accounts: Readonly<Record<string, typeof deskAccount & { arguments: object }>> = {
  notion: { ...deskAccount, tool: 'notion-fetch', arguments: { id: 'self' } },
  linear: { ...deskAccount, tool: 'get_user', arguments: { query: 'me' } },
  google: { ...deskAccount, tool: 'get_profile' },
  github: { ...deskAccount, tool: 'get_me', name: 'login' },
  slack: { ...deskAccount, tool: 'slack_read_user_profile' },
};

/** From a signal until all eight helpers are refused, in seconds: each is asked again until it gives nothing. */
const secondsUntilRefused = async (signal: () => Promise<unknown>, exit: number) => {
  const began = performance.now();
  const signalled = signal();
  const last = await Promise.all(
    services().map(async (service) => {
      for (;;) {
        const outcome = await byClaude(service);
        if (outcome.exit === exit) return performance.now();
        expect([outcome.name, outcome.exit]).toEqual([outcome.name, 0]);
        // Enough to see it end, and no more than one person may ask.
        await machineClock.pause(250);
      }
    }),
  );
  await signalled;
  return (Math.max(...last) - began) / 1000;
};

/** The provider says that all sign-ins of Ada have ended. */
const signOutAtProvider = async () => {
  const seconds = Math.floor(Date.now() / 1000);
  const token = await idTokenOf(world.sandbox, 'ada', {
    typ: 'logout+jwt',
    claims: {
      ...{ groups: undefined, email: undefined, email_verified: undefined, nonce: undefined },
      ...{ iat: seconds, exp: seconds + 120, jti: randomUUID() },
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    },
  });
  const answered = await ask(`${running.origin}/v1/logout`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ logout_token: token }).toString(),
  });
  expect(answered.status).toBe(200);
};

test('eight connectors: one sign-in, one not allowed yet, one that wants more, and an end in seconds [P1, P4]', async () => {
  const rows: [step: string, seconds: string][] = [];
  const step = async <Result>(name: string, act: () => Promise<Result>): Promise<Result> => {
    const began = performance.now();
    const result = await act();
    rows.push([name, ((performance.now() - began) / 1000).toFixed(2)]);
    return result;
  };
  const { google, notion } = world.sandbox.services;
  const crm = desks.find(({ name }) => name === 'crm') ?? google;
  await step('sign in, once', async () => {
    expect(await world.connect(['login'], { ...machine, person: 'ada' })).toMatchObject({ exit: 0 });
  });
  await step('allow four grants, enter two secrets of clients', async () => {
    const rest = services().filter(({ name }) => !['google', 'crm'].includes(name));
    for (const service of rest) await allow(service);
  });
  const first = await step('eight helpers at once', async () => await Promise.all(services().map(byClaude)));
  const missing = first.filter(({ header }) => header === undefined);
  expect(missing.map(({ name, exit }) => [name, exit])).toEqual([
    ['crm', 4],
    ['google', 4],
  ]);
  expect(missing[0]?.stderr).toContain('service-connection headers crm --authorize');
  expect(missing[0]?.stderr).toContain('[sign_in_needed]');
  expect(missing[1]?.stderr).toContain('service-connection headers google --authorize');
  expect(missing[1]?.stderr).toContain('[connection_needed]');
  await step('allow the one that was not', async () => await allow(google));
  await step('sign in better, for the one that wants it', async () => await allow(crm));
  const all = await step('eight helpers at once', async () => await Promise.all(services().map(byClaude)));
  expect(all.filter(({ exit }) => exit !== 0)).toEqual([]);
  const used = await step('a call of each service', async () => {
    return await Promise.all(services().map(async (service, index) => await accountOf(service, all[index]?.header)));
  });
  expect(new Set(used)).toEqual(new Set(['ada@example.test', 'ada-example']));

  const atSignOut = await secondsUntilRefused(signOutAtProvider, 4);
  rows.push(['the provider says that the sign-in ended: until the last of eight is refused', atSignOut.toFixed(2)]);
  // A provider says seconds: what it signs in the very second of a sign-out may be of before it.
  await step('sign in again', async () => await vi.waitFor(() => allow(crm), { timeout: 20_000, interval: 300 }));
  expect((await Promise.all(services().map(byClaude))).filter(({ exit }) => exit !== 0)).toEqual([]);

  // What else acts for her: a connection in her vault, and a session that runs with it.
  expect(await world.connect(['notion'], { ...machine, person: 'ada' })).toMatchObject({ exit: 0 });
  await world.apply('support');
  expect(await world.setup(['--agent', 'support'], { ...machine, person: 'ada' })).toMatchObject({ exit: 0 });
  const { subject } = world.sandbox.people.ada;
  let ended: { steps: { act: string; done: boolean }[]; seconds: number } | undefined;
  const atOffboarding = await secondsUntilRefused(async () => {
    const words = ['offboard', subject, '--yes-offboard', subject];
    const folder = await world.machine();
    ended = (await world.connectJson(words, {
      person: 'grace',
      folder,
      environment: withoutKey(world.sandbox),
    })) as never;
  }, 3);
  rows.push(['off-boarding by one command: until the last of eight is refused', atOffboarding.toFixed(2)]);
  rows.push(['off-boarding: sessions ended, connections archived', String(ended?.seconds)]);
  const done = new Set(ended?.steps.filter((each) => each.done).map(({ act }) => act));
  expect(done).toEqual(new Set(['vault.mark', 'credential.archive', 'session.end', 'vault.archive']));
  // Of the grants only that of the vault is left, which nobody can read back.
  expect(notion.control.liveGrants('ada')).toHaveLength(1);
  process.stdout.write(`${tableText({ heading: ['step', 'seconds'], rows })}\n`);
  expect(Math.max(atSignOut, atOffboarding)).toBeLessThan(120);
}, 180_000);

test('without the console, or with another answer of its than of the files here, there is no header [P4, P5]', async () => {
  const { notion } = world.sandbox.services;
  await allow(notion);
  expect(await byClaude(notion)).toMatchObject({ exit: 0 });
  // What is reviewed at the console counts, and not what is on this machine.
  const here = join(machine.folder, 'config-of-mine');
  await cp(world.sandbox.configFolder, here, { recursive: true });
  const mine = { environment: { ...asClaudeCode('notion', notion.mcpUrl), MAI_CONFIG: here } };
  await world.configure('services/notion.yaml', (content) => {
    content.require = secondFactor;
  });
  await expect.poll(async () => (await headers(['notion'], mine)).exit, { timeout: 20_000, interval: 500 }).toBe(4);
  await world.configure('services/notion.yaml', (content) => {
    delete content.require;
    delete content.local_agents;
  });
  await expect.poll(async () => (await headers(['notion'], mine)).exit, { timeout: 20_000, interval: 500 }).toBe(3);
  await running.stop();
  const { exit, stderr } = await headers(['notion'], mine);
  expect([exit, stderr]).toEqual([1, expect.stringContaining('[console_unreachable]')]);
}, 60_000);

/** Asks once, and is not asked again by the test. */
const once = async ({ name, mcpUrl }: SandboxService) => {
  const environment = { ...machine.environment, ...asClaudeCode(name, mcpUrl), ANTHROPIC_API_KEY: '' };
  return await runHeaders(world.sandbox, [name], { ...machine, environment });
};

test('50 helpers at once: each has the header, or words and a way that leads to it', async () => {
  const { notion } = world.sandbox.services;
  await allow(notion);
  const all = await Promise.all(Array.from({ length: 50 }, async () => await once(notion)));
  const refused = all.filter(({ exit }) => exit !== 0);
  for (const { exit, stderr } of refused) {
    expect([exit, stderr]).toEqual([
      1,
      expect.stringMatching(/too many requests: again in \d+ s[\s\S]*hint: run the command again/),
    ]);
  }
  const headersGiven = new Set(all.flatMap(({ header }) => header ?? []));
  expect([headersGiven.size, all.length - refused.length]).toEqual([1, expect.any(Number)]);
  expect((await headers([notion.name])).header).toBe([...headersGiven][0]);
  process.stdout.write(
    `50 helpers at once: ${all.length - refused.length} headers, ${refused.length} told to come again\n`,
  );
}, 120_000);

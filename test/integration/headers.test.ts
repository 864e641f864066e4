/** `service-connection headers`: what an agent on a person's own machine sends to a service. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { deferred } from '../../internal/async/deferred.ts';
import { KeychainUnavailable } from '../../internal/outside/keychain.ts';
import { keychainSecrets } from '../../internal/stores/files/machine-secrets.ts';
import { contexts } from '../sandbox/identity-provider.ts';
import { type DeskService, deskFile, startDesk } from '../sandbox/services/desk.ts';
import type { SandboxService } from '../sandbox/services/service.ts';
import { descriptorWith } from '../support/client-secret.ts';
import type { CommandSetting } from '../support/command.ts';
import { idTokenOf } from '../support/console-caller.ts';
import { keychainInMemory, type MemoryKeychain } from '../support/keychain-in-memory.ts';
import { cannotLend } from '../support/lent-process.ts';
import { asClaudeCode, runHeaders } from '../support/local-agents.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skipped } from '../support/skip.ts';
import { storesInMemory } from '../support/stores-in-memory.ts';

const world = sandboxPerTest();
let desk: DeskService;
let folder: string;
let keychain: MemoryKeychain;

beforeEach(async () => {
  desk = await startDesk(world.sandbox.identityProvider, world.sandbox.clock.now);
  const file = { ...deskFile(desk), local_agents: ['idp'] };
  await writeFile(join(world.sandbox.configFolder, 'services', 'desk.yaml'), stringify(file));
  await world.configure('interface.yaml', (content) => {
    content.people.groups.support.desk = { read: 'on', write: 'on' };
  });
  await world.configure('services/notion.yaml', (content) => {
    content.local_agents = ['grant'];
  });
  folder = await world.machine();
  keychain = keychainInMemory();
});
afterEach(() => desk.close());

const notion = () => world.sandbox.services.notion;
const onMachine = (): Partial<CommandSetting> & { folder: string } => ({
  folder,
  kept: { secrets: async () => keychainSecrets(keychain) },
});
/** As an agent runs it: nobody is there. */
const headers = (argv: readonly string[], setting: Partial<CommandSetting> = {}) =>
  runHeaders(world.sandbox, argv, { ...onMachine(), ...setting });
/** As a person runs it at their browser. */
const byAda = (...argv: string[]) => headers(argv, { person: 'ada' });

const allowed = async (...argv: string[]) => {
  const { exit, stderr } = await byAda(...argv, '--authorize');
  expect([exit, stderr]).toEqual([0, expect.not.stringContaining('error')]);
};
/** The access that is kept, as far as it is no secret; undefined where none is. */
const keptOf = (url: string) => {
  const text = [...keychain.kept].find(([name]) => name.startsWith(`access of local agents to ${url}`))?.[1];
  return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
};
/** Nothing is kept for a service any more. */
const forget = (url: string) => {
  for (const name of keychain.kept.keys())
    if (name.startsWith(`access of local agents to ${url}`)) keychain.kept.delete(name);
};
/** What is handed out as it is lasts longer, in seconds. */
const soon = 30;
/** What is given from now on ends in so many seconds; `undefined`: nobody says when. */
const ends = (service: Pick<SandboxService, 'control'>, seconds: number | undefined) =>
  service.control.tamperTokenResponse((answer) => ({ ...answer, expires_in: seconds }));

describe('a grant of its own', () => {
  test('is asked for once, kept in the keychain alone, and is none of the vault [P3]', async () => {
    const nobody = await headers(['notion']);
    expect([nobody.exit, nobody.stderr]).toEqual([4, expect.stringContaining('[sign_in_needed]')]);
    expect(nobody.stderr).toContain('service-connection headers notion --authorize');
    expect(await world.connect(['login'], { ...onMachine(), person: 'ada' })).toMatchObject({ exit: 0 });
    const missing = await headers(['notion']);
    expect([missing.exit, missing.stderr]).toEqual([4, expect.stringContaining('[connection_needed]')]);
    expect(missing.stderr).toContain('service-connection headers notion --authorize');
    const { exit, stdout } = await byAda('notion', '--authorize');
    expect([exit, stdout]).toEqual([0, expect.stringContaining('ada@example.test')]);
    const asked = notion().counters.tokenRequests;
    const claude = await headers(['notion'], { environment: asClaudeCode('notion', notion().mcpUrl) });
    expect([claude.exit, claude.header]).toEqual([0, expect.stringMatching(/^Bearer [\x21-\x7e]+$/)]);
    // The name that the agent says is enough, and without one any client is served.
    const unnamed = await headers([], { environment: asClaudeCode('notion', notion().mcpUrl) });
    const plain = await headers(['notion', '--json']);
    expect([unnamed.header, plain.header]).toEqual([claude.header, claude.header]);
    expect(notion().counters.tokenRequests).toBe(asked);
    expect(await world.credentials()).toEqual([]);
  });

  test('has a refresh token and a client of its own: the vault’s is never shown, and nothing ends it [P3]', async () => {
    expect(await world.connect(['notion'], { ...onMachine(), person: 'ada' })).toMatchObject({ exit: 0 });
    ends(notion(), soon);
    await allowed('notion');
    expect(notion().counters).toMatchObject({ registrations: 2, refreshes: 0 });
    // Each renewal shows what the one before has brought.
    for (const refreshes of [1, 2, 3]) {
      expect(await headers(['notion'])).toMatchObject({ exit: 0 });
      expect(notion().counters).toMatchObject({ refreshes, reuses: 0 });
    }
    expect(await world.connect(['check', 'notion'], onMachine())).toMatchObject({ exit: 0 });
    expect(notion().control.liveGrants('ada')).toHaveLength(2);
  });

  test('of which 50 at once show the refresh token once, and all have what came of it [P8]', async () => {
    ends(notion(), soon);
    await allowed('notion');
    notion().control.tamperTokenResponse();
    const place = storesInMemory();
    const kept = { ...onMachine().kept, stores: async () => place.open() };
    const all = await Promise.all(Array.from({ length: 50 }, () => headers(['notion'], { kept })));
    expect(new Set(all.map(({ exit, header }) => `${exit} ${header}`)).size).toBe(1);
    expect([all[0]?.exit, notion().counters.refreshes, notion().counters.reuses]).toEqual([0, 1, 0]);
  });

  test('that has ended is asked for again; one that cannot be renewed now is kept [P8]', async () => {
    ends(notion(), soon);
    await allowed('notion');
    notion().control.failTokenEndpoint({ status: 503, body: 'busy', times: 1 });
    const busy = await headers(['notion']);
    expect([busy.exit, busy.stderr]).toEqual([1, expect.stringContaining('error')]);
    expect(await headers(['notion'])).toMatchObject({ exit: 0 });
    // What came of it is heard by nobody: the next one shows what was spent, and the service ends all of it.
    notion().control.cutTokenAnswer('after');
    expect(await headers(['notion'])).toMatchObject({ exit: 1 });
    const ended = await headers(['notion']);
    expect([ended.exit, ended.stderr]).toEqual([4, expect.stringContaining('[connection_needed]')]);
    expect(keptOf(notion().mcpUrl)).toBeUndefined();
    await allowed('notion');
    expect(await headers(['notion'])).toMatchObject({ exit: 0 });
  });

  test('of another account is given back, and nothing is kept [P1]', async () => {
    expect(await world.connect(['login'], { ...onMachine(), person: 'ada' })).toMatchObject({ exit: 0 });
    const other = await headers(['notion', '--authorize'], { person: 'grace' });
    expect([other.exit, other.stderr]).toEqual([3, expect.stringContaining('[account_mismatch]')]);
    expect([keptOf(notion().mcpUrl), notion().control.liveGrants('grace')]).toEqual([undefined, []]);
  });

  test('of somebody else on the same machine is none of theirs [P1]', async () => {
    await allowed('notion');
    expect(await world.connect(['logout'], onMachine())).toMatchObject({ exit: 0 });
    expect(await world.connect(['login'], { ...onMachine(), person: 'grace' })).toMatchObject({ exit: 0 });
    const grace = await headers(['notion']);
    expect([grace.exit, grace.stderr]).toEqual([4, expect.stringContaining('[connection_needed]')]);
  });

  test('is taken away with --end, and revoked there; one that is allowed again takes its place', async () => {
    await allowed('notion');
    await allowed('notion');
    expect(notion().control.liveGrants('ada')).toHaveLength(1);
    const { exit, stdout } = await headers(['notion', '--end']);
    expect([exit, stdout, notion().control.liveGrants('ada')]).toEqual([0, expect.stringContaining('revoked'), []]);
    expect(await headers(['notion'])).toMatchObject({ exit: 4 });
    const again = await headers(['notion', '--end']);
    expect([again.exit, again.stdout]).toEqual([0, expect.stringContaining('nothing was kept')]);
  });

  test('is taken away with --end when nobody renews it: what a renewal brings behind the end would stay', async () => {
    ends(notion(), soon);
    await allowed('notion');
    const opened = storesInMemory();
    const [writing, written, asked] = [deferred<void>(), deferred<void>(), deferred<void>()];
    const slow: MemoryKeychain = {
      ...keychain,
      async write(account, secret) {
        if (account.startsWith('access of')) writing.resolve();
        await written.promise;
        await keychain.write(account, secret);
      },
    };
    const renewal = headers(['notion'], {
      kept: { secrets: async () => keychainSecrets(slow), stores: async () => opened.open() },
    });
    await writing.promise;
    const stores = opened.open();
    const at: typeof stores.localAccess.at = (key) => {
      const text = stores.localAccess.at(key);
      const hold: typeof text.hold = (waiting) => {
        asked.resolve();
        return text.hold(waiting);
      };
      return { ...text, hold };
    };
    const waiting = { ...stores, localAccess: { ...stores.localAccess, at } };
    const end = headers(['notion', '--end'], { kept: { ...onMachine().kept, stores: async () => waiting } });
    // It waits for its turn, or is over without one.
    await Promise.race([asked.promise, end]);
    written.resolve();
    expect((await renewal).exit).toBe(0);
    expect([(await end).exit, keptOf(notion().mcpUrl), notion().control.liveGrants('ada')]).toEqual([0, undefined, []]);
  });

  test('whose token could not stand in a header is none [P9]', async () => {
    ends(notion(), soon);
    await allowed('notion');
    notion().control.tamperTokenResponse((answer) => ({ ...answer, access_token: 'one\r\nX-Other: two' }));
    expect(await headers(['notion'])).toMatchObject({ exit: 1, header: undefined });
  });
});

describe('through the identity provider', () => {
  const idp = () => world.sandbox.identityProvider;
  const withSecret = async () => {
    const secret = await descriptorWith(desk.clientSecret);
    await allowed('desk', '--client-secret-fd', String(secret));
  };

  test('is there with the sign-in alone, and kept as long as it lasts', async () => {
    await withSecret();
    expect(desk.counters.authorizations).toBe(0);
    const first = await headers(['desk']);
    expect([first.exit, idp().idJag.issued.length]).toEqual([0, 1]);
    expect(first.header).toBe(`Bearer ${desk.redeemed().at(-1)}`);
    // Once its end is near, another exchange, and nobody is asked.
    keychain.kept.set(...aged(30));
    const second = await headers(['desk']);
    expect([second.exit, second.header, idp().idJag.issued.length]).toEqual([0, `Bearer ${desk.redeemed().at(-1)}`, 2]);
    expect(second.header).not.toBe(first.header);
    expect(await world.credentials()).toEqual([]);
  });

  test('is not kept where nobody says how long it lasts', async () => {
    ends(desk, undefined);
    await withSecret();
    expect(keptOf(desk.mcpUrl)).toBeUndefined();
    for (const issued of [2, 3]) {
      expect(await headers(['desk'])).toMatchObject({ exit: 0 });
      expect(idp().idJag.issued).toHaveLength(issued);
    }
  });

  test('is asked for once by ten at once, and refused to all where the administrator says no', async () => {
    await withSecret();
    keychain.kept.set(...aged(-10));
    const place = storesInMemory();
    const kept = { ...onMachine().kept, stores: async () => place.open() };
    const all = await Promise.all(Array.from({ length: 10 }, () => headers(['desk'], { kept })));
    expect([new Set(all.map(({ header }) => header)).size, all[0]?.exit, idp().idJag.issued.length]).toEqual([1, 0, 2]);
    keychain.kept.set(...aged(-10));
    idp().idJag.control.disallow(desk.issuer);
    const { exit, stderr } = await headers(['desk']);
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[token_refused]')]);
  });

  test.each([
    ['the service', 'desk.yaml'],
    ['the identity provider', undefined],
  ])('ends with 4 where %s wants a better sign-in, and says what to run', async (_who, file) => {
    await withSecret();
    keychain.kept.set(...aged(-10));
    if (file === undefined) idp().idJag.control.wantContext(contexts.secondFactor);
    else {
      await world.configure('services/desk.yaml', (content) => {
        content.require = { acr: [contexts.secondFactor] };
      });
    }
    const { exit, stderr, visited } = await headers(['desk'], { person: 'ada' });
    expect([exit, stderr, visited]).toEqual([4, expect.stringContaining('[sign_in_needed]'), []]);
    expect(stderr).toContain('service-connection headers desk --authorize');
    await allowed('desk');
    expect(await headers(['desk'])).toMatchObject({ exit: 0 });
  });

  /** What is kept, with so many seconds left. */
  function aged(seconds: number): [string, string] {
    const [name = '', text = '{}'] =
      [...keychain.kept].find(([each]) => each.includes(desk.mcpUrl) && /^access/.test(each)) ?? [];
    const expires = new Date(Date.now() + seconds * 1000).toISOString();
    return [name, JSON.stringify({ ...JSON.parse(text), expires_at: expires })];
  }
});

describe('a server that the agent names', () => {
  const url = () => notion().mcpUrl;
  const strangers: readonly [case_: string, argv: string[], environment: () => Record<string, string>, exit: number][] =
    [
      ['is in no catalogue', [], () => asClaudeCode('evil', url()), 2],
      ['is another one than the command names', ['notion'], () => asClaudeCode('desk', desk.mcpUrl), 3],
      ['is elsewhere', ['notion'], () => asClaudeCode('notion', 'https://mcp.n0tion.example/mcp'), 3],
      ['is elsewhere, with our address in it', [], () => asClaudeCode('notion', `${url()}@evil.example/`), 3],
      ['has a slash more', [], () => asClaudeCode('notion', `${url()}/`), 3],
      ['has another case', [], () => asClaudeCode('notion', url().replace('http', 'HTTP')), 3],
      ['is at the address of another service', [], () => asClaudeCode('notion', desk.mcpUrl), 3],
      ['has no address', ['notion'], () => ({ CLAUDE_CODE_MCP_SERVER_NAME: 'notion' }), 3],
      ['has no name', ['notion'], () => ({ CLAUDE_CODE_MCP_SERVER_URL: url() }), 3],
      ['is not open to local agents', [], () => asClaudeCode('slack', world.sandbox.services.slack.mcpUrl), 3],
      ['is none, and none is named', [], () => ({}), 2],
    ];
  test('and is not ours gets nothing, 200 times at once, and nobody is asked for anything [P4]', async () => {
    await allowed('notion');
    world.sandbox.platform.control.log.reset();
    const rows = Array.from({ length: 200 }, (_, index) => strangers[index % strangers.length]).filter(
      (row) => row !== undefined,
    );
    const outcomes = await Promise.all(
      rows.map(async ([name, argv, environment, exit], index) => {
        // Every other one finds a keychain that is dead, and hears no more.
        const kept = index % 2 === 0 ? {} : { kept: { secrets: async () => deadSecrets } };
        const outcome = await headers(argv, { environment: environment(), ...kept });
        return [name, outcome.exit === exit, outcome.header];
      }),
    );
    expect(outcomes.filter(([, refused, header]) => refused !== true || header !== undefined)).toEqual([]);
    expect(world.asked()).toEqual([]);
  });
});

describe('each call judges', () => {
  test('what the person may: who lost the group is refused, whatever is kept [P4]', async () => {
    await allowed('notion');
    await world.configure('interface.yaml', ({ people }) => {
      delete people.groups.support.notion;
      delete people.groups.editors.notion;
    });
    const { exit, stderr } = await headers(['notion']);
    expect([exit, stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
  });

  test('how far it reaches: access that no scope narrows is refused where a tool is off [P5]', async () => {
    await allowed('notion');
    await world.configure('interface.yaml', ({ people }) => {
      for (const group of [people.groups.support, people.groups.editors]) group.notion = { read: 'on' };
    });
    const { exit, stderr } = await headers(['notion']);
    expect([exit, stderr]).toEqual([3, expect.stringContaining('no access is narrow enough')]);
    expect(stderr).toContain('the claim "groups" of the ID token says');
  });

  test('and asks for what only reads where writing is off; a wider one that is kept is not used [P5]', async () => {
    const { linear } = world.sandbox.services;
    await world.configure('services/linear.yaml', (content) => {
      content.local_agents = ['grant'];
    });
    await allowed('linear');
    expect(keptOf(linear.mcpUrl)).toMatchObject({ scopes: ['read', 'write'] });
    await world.configure('interface.yaml', ({ people }) => {
      for (const group of [people.groups.support, people.groups.editors]) group.linear = { read: 'on' };
    });
    const wider = await headers(['linear']);
    expect([wider.exit, wider.stderr]).toEqual([4, expect.stringContaining('[connection_needed]')]);
    await allowed('linear');
    expect(keptOf(linear.mcpUrl)).toMatchObject({ scopes: ['read'] });
    expect(await headers(['linear'])).toMatchObject({ exit: 0 });
  });

  test('what a service grants: more than was asked for is handed out to nobody [P5]', async () => {
    const { linear } = world.sandbox.services;
    await world.configure('services/linear.yaml', (content) => {
      content.local_agents = ['grant'];
    });
    await world.configure('interface.yaml', ({ people }) => {
      for (const group of [people.groups.support, people.groups.editors]) group.linear = { read: 'on' };
    });
    const grants = (service: Pick<SandboxService, 'control'>, scope: string) =>
      service.control.tamperTokenResponse((answer) => ({ ...answer, scope }));
    // One that the file does not know may reach what is off.
    grants(linear, 'read admin');
    const grant = await byAda('linear', '--authorize');
    expect([grant.exit, grant.stderr]).toEqual([3, expect.stringContaining('granted more than')]);
    expect(keptOf(linear.mcpUrl)).toBeUndefined();
    grants(desk, 'tickets:read tickets:write');
    const secret = String(await descriptorWith(desk.clientSecret));
    const exchange = await byAda('desk', '--authorize', '--client-secret-fd', secret);
    expect([exchange.exit, exchange.stderr]).toEqual([3, expect.stringContaining('granted more than')]);
    desk.control.tamperTokenResponse();
    await allowed('desk', '--client-secret-fd', String(await descriptorWith(desk.clientSecret)));
    forget(desk.mcpUrl);
    grants(desk, 'tickets:read tickets:write');
    const helper = await headers(['desk']);
    expect([helper.exit, helper.header]).toEqual([3, undefined]);
    expect(keptOf(desk.mcpUrl)).toBeUndefined();
  });

  test('whether the person was let go, and takes what is kept away then [P1]', async () => {
    await allowed('notion');
    await world.configure('interface.yaml', ({ people }) => {
      people.operators = { principals: [world.sandbox.people.grace.subject] };
    });
    const { subject } = world.sandbox.people.ada;
    const offboarding = await world.connect(['offboard', subject, '--yes-offboard', subject], { person: 'grace' });
    expect(offboarding).toMatchObject({ exit: 0 });
    const { exit, stderr } = await headers(['notion']);
    expect([exit, stderr]).toEqual([3, expect.stringContaining('[offboarded]')]);
    expect([keptOf(notion().mcpUrl), notion().control.liveGrants('ada')]).toEqual([undefined, []]);
  });

  test('who it is: what a client hands over counts as the proof, and a dead keychain costs the grant alone', async () => {
    await allowed('notion');
    const token = await idTokenOf(world.sandbox, 'ada');
    const { issuer } = world.sandbox.identityProvider;
    const handed = { CLAUDE_CODE_MCP_USER_TOKEN: token, CLAUDE_CODE_MCP_USER_TOKEN_ISSUER: issuer };
    expect(await headers(['notion'], { environment: handed })).toMatchObject({ exit: 0 });
    const kept = { secrets: async () => deadSecrets };
    const grant = await headers(['notion'], { environment: handed, kept });
    expect([grant.exit, grant.stderr]).toEqual([1, expect.stringContaining('[keychain_unavailable]')]);
    const nobody = await headers(['notion'], { kept });
    expect([nobody.exit, nobody.stderr]).toEqual([4, expect.stringContaining('[sign_in_needed]')]);
    const stale = await idTokenOf(world.sandbox, 'ada', { claims: { exp: 1_700_000_000, iat: 1_600_000_000 } });
    const expired = { ...handed, CLAUDE_CODE_MCP_USER_TOKEN: stale };
    expect(await headers(['notion'], { environment: expired })).toMatchObject({ exit: 3 });
  });
});

describe.skipIf(skipped(await cannotLend(65534)))('an account of the operating system', () => {
  /** Commands one after the other, in a process of that account; each is one keychain further. */
  const program = `
import { serviceConnection } from './cmd/service-connection/cli.ts';
import { keychainSecrets } from './internal/stores/files/machine-secrets.ts';
import { runCommand } from './test/support/command.ts';
import { keychainInMemory } from './test/support/keychain-in-memory.ts';

const { commands, environment, folder } = JSON.parse(process.env.SETTING);
const secrets = keychainSecrets(keychainInMemory());
const outcomes = [];
for (const argv of commands) {
  const { exit, stdout, stderr, visited } = await runCommand(serviceConnection, ['headers', ...argv], {
    environment, folder, person: 'ada', kept: { secrets: async () => secrets },
  });
  outcomes.push({ exit, stdout, stderr, visited: visited.length });
}
console.log(JSON.stringify(outcomes));
`;

  test('has a grant of its own, by the name of its account, and nobody signs in; root has none [P1] [P2]', async () => {
    const { folder: place, environment, services } = world.sandbox;
    const outfile = join(place, 'commands.mjs');
    await build({
      stdin: { contents: program, resolveDir: fileURLToPath(new URL('../..', import.meta.url)) },
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      external: ['@napi-rs/keyring'],
      banner: { js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);" },
    });
    await rm(join(world.sandbox.configFolder, 'services', 'desk.yaml'));
    await world.configure('interface.yaml', (content) => {
      content.identity = { mode: 'os' };
      content.people = { principals: { 65534: { notion: { read: 'on', write: 'on' } } } };
    });
    const runAs = async (uid: number, ...commands: string[][]) => {
      const own = await mkdtemp(join(place, `account-${uid}-`));
      await chown(own, uid, uid);
      const env = { SETTING: JSON.stringify({ commands, environment, folder: own }) };
      const child = spawn(process.execPath, [outfile], {
        uid,
        gid: uid,
        cwd: place,
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
      return JSON.parse(said) as { exit: number; stdout: string; stderr: string; visited: number }[];
    };
    const account = ['--accept-account', 'ada@example.test'];
    const [none, allow, given, ended, after] = await runAs(
      65534,
      ['notion'],
      ['notion', '--authorize', ...account],
      ['notion'],
      ['notion', '--end'],
      ['notion'],
    );
    expect([none?.exit, none?.stderr]).toEqual([4, expect.stringContaining('headers notion --authorize')]);
    // The one visit is to the service: nobody signs in.
    expect(allow).toMatchObject({ exit: 0, visited: 1 });
    expect(world.sandbox.identityProvider.counters.authorizations).toBe(0);
    expect([given?.exit, given?.stdout]).toEqual([0, expect.stringMatching(/^\{"Authorization":"Bearer .+"\}\s*$/)]);
    expect([ended?.exit, after?.exit, services.notion.control.liveGrants('ada')]).toEqual([0, 4, []]);
    const [vault, ...others] = (await world.client.beta.vaults.list()).data;
    expect(others).toEqual([]);
    expect(vault?.metadata).toMatchObject({ mai_owner_kind: 'os', mai_owner_subject: '65534' });
    expect(await runAs(0, ['notion'])).toMatchObject([
      { exit: 3, stdout: '', stderr: expect.stringContaining('[identity_refused]') },
    ]);
  });

  test('has nothing through an identity provider: such a file is a mistake there [P4]', async () => {
    await world.configure('interface.yaml', (content) => {
      content.identity = { mode: 'os' };
      content.people = { principals: { 65534: { notion: { read: 'on' } } } };
    });
    const { exit, stderr } = await headers(['desk']);
    expect([exit, stderr]).toEqual([2, expect.stringMatching(/local_agents: \[idp\]|via: idp/)]);
  });
});

describe('--install', () => {
  const install = async (file: string, ...argv: string[]) => await headers([...argv, '--install', '--to', file]);
  const written = async (before?: string) => {
    const file = join(await mkdtemp(join(world.sandbox.folder, 'project-')), '.mcp.json');
    if (before !== undefined) await writeFile(file, before);
    return file;
  };

  test('writes an entry for each open service beside what is there, shows it, and nothing secret', async () => {
    const before = `{\n    "other": [1],\n    "mcpServers": {\n        "mine": { "command": "x" },\n        "desk": { "type": "http", "url": ${JSON.stringify(desk.mcpUrl)}, "headers": { "X-A": "b" } }\n    }\n}\n`;
    const file = await written(before);
    const { exit, stdout } = await install(file);
    expect(exit).toBe(0);
    for (const word of ['notion', 'desk', 'service-connection headers notion', notion().mcpUrl, 'added', 'changed'])
      expect(stdout).toContain(word);
    const after = await readFile(file, 'utf8');
    expect(JSON.parse(after)).toEqual({
      other: [1],
      mcpServers: {
        mine: { command: 'x' },
        desk: {
          type: 'http',
          url: desk.mcpUrl,
          headers: { 'X-A': 'b' },
          headersHelper: 'service-connection headers desk',
        },
        notion: { type: 'http', url: notion().mcpUrl, headersHelper: 'service-connection headers notion' },
      },
    });
    expect(after.split('\n')[1]).toBe('    "other": [');
    const again = await install(file);
    expect([again.exit, again.stdout, await readFile(file, 'utf8')]).toEqual([
      0,
      expect.stringContaining('as it was'),
      after,
    ]);
  });

  test.each([
    ['no JSON', 'oops'],
    ['a list', '[]'],
    ['servers that are none', '{"mcpServers":[]}'],
    ['another server of that name', '{"mcpServers":{"notion":{"type":"http","url":"https://elsewhere.example/mcp"}}}'],
    ['a program of that name', '{"mcpServers":{"notion":{"command":"notion"}}}'],
  ])('leaves a file with %s as it is', async (_case, before) => {
    const file = await written(before);
    const { exit, stderr } = await install(file, 'notion');
    expect([exit, stderr]).toEqual([2, expect.stringContaining('[config_exists]')]);
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  test('by ten at once leaves one whole file with all of them', async () => {
    const file = await written();
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, index) => install(file, index % 2 === 0 ? 'notion' : 'desk')),
    );
    expect(all.map(({ exit }) => exit)).toEqual(Array.from({ length: 10 }, () => 0));
    const { mcpServers } = JSON.parse(await readFile(file, 'utf8')) as { mcpServers: object };
    expect(Object.keys(mcpServers).sort()).toEqual(['desk', 'notion']);
  });
});

async function dead(): Promise<never> {
  throw new KeychainUnavailable('no answer within 5 s; it may be locked');
}

const deadSecrets = keychainSecrets({
  read: async () => await dead(),
  write: async () => void (await dead()),
  remove: async () => void (await dead()),
});

/** `via: idp`: access to a service through the identity provider, without a consent page (ID-JAG). */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { deferred } from '../../internal/async/deferred.ts';
import { type Clock, machineClock } from '../../internal/clock/clock.ts';
import { keychainSecrets } from '../../internal/stores/files/machine-secrets.ts';
import type { JsonObject } from '../sandbox/authorization/control.ts';
import { contexts } from '../sandbox/identity-provider.ts';
import { type DeskService, deskFile, startDesk } from '../sandbox/services/desk.ts';
import { visit } from '../sandbox/visit.mjs';
import { descriptorWith } from '../support/client-secret.ts';
import { keychainInMemory } from '../support/keychain-in-memory.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { storesInMemory } from '../support/stores-in-memory.ts';
import { fakeTerminal, once } from '../support/terminal.ts';

const world = sandboxPerTest();
let desk: DeskService;

beforeEach(async () => {
  desk = await startDesk(world.sandbox.identityProvider, world.sandbox.clock.now);
  await writeFile(join(world.sandbox.configFolder, 'services', 'desk.yaml'), stringify(deskFile(desk)));
  await world.configure('interface.yaml', (file) => {
    file.people.groups.support.desk = { read: 'on' };
  });
});
afterEach(() => desk.close());

const idp = () => world.sandbox.identityProvider;
/** `service-connection desk`, its client's secret handed over. */
const connecting = async (...words: string[]) => [
  'desk',
  '--client-secret-fd',
  String(await descriptorWith(desk.clientSecret)),
  ...words,
];
const secrets = () => [desk.clientSecret, ...desk.issuedSecrets()];

describe('service-connection desk', () => {
  test('has the access in the vault without a consent page, and nothing that renews it [P1, P3] [A8.2, A8.4]', async () => {
    const { exit, stdout, stderr, visited } = await world.connect(await connecting('--json'));
    expect([exit, stderr]).toEqual([0, expect.not.stringContaining('error')]);
    expect(JSON.parse(stdout)).toMatchObject({
      service: 'desk',
      account: 'ada@example.test',
      scopes: ['tickets:read'],
      refreshable: false,
      through_idp: true,
      status: 'valid',
    });
    // Single sign-on, and nothing else.
    expect(visited.map((url) => new URL(url).origin)).toEqual([idp().issuer]);
    expect(desk.counters).toMatchObject({ authorizations: 0, registrations: 0, tokenRequests: 1 });
    expect(idp().idJag.asked).toEqual([
      expect.objectContaining({
        client_id: idp().clientId,
        audience: desk.issuer,
        resource: desk.resource,
        scope: 'tickets:read',
      }),
    ]);
    const [credential] = await world.credentials();
    expect(credential).toMatchObject({
      auth: { type: 'mcp_oauth', mcp_server_url: desk.mcpUrl },
      metadata: { mai_via: 'idp', mai_account: 'ada@example.test' },
    });
    expect(JSON.stringify(credential)).not.toContain('refresh_token');
    expect(secrets().filter((secret) => (stdout + stderr).includes(secret))).toEqual([]);
  });

  test('with --via idp where the file leaves it open, and never past a file that says so [A8.4]', async () => {
    await world.configure('services/desk.yaml', (file) => {
      delete file.authorization.via;
    });
    expect(await world.connect(await connecting('--via', 'idp'))).toMatchObject({ exit: 0 });
    expect(desk.counters.authorizations).toBe(0);
    const wrong = await world.connect(['notion', '--via', 'idp']);
    expect([wrong.exit, wrong.stderr]).toEqual([1, expect.stringContaining('[registration_refused]')]);
    expect(world.sandbox.services.notion.counters).toMatchObject({ authorizations: 0, registrations: 0 });
  });

  test.each([['--device'], ['--callback-port', '41999'], ['--legacy-endpoints']])(
    'takes no %s: nobody signs in at the service',
    async (...words) => {
      const { exit, stderr, visited } = await world.connect(['desk', ...words], { terminal: fakeTerminal() });
      expect([exit, visited]).toEqual([2, []]);
      expect(stderr).toContain('leave it out');
    },
  );

  test('is refused where people do not sign in at a provider, and without a client that it could know [P4]', async () => {
    await world.configure('services/desk.yaml', (file) => {
      delete file.authorization.client_id;
      delete file.authorization.registration;
    });
    const unknown = await world.connect(['desk']);
    expect([unknown.exit, unknown.stderr]).toEqual([2, expect.stringContaining('the client before')]);
    await writeFile(join(world.sandbox.configFolder, 'services', 'desk.yaml'), stringify(deskFile(desk)));
    await world.configure('interface.yaml', (file) => {
      file.identity = { mode: 'os' };
      file.people.principals = {};
    });
    const nobody = await world.connect(['desk']);
    expect([nobody.exit, nobody.stderr]).toEqual([2, expect.stringContaining('services/desk.yaml has via: idp')]);
  });

  test('leaves the vault as it is where the policy says no, before the provider is asked for anything', async () => {
    const { exit, stderr } = await world.connect(await connecting(), { person: 'linus' });
    expect([exit, stderr, idp().idJag.asked]).toEqual([3, expect.stringContaining('[not_allowed]'), []]);
  });
});

/** What the provider answers, and what the refusal names. */
const forged: readonly [case_: string, claims: JsonObject, header: JsonObject, why: string][] = [
  ['another server', { aud: 'https://elsewhere.example' }, {}, '(aud)'],
  ['our server and another', { aud: ['AUDIENCE', 'https://elsewhere.example'] }, {}, '(aud)'],
  ['our server with a slash', { aud: 'AUDIENCE/' }, {}, '(aud)'],
  ['another client', { client_id: 'somebody' }, {}, '(client_id)'],
  ['another resource', { resource: 'https://elsewhere.example/mcp' }, {}, '(resource)'],
  ['no resource', { resource: undefined }, {}, '(resource)'],
  ['somebody else', { sub: 'user-41d9f3e2' }, {}, '(sub)'],
  ['the same name in capitals', { sub: 'user-7C1E0A5B' }, {}, '(sub)'],
  ['another issuer', { iss: 'https://elsewhere.example' }, {}, '(iss)'],
  ['a time that is over', { exp: 1_700_000_000 }, {}, '(exp)'],
  ['a time to come', { iat: 4_000_000_000 }, {}, '(iat)'],
  ['no name of its own', { jti: undefined }, {}, '(jti)'],
  ['a key that we do not have', { cnf: { jkt: 'abc' } }, {}, '(cnf)'],
  ['an ID token', {}, { typ: 'JWT' }, '(typ)'],
];

describe('an assertion is sent nowhere that is for', () => {
  test.each(forged)('%s [A8.3]', async (_case, claims, header, why) => {
    const changed = JSON.parse(JSON.stringify(claims).replaceAll('AUDIENCE', desk.issuer)) as JsonObject;
    const removed = Object.fromEntries(Object.entries(claims).filter(([, value]) => value === undefined));
    idp().idJag.control.forge(() => ({ claims: { ...changed, ...removed }, header }));
    const { exit, stderr } = await world.connect(await connecting());
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[token_unusable]')]);
    expect(stderr).toContain(why);
    expect([desk.counters.tokenRequests, desk.counters.revocations, await world.credentials()]).toEqual([0, 0, []]);
  });
});

describe('what the provider answers', () => {
  const unusable: readonly [string, JsonObject][] = [
    ['Bearer in the place of N_A', { token_type: 'Bearer' }],
    ['nothing in the place of N_A', { token_type: undefined }],
    ['DPoP in the place of N_A', { token_type: 'DPoP' }],
    ['an access token', { token_type: 'Bearer', issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' }],
    ['N_A for another type', { issued_token_type: 'urn:ietf:params:oauth:token-type:id_token' }],
    ['no type at all', { issued_token_type: undefined }],
    ['text that is no token', { access_token: 'no.token' }],
  ];
  test.each(unusable)('is used for nothing: %s [A8.1]', async (_case, change) => {
    idp().control.tamperTokenResponse((answer) => ('issued_token_type' in answer ? { ...answer, ...change } : answer));
    const { exit, stderr } = await world.connect(await connecting());
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[token_unusable]')]);
    expect([desk.counters.tokenRequests, desk.counters.revocations, await world.credentials()]).toEqual([0, 0, []]);
  });

  test.each(['n_a', 'N_A', 'n_A'])('is an assertion as %s', async (type) => {
    idp().control.tamperTokenResponse((answer) =>
      'issued_token_type' in answer ? { ...answer, token_type: type } : answer,
    );
    expect(await world.connect(await connecting())).toMatchObject({ exit: 0 });
  });

  test('may have a refresh token beside it, at either place: neither is kept nor shown [P3] [A8.5]', async () => {
    const extra = { refresh_token: 'refresh-that-nobody-asked-for' };
    idp().control.tamperTokenResponse((answer) => ('issued_token_type' in answer ? { ...answer, ...extra } : answer));
    desk.control.tamperTokenResponse((answer) => ({ ...answer, ...extra }));
    const { exit, stdout, stderr } = await world.connect(await connecting('--json'));
    expect([exit, JSON.parse(stdout)]).toMatchObject([0, { refreshable: false, status: 'valid' }]);
    expect(stderr.match(/gave a refresh token/g)).toHaveLength(2);
    expect(stderr).not.toContain(extra.refresh_token);
    expect(JSON.stringify(await world.credentials())).not.toContain('refresh"');
  });

  test('is followed to no other address', async () => {
    idp().control.failTokenEndpoint({ status: 307, body: '', headers: { location: desk.tokenEndpoint } });
    const { exit } = await world.connect(await connecting());
    expect([exit, desk.counters.tokenRequests]).toEqual([1, 0]);
  });

  test('says no: the administrator has not let people have it', async () => {
    idp().idJag.control.disallow(desk.issuer);
    const { exit, stderr, visited } = await world.connect(await connecting());
    expect([exit, visited.length]).toEqual([1, 1]);
    expect(stderr).toContain('"invalid_target"');
    expect(stderr).toContain('whoever administers the identity provider');
  });
});

describe('a better sign-in', () => {
  test('is asked for once, with what the provider wants, and then it goes on [A8.6]', async () => {
    idp().idJag.control.wantContext(contexts.secondFactor);
    const { exit, stderr, visited } = await world.connect(await connecting());
    expect([exit, stderr]).toEqual([0, expect.stringContaining('please sign in again')]);
    expect(visited.map((url) => new URL(url).searchParams.get('acr_values'))).toEqual([null, contexts.secondFactor]);
  });

  test('that is not enough either ends it: no loop [A8.6]', async () => {
    // What was wanted is shown, and still it is not enough.
    idp().idJag.control.wantContext(contexts.secondFactor, 'always');
    const { exit, stderr, visited } = await world.connect(await connecting());
    expect([exit, visited.length]).toEqual([3, 2]);
    expect(stderr).toContain('[assurance_missing]');
  });

  test('of somebody else is refused [P1] [A8.6]', async () => {
    idp().idJag.control.wantContext(contexts.secondFactor);
    // Whoever sits at the terminal says that another person is right here: what was begun stays the first one's.
    await world.configure('services/desk.yaml', (file) => {
      file.account.match = 'none';
    });
    const people = ['ada', 'grace'];
    const terminal = fakeTerminal();
    const { exit, stderr } = await world.connect(await connecting(), {
      browse: (url) => visit(url, { person: people.shift() ?? '' }),
      terminal,
      hear(said) {
        if (said.includes('last person here was') && said.includes('?')) void terminal.type('y\n');
      },
    });
    expect([exit, stderr]).toEqual([3, expect.stringContaining('[identity_refused]')]);
    expect(await world.credentials()).toEqual([]);
  });
});

describe('the authorization server', () => {
  test('that the catalogue does not name gets no assertion: none is asked for [A8.2]', async () => {
    await world.configure('services/desk.yaml', (file) => {
      file.authorization.issuers = [world.sandbox.services.notion.issuer];
    });
    const { exit, stderr } = await world.connect(await connecting());
    expect([exit, stderr, idp().idJag.asked]).toEqual([1, expect.stringContaining('[issuer_mismatch]'), []]);
  });

  test('is shown another assertion once where it refuses the first, and no third [A8.7]', async () => {
    desk.control.failTokenEndpoint({ status: 400, body: { error: 'invalid_grant' }, times: 1 });
    expect(await world.connect(await connecting())).toMatchObject({ exit: 0 });
    expect(idp().idJag.issued).toHaveLength(2);
    desk.control.failTokenEndpoint({ status: 400, body: { error: 'invalid_grant' } });
    const { exit, stderr } = await world.connect(await connecting());
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[token_refused]')]);
    expect(idp().idJag.issued).toHaveLength(4);
  });

  test('takes our secret in a way that it lists, whatever the file says [A8.8]', async () => {
    desk.control.tamperMetadata((document) => ({
      ...document,
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
    }));
    const { exit, stderr } = await world.connect(await connecting());
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[client_refused]')]);
    expect(desk.counters.tokenRequests).toBe(0);
  });

  test('may be silent about PKCE, since nobody brings a code', async () => {
    desk.control.omitPkceFromMetadata();
    expect(await world.connect(await connecting())).toMatchObject({ exit: 0 });
  });
});

describe('setup-session', () => {
  /** A machine that keeps secrets, so that nobody has to enter the client's again. */
  const machine = async () => {
    const place = storesInMemory();
    const keychain = keychainInMemory();
    return {
      folder: await world.machine(),
      environment: { MAI_KEYCHAIN: '' },
      kept: { stores: async () => place.open(), secrets: async () => keychainSecrets(keychain) },
    };
  };
  const withDesk = async () => {
    await world.configure('agents/support.yaml', (agent) => {
      agent.services = { desk: { read: 'on' } };
    });
    const here = await machine();
    expect(await world.connect(await connecting(), here)).toMatchObject({ exit: 0 });
    await world.apply('support');
    return here;
  };
  const start = (here: object, ...words: string[]) =>
    world.setup(['--agent', 'support', '--json', ...words], { ...here, person: undefined });

  test('uses what is fresh as it is', async () => {
    const here = await withDesk();
    expect(await start(here)).toMatchObject({ exit: 0 });
    expect(idp().idJag.issued).toHaveLength(1);
  });

  test.each([
    ['half of whose time is over', 20],
    ['that has expired', 0],
  ])('renews an access %s by a fresh exchange, and nobody is asked [P8] [A8.5]', async (_case, seconds) => {
    desk.setTokenSeconds(seconds === 0 ? 1 : 3600);
    const here = await withDesk();
    const before = await world.credentials();
    await age(seconds === 0 ? 2 : 2000);
    desk.setTokenSeconds(3600);
    const planned = await start(here, '--dry-run');
    expect([planned.exit, planned.stdout]).toEqual([0, expect.stringContaining('renew desk through the identity')]);
    expect(idp().idJag.issued).toHaveLength(1);
    expect(await start(here)).toMatchObject({ exit: 0, visited: [] });
    expect(idp().idJag.issued).toHaveLength(2);
    const after = await world.credentials();
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(desk.counters.authorizations).toBe(0);
  });

  test('guard renews for as long as it runs, and asks nobody', async () => {
    const here = await withDesk();
    await mkdir(join(world.sandbox.configFolder, 'rules'));
    const rules = { rules: { reading: { service: 'desk', tools: ['list_tickets'], outcome: 'allow' } } };
    await writeFile(join(world.sandbox.configFolder, 'rules', 'desk.yaml'), stringify(rules));
    await age(2000);
    const end = new AbortController();
    const pause: Clock['pause'] = (ms, signal) => machineClock.pause(ms >= 20_000 ? 200 : ms, signal);
    const guarding = world.setup(['guard'], {
      ...here,
      person: undefined,
      signal: end.signal,
      clock: { ...machineClock, pause },
    });
    await expect.poll(() => idp().idJag.issued.length, { timeout: 20_000, interval: 100 }).toBeGreaterThan(1);
    end.abort();
    expect(await guarding).toMatchObject({ exit: 0, visited: [] });
  });

  test('guard renews nothing for somebody whose groups do not let them any more [P5]', async () => {
    const here = await withDesk();
    await mkdir(join(world.sandbox.configFolder, 'rules'));
    const rules = { rules: { reading: { service: 'desk', tools: ['list_tickets'], outcome: 'allow' } } };
    await writeFile(join(world.sandbox.configFolder, 'rules', 'desk.yaml'), stringify(rules));
    const end = new AbortController();
    const begun = deferred<void>();
    let isChanged = false;
    let looks = 0;
    const pause: Clock['pause'] = async (ms, signal) => {
      if (ms < 20_000) return await machineClock.pause(ms, signal);
      while (!isChanged && !end.signal.aborted) await machineClock.pause(20, signal);
      if (isChanged) looks += 1;
      await machineClock.pause(100, signal);
    };
    const guarding = world.setup(['guard'], {
      ...here,
      person: undefined,
      signal: end.signal,
      clock: { ...machineClock, pause },
      ...once('calls are answered by', () => begun.resolve()),
    });
    await begun.promise;
    idp().control.tamperTokenResponse(async (answer, forge) =>
      'id_token' in answer ? { ...answer, id_token: await forge({ groups: ['editors'] }) } : answer,
    );
    expect(await world.connect(['login'], here)).toMatchObject({ exit: 0 });
    await age(2000);
    isChanged = true;
    await expect.poll(() => looks, { timeout: 20_000, interval: 100 }).toBeGreaterThan(2);
    end.abort();
    const { stderr } = await guarding;
    expect(idp().idJag.issued).toHaveLength(1);
    expect(stderr.match(/could not be renewed/g)).toHaveLength(1);
  });

  test('keeps the secret of its client where the provider does not take ours, which is told apart', async () => {
    const here = await withDesk();
    await age(2000);
    idp().control.failTokenEndpoint({ status: 400, body: { error: 'unauthorized_client' } });
    const refused = await start(here);
    expect([refused.exit, refused.stderr]).toEqual([0, expect.stringContaining('"unauthorized_client"')]);
    idp().control.behave();
    expect(await start(here)).toMatchObject({ exit: 0, stderr: expect.not.stringContaining('could not be renewed') });
    expect(idp().idJag.issued).toHaveLength(2);
  });

  test('starts nothing with a renewed access that the service refuses: the one before is no more', async () => {
    const here = await withDesk();
    await age(2000);
    const validate = 'POST /v1/vaults/:vault/credentials/:credential/mcp_oauth_validate';
    world.sandbox.platform.control.tamper(validate, (answer) => ({ ...(answer as object), status: 'invalid' }));
    const { exit, stderr } = await start(here);
    expect([exit, stderr]).toEqual([1, expect.stringContaining('refuses its token')]);
    expect(stderr).not.toContain('works until');
  });

  test('starts nothing where somebody else signs in for the renewal [P1]', async () => {
    const here = await withDesk();
    await age(2000);
    idp().idJag.control.wantContext(contexts.secondFactor);
    await world.configure('services/desk.yaml', (file) => {
      file.account.match = 'none';
    });
    const terminal = fakeTerminal();
    const { exit, stderr } = await world.setup(['--agent', 'support', '--json'], {
      ...here,
      browse: (url) => visit(url, { person: 'grace' }),
      terminal,
      hear(said) {
        if (said.includes('last person here was') && said.includes('?')) void terminal.type('y\n');
      },
    });
    expect([exit, stderr]).toEqual([3, expect.stringContaining('"identity_refused"')]);
  });

  test('goes on with what still works where it cannot be renewed, and says so; not with what has expired', async () => {
    const here = await withDesk();
    await age(2000);
    idp().idJag.control.disallow(desk.issuer);
    const still = await start(here);
    expect([still.exit, still.stderr]).toEqual([0, expect.stringContaining('could not be renewed, and works until')]);
    await age(2000);
    const over = await start(here);
    expect([over.exit, over.stderr]).toEqual([1, expect.stringContaining('not allowed by the administrator')]);
    expect(over.stderr).not.toContain('ended too early');
  });
});

/** Makes every connection look older than it is, by its own record and by what the platform says. */
async function age(seconds: number): Promise<void> {
  for (const { id, vault_id: vault, metadata } of await world.credentials()) {
    const earlier = (text: string | undefined) => new Date(Date.parse(text ?? '') - seconds * 1000).toISOString();
    const { mai_connected_at: connected } = metadata;
    await world.client.beta.vaults.credentials.update(id, {
      vault_id: vault,
      metadata: { mai_connected_at: earlier(connected) },
    });
  }
  world.sandbox.platform.control.tamper('GET /v1/vaults/:vault/credentials', (answer) => {
    const { data } = answer as { data: { auth: { expires_at?: string | null } }[] };
    for (const { auth } of data) {
      if (auth.expires_at) auth.expires_at = new Date(Date.parse(auth.expires_at) - seconds * 1000).toISOString();
    }
    return answer;
  });
}

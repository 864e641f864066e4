/** A person signs in once, not once a command; and what is kept is believed no more than what comes just now (P2). */
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { machineClock } from '../../internal/clock/clock.ts';
import type { TokenFailure } from '../sandbox/authorization/control.ts';
import { contexts, strangersKeysPath } from '../sandbox/identity-provider.ts';
import { visit } from '../sandbox/visit.mjs';
import { type KeptFile, keepSignIns } from '../support/kept-sign-in.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { noSecretService } from '../support/secret-service.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

let kept: KeptFile;
let folder: string;
beforeEach(async () => {
  kept = await keepSignIns(world);
  folder = await world.machine();
});

afterEach(() => {
  vi.unstubAllEnvs();
});

const longAgo = () => ({ iat: Math.floor(Date.now() / 1000) - 7200, exp: Math.floor(Date.now() / 1000) - 3600 });
/** Lets the kept ID token expire. */
const expire = () => kept.forge(folder, (token) => world.sandbox.identityProvider.control.forge(token, longAgo()));
const login = () => world.connect(['login'], { folder });
const whoami = (argv: readonly string[] = []) => world.connect(['whoami', ...argv], { folder, person: undefined });
const whoamiJson = () => world.connectJson(['whoami'], { folder, person: undefined });

describe('login', () => {
  test('is once for both executables: what follows needs no browser', async () => {
    const signedIn = await login();
    expect([signedIn.exit, signedIn.stdout, signedIn.visited.length]).toEqual([
      0,
      `signed in as "ada@example.test" (subject "${world.sandbox.people.ada.subject}"), kept in the encrypted file\n`,
      1,
    ]);
    const { identityProvider, people } = world.sandbox;
    const mine = { kind: 'sso', issuer: identityProvider.issuer, subject: people.ada.subject };
    expect(await whoamiJson()).toMatchObject({
      ...mine,
      label: 'ada@example.test',
      groups: ['support', 'editors'],
      acr: contexts.password,
      amr: ['pwd'],
      proven_by: 'kept',
      kept_in: 'the encrypted file',
    });
    const asOther = await world.setupJson(['whoami'], { folder, person: undefined });
    expect(asOther).toMatchObject({ ...mine, proven_by: 'kept' });
    const connected = await world.connect(['notion'], { folder });
    expect([connected.exit, connected.visited.map((url) => new URL(url).origin)]).toEqual([
      0,
      [world.sandbox.services.notion.issuer],
    ]);
    await world.apply('support');
    const session = await world.setup(['--agent', 'support'], { folder, person: undefined });
    expect([session.exit, session.visited]).toEqual([0, []]);
    // What is remembered of the vault, the agent and the environment is asked for at once, then the session is made.
    world.sandbox.platform.control.log.reset();
    expect((await world.setup(['--agent', 'support'], { folder, person: undefined })).exit).toBe(0);
    const asked = world.asked();
    expect([asked.length, asked.at(-1)]).toEqual([5, 'POST /v1/sessions']);
  });

  test('writes a file that only its owner can open, and only with the key', async () => {
    await login();
    const places = join(folder, 'state', 'sign-in');
    const [name = ''] = await readdir(places);
    const path = join(places, name);
    expect([(await stat(path)).mode & 0o777, (await stat(places)).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(await readFile(path, 'utf8')).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----\n/);
    const entry = await kept.read(folder);
    expect(entry).toMatchObject({ id_token: expect.any(String), refresh_token: expect.any(String) });
  });

  test('signs in anew whoever is signed in, as somebody else where that is who is there', async () => {
    await login();
    expect((await login()).visited).toHaveLength(1);
    await world.connect(['logout'], { folder });
    const grace = await world.connect(['login'], { folder, person: 'grace' });
    expect(grace.visited).toHaveLength(1);
    expect(await whoamiJson()).toMatchObject({ subject: world.sandbox.people.grace.subject });
  });

  test.each([false, true])(
    'ends the sign-in before, so that none is alive that nobody knows (a provider with one grant for all: %j)',
    async (oneGrant) => {
      const { identityProvider, people } = world.sandbox;
      if (oneGrant) identityProvider.control.keepOneGrant();
      await login();
      expect((await login()).exit).toBe(0);
      const alive = identityProvider.liveGrantsOf(people.ada.subject).flatMap((grant) => grant.refreshTokens);
      expect(alive).toHaveLength(1);
      await expire();
      expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
    },
  );

  test('that cannot begin leaves the sign-in before as it was', async () => {
    const { identityProvider } = world.sandbox;
    await login();
    identityProvider.control.tamperMetadata(({ device_authorization_endpoint: _, ...rest }) => rest);
    const refused = await world.connect(['login', '--device', '--quiet'], { folder, terminal: fakeTerminal() });
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('no sign-in with a code')]);
    await expire();
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
  });

  test('by a code needs no browser here', async () => {
    const { identityProvider } = world.sandbox;
    identityProvider.setDeviceIntervalSeconds(1);
    let entering: Promise<unknown> | undefined;
    const signedIn = await world.connect(['login', '--device', '--quiet'], {
      folder,
      terminal: fakeTerminal(),
      hear(said) {
        const [, address, code] = /open (\S+) in any browser and enter the code: (\S+)/.exec(said) ?? [];
        if (address !== undefined && code !== undefined) entering ??= visit(address, { person: 'ada', code });
      },
    });
    await entering;
    expect([signedIn.exit, signedIn.visited]).toEqual([0, []]);
    expect(await whoamiJson()).toMatchObject({ subject: world.sandbox.people.ada.subject, proven_by: 'kept' });
  });

  test('without a place to keep it says so, and the next command is asked again', async () => {
    await world.configure('interface.yaml', (content) => {
      content.identity.keep = 'memory';
    });
    const signedIn = await login();
    expect([signedIn.exit, signedIn.stderr]).toEqual([0, expect.stringContaining('nothing is kept between runs here')]);
    expect(signedIn.stdout).toContain('for this run only');
    // A refresh token that nobody keeps is not even asked for.
    expect(new URL(signedIn.visited[0] ?? '').searchParams.get('scope')).not.toContain('offline_access');
    const asked = await whoami();
    expect([asked.exit, asked.stderr]).toEqual([4, expect.stringContaining('each command signs in by itself')]);
    expect(asked.stderr).not.toContain('run: ');
  });

  test.skipIf(process.platform !== 'linux')(
    'without a keychain says what to do, and that ends the circle',
    async () => {
      for (const [name, value] of Object.entries(noSecretService)) vi.stubEnv(name, value);
      await world.configure('interface.yaml', (content) => {
        delete content.identity.keep;
      });
      const machine = { folder, environment: { MAI_KEYCHAIN: '' } };
      const settings = join(folder, 'config', 'settings.yaml');
      const instead = `write "identity: { keep: { file: passphrase } }" into ${JSON.stringify(settings)}`;
      const signedIn = await world.connect(['login'], machine);
      expect([signedIn.exit, signedIn.stderr]).toEqual([0, expect.stringContaining(instead)]);
      expect(signedIn.stdout).toContain('for this run only');
      const asked = await world.connect(['whoami'], { ...machine, person: undefined });
      expect([asked.exit, asked.stderr]).toEqual([4, expect.stringContaining(instead)]);
      expect(asked.stderr).not.toContain('run: ');

      await mkdir(join(folder, 'config'));
      await writeFile(settings, `identity: { keep: { file: { key_file: ${kept.keyFile} } } }`, { mode: 0o600 });
      expect((await world.connect(['login'], machine)).stdout).toContain('kept in the encrypted file');
      const known = await world.connectJson(['whoami', '--explain'], { ...machine, person: undefined });
      expect(known).toMatchObject({ proven_by: 'kept', kept_in: 'the encrypted file' });
      expect(known['settings']).toContainEqual({
        setting: 'identity.keep',
        value: JSON.stringify({ file: { key_file: kept.keyFile } }),
        source: 'user config',
        key: `${settings} identity.keep`,
      });
    },
  );

  test('where identity is not a sign-in has nothing to do', async () => {
    await world.configure('interface.yaml', (content) => {
      content.identity = { mode: 'os' };
      content.people = {};
    });
    const outcome = await login();
    expect([outcome.exit, outcome.stderr]).toEqual([2, expect.stringContaining('there is nothing to sign in to')]);
  });
});

describe('whoami', () => {
  test('signs nobody in: it ends with 4 and the command to run', async () => {
    const asked = await world.setup(['whoami'], { folder });
    expect([asked.exit, asked.visited, asked.stderr]).toEqual([4, [], expect.stringContaining('setup-session login')]);
  });

  test('--explain says where every setting comes from', async () => {
    await login();
    const { settings } = await world.connectJson(['whoami', '--explain'], { folder, person: undefined });
    const file = join(world.sandbox.configFolder, 'interface.yaml');
    expect(settings).toEqual(
      expect.arrayContaining([
        { setting: 'configuration', value: world.sandbox.configFolder, source: 'environment', key: 'MAI_CONFIG' },
        {
          setting: 'identity.issuer',
          value: world.sandbox.identityProvider.issuer,
          source: 'project config',
          key: `${file} identity.issuer`,
        },
        expect.objectContaining({ setting: 'identity.redirect', source: 'default' }),
        expect.objectContaining({ setting: 'MAI_ALLOW_LOOPBACK_HTTP', value: '1', source: 'environment' }),
      ]),
    );
    const flagged = await world.connectJson(['whoami', '--explain', '--config', world.sandbox.configFolder], {
      folder,
    });
    expect(flagged['settings']).toContainEqual(
      expect.objectContaining({ setting: 'configuration', source: 'flag', key: '--config' }),
    );
    expect((await whoami(['--explain'])).stdout).toMatch(
      /identity\.issuer +http:\S+ +project config: \S+ identity\.issuer/,
    );
  });

  test('asks the provider twice at once and the platform for nothing', async () => {
    await login();
    await whoami();
    const before = world.sandbox.identityProvider.keyRequests();
    expect((await whoami()).exit).toBe(0);
    expect(world.sandbox.identityProvider.keyRequests() - before).toBe(1);
    expect(world.asked()).toEqual([]);
  });
});

describe('logout', () => {
  test('ends the sign-in here and at the provider', async () => {
    const { identityProvider, people } = world.sandbox;
    await login();
    expect(
      identityProvider.liveGrantsOf(people.ada.subject).flatMap(({ refreshTokens }) => refreshTokens),
    ).toHaveLength(1);
    const out = await world.connect(['logout'], { folder, person: undefined });
    expect([out.exit, out.stdout]).toEqual([
      0,
      'signed out: the encrypted file keeps nothing of a sign-in; the provider has ended it too\n',
    ]);
    expect(identityProvider.liveGrantsOf(people.ada.subject).flatMap(({ refreshTokens }) => refreshTokens)).toEqual([]);
    expect([await kept.read(folder), (await whoami()).exit]).toEqual([undefined, 4]);
    expect((await world.connect(['logout'], { folder })).exit).toBe(0);
  });

  test('says what stays at a provider that takes nothing back, and forgets all the same', async () => {
    await login();
    world.sandbox.identityProvider.control.tamperMetadata(({ revocation_endpoint: _, ...rest }) => rest);
    const out = await world.connect(['logout'], { folder });
    expect(out.stdout).toContain('takes nothing back');
    expect(await kept.read(folder)).toBeUndefined();
  });

  test('says that the session of the browser lasts, and where it ends', async () => {
    await login();
    const end_session_endpoint = 'https://idp.example/end?realm=a';
    world.sandbox.identityProvider.control.tamperMetadata((metadata) => ({ ...metadata, end_session_endpoint }));
    const { stdout } = await world.connect(['logout'], { folder, person: undefined });
    expect(stdout).toContain(
      '\nyour browser may still be signed in at the provider; to end that too, open https://idp.example/end?realm=a&client_id=mai-cli\n',
    );
  });

  test.each(['http://idp.example/end', 'javascript:0', 'no address'])(
    'sends nobody to %j',
    async (end_session_endpoint) => {
      await login();
      world.sandbox.identityProvider.control.tamperMetadata((metadata) => ({ ...metadata, end_session_endpoint }));
      const out = await world.connectJson(['logout'], { folder, person: undefined });
      expect(out).toMatchObject({ refresh_token: 'revoked', browser_ends_at: null });
    },
  );

  test('removes what cannot be read', async () => {
    await login();
    await kept.write(folder, 'garbage');
    expect((await world.connect(['logout'], { folder })).exit).toBe(0);
    expect(await kept.read(folder)).toBeUndefined();
  });

  test('fails where it cannot look, and then who was here last is not forgotten', async () => {
    await login();
    await chmod(kept.keyFile, 0o644);
    const out = await world.connect(['logout'], { folder });
    // The file itself can be removed without its key; nothing in it is of use to anybody then.
    expect([out.exit, out.stderr]).toEqual([1, expect.stringContaining('[keychain_unavailable]')]);
    const asGrace = { folder, person: 'grace' as const };
    const other = await world.connect(['login'], asGrace);
    expect([other.exit, other.stderr]).toEqual([3, expect.stringContaining('[another_person]')]);
    await chmod(kept.keyFile, 0o600);
    expect((await world.connect(['logout'], { folder })).exit).toBe(0);
    expect((await world.connect(['login'], asGrace)).exit).toBe(0);
  });
});

describe('an ID token that has expired', () => {
  test('is renewed without the person, and the token that came back is the one that is kept', async () => {
    await login();
    const before = await kept.read(folder);
    await expire();
    expect(await whoamiJson()).toMatchObject({ subject: world.sandbox.people.ada.subject, proven_by: 'renewed' });
    const after = await kept.read(folder);
    expect(after?.refresh_token).not.toBe(before?.refresh_token);
    expect(await whoamiJson()).toMatchObject({ proven_by: 'kept' });
    expect(world.sandbox.identityProvider.counters).toMatchObject({ refreshes: 1, reuses: 0, authorizations: 1 });
  });

  test('is renewed once by runs that begin at once, and no rotated token is lost', async () => {
    await login();
    await expire();
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => whoamiJson()));
    const { people, identityProvider } = world.sandbox;
    expect(outcomes.map(({ subject }) => subject)).toEqual(outcomes.map(() => people.ada.subject));
    expect(outcomes.map((each) => each['proven_by']).toSorted()).toEqual(['kept', 'kept', 'kept', 'renewed']);
    expect(identityProvider.counters).toMatchObject({ refreshes: 1, reuses: 0 });
    await expire();
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
  });

  test('without a refresh token asks the person again', async () => {
    await login();
    const { refresh_token: _, ...rest } = (await kept.read(folder)) ?? {};
    await kept.write(folder, rest);
    await expire();
    expect((await whoami()).exit).toBe(4);
    const listed = await world.connect(['list'], { folder });
    expect([listed.exit, listed.visited.length]).toEqual([0, 1]);
  });

  test('whose renewal is refused asks the person again, and the spent token is forgotten', async () => {
    const { identityProvider } = world.sandbox;
    await login();
    await expire();
    const entry = await kept.read(folder);
    await kept.write(folder, { ...entry, refresh_token: 'of-another-server-12345' });
    const asked = await whoami();
    expect([asked.exit, asked.stderr]).toEqual([4, expect.stringContaining('it has ended')]);
    expect((await kept.read(folder))?.refresh_token).toBeUndefined();
    expect((await whoami()).exit).toBe(4);
    expect(identityProvider.counters.refreshes).toBe(1);
  });

  const html = { 'content-type': 'text/html' };
  test.each<[string, TokenFailure, number, string]>([
    ['429', { status: 429, body: { error: 'too_many_requests' } }, 1, 'run the command again in 60 s'],
    ['429 in the words of Okta', { status: 429, body: { errorCode: 'E0000047' } }, 1, 'cannot be renewed now'],
    ['503 with a page', { status: 503, body: '<h1>down</h1>', headers: html }, 1, 'cannot be renewed now'],
    [
      '500 in OAuth',
      { status: 500, body: { error: 'server_error' } },
      1,
      'refused to renew the sign-in: "server_error"',
    ],
    ['500 that speaks of the token', { status: 500, body: { error: 'invalid_grant' } }, 1, 'cannot be renewed now'],
    ['502', { status: 502, body: 'bad gateway' }, 1, 'cannot be renewed now'],
    ['the page of a portal', { status: 200, body: '<h1>Wi-Fi</h1>', headers: html }, 4, 'and is kept'],
    ['a redirect to one', { status: 302, body: '', headers: { location: 'http://portal.example/' } }, 4, 'and is kept'],
    ['a word that says nothing', { status: 200, body: { message: 'no such route' } }, 4, 'and is kept'],
    ['another refusal than that it has ended', { status: 400, body: { error: 'invalid_request' } }, 4, 'and is kept'],
    ['that our client is unknown', { status: 401, body: { error: 'invalid_client' } }, 1, '[client_refused]'],
  ])(
    'is not lost where the provider answers %s: it is kept, and renewed later',
    async (_case, failure, exit, words) => {
      const { identityProvider } = world.sandbox;
      await login();
      await expire();
      identityProvider.control.failTokenEndpoint({
        ...failure,
        headers: { 'retry-after': '60', ...failure.headers },
      });
      const asked = await whoami();
      expect([asked.exit, asked.stderr]).toEqual([exit, expect.stringContaining(words)]);
      identityProvider.control.behave();
      expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
      expect(identityProvider.counters).toMatchObject({ refreshes: 1, reuses: 0, revocations: 0 });
    },
  );

  test('is renewed in the same run where the provider stumbles once', async () => {
    await login();
    await expire();
    world.sandbox.identityProvider.control.failTokenEndpoint({ status: 503, body: '', times: 1 });
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
  });

  test('is not lost where nobody is there to renew it', async () => {
    await login();
    await expire();
    const { control } = world.sandbox.identityProvider;
    control.tamperMetadata((metadata) => ({ ...metadata, token_endpoint: 'http://127.0.0.1:9/token' }));
    const asked = await whoami();
    expect([asked.exit, asked.stderr]).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
    control.behave();
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
  });

  test.each(['after', 'before'] as const)(
    'whose answer is lost, %s it was made, is never shown again, and nothing of it stays alive',
    async (when) => {
      const { identityProvider, people } = world.sandbox;
      await login();
      await expire();
      identityProvider.control.cutTokenAnswer(when);
      const listed = await world.connect(['list'], { folder, person: undefined });
      expect([listed.exit, listed.stderr]).toEqual([4, expect.stringContaining('was lost')]);
      const { tokenRequests } = identityProvider.counters;
      expect((await whoami()).exit).toBe(4);
      expect(identityProvider.counters).toMatchObject({ tokenRequests, reuses: 0 });
      expect(identityProvider.liveGrantsOf(people.ada.subject).flatMap((grant) => grant.refreshTokens)).toEqual([]);
      expect((await login()).exit).toBe(0);
    },
  );

  /** Renews it in a run that is killed while the provider answers: what is on the disk at that moment is what it leaves. */
  async function killedRenewal(): Promise<void> {
    const { control } = world.sandbox.identityProvider;
    const state = join(folder, 'state');
    const asItWas = join(world.sandbox.folder, 'as-it-was');
    control.tamperTokenResponse(async (answer) => {
      await cp(state, asItWas, { recursive: true, filter: (path) => !path.endsWith('.lock') });
      return answer;
    });
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
    control.tamperTokenResponse();
    await rm(state, { recursive: true });
    await rename(asItWas, state);
  }

  test('that a killed run had sent is never shown again, and nothing of it stays alive', async () => {
    const { identityProvider, people } = world.sandbox;
    await login();
    await expire();
    await killedRenewal();
    const asked = await whoami();
    expect([asked.exit, asked.stderr]).toEqual([4, expect.stringContaining('cut off before it could keep')]);
    expect(identityProvider.counters).toMatchObject({ refreshes: 1, reuses: 0 });
    expect(identityProvider.liveGrantsOf(people.ada.subject).flatMap((grant) => grant.refreshTokens)).toEqual([]);
    expect((await login()).exit).toBe(0);
    expect(await whoamiJson()).toMatchObject({ proven_by: 'kept' });
  });

  test('of a provider that does not rotate costs no killed run a sign-in, and is not taken for such where it rotates', async () => {
    const { identityProvider } = world.sandbox;
    identityProvider.control.keepRefreshTokens();
    await login();
    const { refresh_token: token } = (await kept.read(folder)) ?? {};
    await expire();
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
    expect(await kept.read(folder)).toMatchObject({ refresh_token: token, steady: true });
    await expire();
    await killedRenewal();
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
    expect(identityProvider.counters).toMatchObject({ refreshes: 3, revocations: 0, authorizations: 1 });

    identityProvider.control.behave();
    await expire();
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
    const rotated = await kept.read(folder);
    expect([rotated?.refresh_token === token, rotated?.['steady']]).toEqual([false, undefined]);
    await expire();
    await killedRenewal();
    expect((await whoami()).exit).toBe(4);
    expect(identityProvider.counters).toMatchObject({ refreshes: 5, reuses: 0 });
  });

  const openid = '/.well-known/openid-configuration';
  const oauth = '/.well-known/oauth-authorization-server';
  test.each<[string, readonly string[], number, string]>([
    ['metadata cannot be had', [openid, oauth], 503, 'is not to be had'],
    ['keys cannot be had', ['/jwks'], 503, 'answered 503, and no keys'],
    ['keys are asked for too often', ['/jwks'], 429, 'answered 429, and no keys'],
  ])('is not lost where the %s: that is told, and it is good afterwards', async (_case, paths, status, words) => {
    const { control, counters } = world.sandbox.identityProvider;
    await login();
    await expire();
    for (const path of paths) control.answerOtherwise(path, () => ({ status, body: '' }));
    const asked = await whoami();
    expect([asked.exit, asked.stderr]).toEqual([1, expect.stringContaining(words)]);
    expect(asked.stderr).toContain('try again later');
    for (const path of paths) control.answerOtherwise(path);
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
    expect(counters).toMatchObject({ refreshes: 1, revocations: 0, authorizations: 1 });
  });

  test.each<[string, object, saysWhen: boolean]>([
    ['without a time of signing in', { auth_time: undefined }, false],
    ['with 0 for it', { auth_time: 0 }, false],
    ['with our name in a list', { aud: ['mai-cli'] }, true],
  ])('is renewed by a token %s; what is only kept says nothing of when [P2]', async (_case, claims, saysWhen) => {
    await login();
    const { auth_time: first } = await whoamiJson();
    await expire();
    const { control } = world.sandbox.identityProvider;
    control.tamperTokenResponse(async (answer, forge) => ({ ...answer, id_token: await forge({ ...claims }) }));
    for (const proof of ['renewed', 'kept']) {
      expect(await whoamiJson()).toMatchObject({ proven_by: proof, auth_time: saysWhen ? first : null });
    }
    await world.configure('interface.yaml', (content) => {
      content.identity.require = { max_age: '12h' };
    });
    const asked = await world.connect(['list'], { folder, person: undefined });
    expect(asked.exit).toBe(saysWhen ? 0 : 4);
  });

  test.each(
    (['metadata', 'tokens'] as const).flatMap((moment) => [2, -2, 48].map((hours) => [moment, hours] as const)),
  )('is not lost where the clock is set with the answer of the %s, by %i hours', async (moment, hours) => {
    const { identityProvider, people } = world.sandbox;
    const { control, counters } = identityProvider;
    await login();
    await expire();
    let offset = 0;
    const jump = <Answer>(answer: Answer) => {
      offset = hours * 3_600_000;
      return answer;
    };
    if (moment === 'metadata') control.tamperMetadata(jump);
    else control.tamperTokenResponse(jump);
    const clock = { ...machineClock, now: () => new Date(Date.now() + offset) };
    const meanwhile = await world.connect(['whoami'], { folder, person: undefined, clock });
    expect([0, 3, 4]).toContain(meanwhile.exit);
    if (meanwhile.exit === 3) expect(meanwhile.stderr).toContain('the clocks are apart');
    offset = 0;
    control.behave();
    expect((await whoami()).exit).toBe(0);
    expect(counters).toMatchObject({ reuses: 0, revocations: 0, authorizations: 1 });
    const { refresh_token: token } = (await kept.read(folder)) ?? {};
    expect(identityProvider.liveGrantsOf(people.ada.subject).flatMap((grant) => grant.refreshTokens)).toEqual([token]);
  });

  test('that cannot be kept once it is renewed is of this run alone, and nothing of it stays alive', async () => {
    const { identityProvider, people } = world.sandbox;
    await login();
    await expire();
    identityProvider.control.tamperTokenResponse(async (answer) => {
      await chmod(kept.keyFile, 0o644);
      return answer;
    });
    const asked = await whoami(['--json']);
    expect([asked.exit, asked.stderr]).toEqual([0, expect.stringContaining('could not be kept')]);
    expect(JSON.parse(asked.stdout)).toMatchObject({ proven_by: 'renewed' });
    expect(identityProvider.liveGrantsOf(people.ada.subject).flatMap((grant) => grant.refreshTokens)).toEqual([]);
    await chmod(kept.keyFile, 0o600);
    expect((await whoami()).exit).toBe(4);
    expect(identityProvider.counters).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('is renewed by a token for more than us, and by one that says another time of signing in [P2]', async () => {
    await login();
    const { auth_time: first } = await whoamiJson();
    await expire();
    const later = Math.floor(Date.now() / 1000);
    world.sandbox.identityProvider.control.tamperTokenResponse(async (answer, forge) => ({
      ...answer,
      id_token: await forge({ aud: ['mai-cli', 'account'], azp: 'mai-cli', auth_time: later + 30 }),
    }));
    // The earlier one counts: a renewal is no sign-in.
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed', auth_time: first });
    expect(await whoamiJson()).toMatchObject({ proven_by: 'kept', auth_time: first });
  });

  test.each<[string, object, string]>([
    ['another person', { sub: 'user-7C1E0A5B' }, 'differs in sub'],
    ['another sign-in', { nonce: 'another' }, 'belongs to another sign-in'],
    ['another party', { azp: 'another' }, 'asked for it (azp)'],
    ['another client', { aud: 'another' }, 'it is for another client'],
  ])('is not renewed by a token of %s [P2]', async (_case, claims, why) => {
    const { identityProvider } = world.sandbox;
    await login();
    await expire();
    identityProvider.control.tamperTokenResponse(async (answer, forge) => ({
      ...answer,
      id_token: await forge({ ...claims }),
    }));
    const asked = await whoami();
    expect([asked.exit, asked.stderr]).toEqual([4, expect.stringContaining(why)]);
  });

  test('is not renewed by an answer that does not say whose it is', async () => {
    await login();
    await expire();
    world.sandbox.identityProvider.control.tamperTokenResponse(({ id_token: _, ...rest }) => rest);
    const asked = await whoami();
    expect([asked.exit, asked.stderr]).toEqual([4, expect.stringContaining('renews it without an ID token')]);
  });

  test('is renewed by a token without a nonce, which is good from then on', async () => {
    await login();
    await expire();
    world.sandbox.identityProvider.control.tamperTokenResponse(async (answer, forge) => ({
      ...answer,
      id_token: await forge({ nonce: undefined }),
    }));
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
    expect(await whoamiJson()).toMatchObject({ proven_by: 'kept' });
  });
});

describe('the keys of the issuer', () => {
  test.each([false, true])(
    'may change while nobody looks (under the same name: %j): it is renewed',
    async (sameName) => {
      await login();
      world.sandbox.identityProvider.control.rotateKeys({ sameName });
      expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
      expect(await whoamiJson()).toMatchObject({ proven_by: 'kept' });
    },
  );

  test('that are withdrawn take what they signed with them [P2]', async () => {
    await login();
    const { refresh_token: _, ...rest } = (await kept.read(folder)) ?? {};
    await kept.write(folder, rest);
    world.sandbox.identityProvider.control.rotateKeys();
    const asked = await whoami();
    expect([asked.exit, asked.stderr]).toEqual([4, expect.stringContaining('nobody is signed in')]);
  });

  test('are not taken from an address that only a file names [P2]', async () => {
    await login();
    await whoami();
    const [name = ''] = await readdir(join(folder, 'cache', 'issuer-keys'));
    // On the provider's own origin, but not where its metadata says that its keys are.
    const elsewhere = `${world.sandbox.identityProvider.issuer}${strangersKeysPath}`;
    const hint = join(folder, 'cache', 'issuer-keys', name);
    await writeFile(hint, `${elsewhere}\n`);
    const { control } = world.sandbox.identityProvider;
    await kept.forge(folder, (token) => control.forge(token, { sub: world.sandbox.people.grace.subject }, 'stranger'));
    const asked = await whoami();
    expect([asked.exit, asked.stderr]).toEqual([4, expect.stringContaining('its signature is not that of the issuer')]);
    expect(await readFile(hint, 'utf8')).toContain('/jwks');
  });
});

describe('a place that cannot be used', () => {
  test.each<[string, () => Promise<unknown>, string]>([
    ['whose key others can read', () => chmod(kept.keyFile, 0o644), 'can be read by others'],
    [
      'whose key is gone',
      () => chmod(kept.keyFile, 0o000).then(() => writeFile(kept.keyFile, '# none')),
      'AGE-SECRET-KEY-1',
    ],
    ['with garbage in it', () => kept.write(folder, 'garbage'), 'cannot be read and is not used'],
    ['with something of another version', () => kept.write(folder, { version: 2 }), 'cannot be read and is not used'],
    [
      'that was changed',
      async () => {
        const places = join(folder, 'state', 'sign-in');
        const [name = ''] = await readdir(places);
        await writeFile(join(places, name), 'x');
      },
      'this key does not open it',
    ],
  ])('%s is as good as empty, and that is said once', async (_case, spoil, why) => {
    await login();
    await spoil();
    const listed = await world.connect(['list'], { folder });
    expect([listed.exit, listed.visited.length, listed.stderr.split(why).length - 1]).toEqual([0, 1, 1]);
  });
});

test('a passphrase that somebody enters, unseen, opens the sign-in; another one does not', {
  timeout: 60_000,
}, async () => {
  await world.configure('interface.yaml', (content) => {
    content.identity.keep = { file: 'passphrase' };
  });
  const entering = async (argv: readonly string[], passphrase: string, person: 'ada' | undefined) => {
    const terminal = fakeTerminal();
    let asked = 0;
    const outcome = await world.connect([...argv, '--quiet'], {
      folder,
      terminal,
      person,
      hear(said) {
        if (asked > 0 || !said.includes('the passphrase of the file')) return;
        asked += 1;
        void terminal.type(`${passphrase}\r`);
      },
    });
    expect(outcome.stderr).not.toContain(passphrase);
    return { ...outcome, asked };
  };
  expect(await entering(['login'], 'correct horse battery', 'ada')).toMatchObject({ exit: 0, asked: 1 });
  const known = await entering(['whoami'], 'correct horse battery', undefined);
  expect([known.exit, known.stdout]).toEqual([0, expect.stringContaining(world.sandbox.people.ada.subject)]);
  const wrong = await entering(['whoami'], 'something else', undefined);
  expect([wrong.exit, wrong.stderr]).toEqual([4, expect.stringContaining('this key does not open it')]);
  const nobody = await whoami();
  expect([nobody.exit, nobody.stderr]).toEqual([4, expect.stringContaining('nobody is here to enter its passphrase')]);
});

describe('what is required of a sign-in', () => {
  test('is asked for, and a sign-in that shows it is enough', async () => {
    await world.configure('interface.yaml', (content) => {
      content.identity.require = { acr: [contexts.secondFactor], amr: ['mfa'], max_age: '12h' };
    });
    const signedIn = await login();
    const query = new URL(signedIn.visited[0] ?? '').searchParams;
    expect([signedIn.exit, query.get('acr_values'), query.get('max_age')]).toEqual([0, contexts.secondFactor, '43200']);
    expect(await whoamiJson()).toMatchObject({ acr: contexts.secondFactor, amr: ['pwd', 'mfa'], not_enough: null });
    expect((await world.connect(['list'], { folder })).visited).toEqual([]);
  });

  test.each<[string, object, string]>([
    ['a context that was not reached', { acr: [contexts.secondFactor] }, 'it shows acr'],
    ['a method that was not used', { amr: ['hwk'] }, 'its amr does not name \\"hwk\\"'],
  ])('and not shown is refused, and nothing is kept: %s [P2]', async (_case, required, why) => {
    await world.configure('interface.yaml', (content) => {
      content.identity.require = required;
    });
    world.sandbox.identityProvider.control.authenticate({ acr: contexts.password, amr: ['pwd'] });
    const refused = await login();
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[assurance_missing]')]);
    expect(refused.stderr).toContain(why.replaceAll('\\"', '"'));
    expect(await kept.read(folder)).toBeUndefined();
  });

  test('counts from when the person signed in, however often it was renewed', async () => {
    await login();
    const { control } = world.sandbox.identityProvider;
    await kept.forge(folder, (token) => control.forge(token, { auth_time: Math.floor(Date.now() / 1000) - 7200 }));
    expect((await world.connect(['list'], { folder })).visited).toEqual([]);
    await world.configure('interface.yaml', (content) => {
      content.identity.require = { max_age: '1h' };
    });
    const listed = await world.connect(['list'], { folder });
    expect([listed.exit, listed.visited.length, listed.stderr]).toEqual([
      0,
      1,
      expect.stringContaining('signed in more than 1h ago'),
    ]);
  });

  test.each<[string, string, readonly string[]]>([
    ['a service', 'services/notion.yaml', ['notion']],
    ['an agent', 'agents/support.yaml', ['--agent', 'support', '--dry-run']],
  ])('may be more for %s: the person signs in again, and only there [P2]', async (_case, file, argv) => {
    await login();
    await world.connect(['notion'], { folder });
    await world.apply('support');
    await world.configure(file, (content) => {
      content.require = { acr: [contexts.secondFactor] };
    });
    const run = argv[0] === '--agent' ? world.setup : world.connect;
    const signIns = (urls: readonly string[]) =>
      urls.filter((url) => new URL(url).origin === world.sandbox.identityProvider.issuer);
    expect((await world.connect(['list'], { folder })).visited).toEqual([]);
    world.sandbox.identityProvider.control.authenticate({ acr: contexts.password });
    const refused = await run(argv, { folder });
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[assurance_missing]')]);
    world.sandbox.identityProvider.control.authenticate();
    const again = await run(argv, { folder });
    expect([again.exit, signIns(again.visited).length]).toEqual([0, 1]);
    expect(signIns((await run(argv, { folder })).visited)).toEqual([]);
  });

  test.each<[string, object]>([
    ['a step-up', { require: { acr: [contexts.secondFactor] } }],
    ['a scope that was not asked for before', { scopes: ['openid', 'offline_access', 'email', 'profile', 'groups'] }],
  ])('is signed in for anew without a second one left alive at the provider: %s', async (_case, change) => {
    const { identityProvider, people } = world.sandbox;
    identityProvider.control.authenticate({ acr: contexts.password });
    await world.configure('interface.yaml', (content) => {
      content.identity.scopes = ['openid', 'offline_access', 'email'];
    });
    await login();
    identityProvider.control.authenticate();
    await world.configure('interface.yaml', (content) => {
      Object.assign(content.identity, change);
    });
    const listed = await world.connect(['list'], { folder });
    expect([listed.exit, listed.visited.length]).toEqual([0, 1]);
    const alive = identityProvider.liveGrantsOf(people.ada.subject).flatMap((grant) => grant.refreshTokens);
    expect(alive).toHaveLength(1);
    await expire();
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
  });

  test('that nobody finishes leaves the person signed in for what the sign-in before is enough for', async () => {
    await login();
    await world.configure('services/notion.yaml', (content) => {
      content.require = { acr: [contexts.secondFactor] };
    });
    world.sandbox.identityProvider.control.authenticate({ acr: contexts.password });
    await kept.forge(folder, (token) =>
      world.sandbox.identityProvider.control.forge(token, { acr: contexts.password }),
    );
    expect((await world.connect(['notion'], { folder })).exit).toBe(3);
    expect((await world.connect(['list'], { folder })).visited).toEqual([]);
  });

  test('that no sign-in could show is a mistake of the configuration, and nobody is asked', async () => {
    await world.configure('interface.yaml', (content) => {
      content.identity.require = { acr: [contexts.password] };
    });
    await world.configure('services/notion.yaml', (content) => {
      content.require = { acr: [contexts.secondFactor] };
    });
    const outcome = await world.connect(['notion'], { folder });
    expect([outcome.exit, outcome.visited, outcome.stderr]).toEqual([
      2,
      [],
      expect.stringContaining('no acr is in all of the lists'),
    ]);
  });
});

/** Who is operating: what proves it, and everything that does not (P2). Nobody who is refused changes anything. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import type { Forge } from '../sandbox/identity-provider.ts';
import { visit } from '../sandbox/visit.mjs';
import { cannotLend } from '../support/lent-process.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skipped } from '../support/skip.ts';
import { type FakeTerminal, fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

/** Types an answer once the question is there. */
function answering(terminal: FakeTerminal, answer: string) {
  let answered = false;
  return (said: string) => {
    if (answered || !said.includes('is that right? [y/N]')) return;
    answered = true;
    void terminal.type(`${answer}\n`);
  };
}
const unlendable = skipped(await cannotLend(65534));

describe('an ID token', () => {
  const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
  test.each<[string, (forge: Forge) => Promise<string>]>([
    ['that a stranger signed', (forge) => forge({}, 'stranger')],
    ['that nobody signed', (forge) => forge({}, 'nobody')],
    ['of another sign-in', (forge) => forge({ nonce: 'of-another-sign-in' })],
    ['without a nonce', (forge) => forge({ nonce: undefined })],
    ['for another client', (forge) => forge({ aud: 'somebody-else' })],
    ['for others too, without saying who asked', (forge) => forge({ aud: ['mai-cli', 'somebody-else'] })],
    [
      'for us, asked for by somebody else',
      (forge) => forge({ azp: 'somebody-else', aud: ['mai-cli', 'somebody-else'] }),
    ],
    ['of another issuer', (forge) => forge({ iss: 'https://evil.example' })],
    ['of an issuer that differs by a slash', (forge) => forge({ iss: `${world.sandbox.identityProvider.issuer}/` })],
    ['that has expired', (forge) => forge({ iat: 1_000_000_000, exp: 1_000_003_600 })],
    ['that is not valid yet', (forge) => forge({ nbf: inAnHour() })],
    ['without an expiry', (forge) => forge({ exp: undefined })],
    ['without a subject', (forge) => forge({ sub: undefined })],
    ['with an empty subject', (forge) => forge({ sub: '' })],
    ['that is none', async () => 'not.a.token'],
  ])('%s is refused [P2]', async (_case, make) => {
    const { identityProvider, platform } = world.sandbox;
    identityProvider.control.tamperTokenResponse(async (answer, forge) => ({ ...answer, id_token: await make(forge) }));
    const failed = await world.connect(['notion']);
    expect([failed.exit, failed.visited.length]).toEqual([expect.toBeOneOf([1, 3]), 1]);
    expect(platform.control.log.entries).toEqual([]);
    identityProvider.control.behave();
    expect((await world.connect(['notion'])).exit).toBe(0);
  });

  test('that does not come is refused', async () => {
    const { identityProvider, platform } = world.sandbox;
    identityProvider.control.tamperTokenResponse(({ id_token: _, ...answer }) => answer);
    expect((await world.connect(['notion'])).exit).toBe(3);
    expect(platform.control.log.entries).toEqual([]);
  });

  test('that was signed and says less of the person than usual is enough: the subject decides', async () => {
    const { identityProvider, people } = world.sandbox;
    // Without an e-mail address there is nothing to compare an account with.
    await world.configure('services/notion.yaml', (service) => {
      service.account.match = 'none';
    });
    await world.configure('interface.yaml', (content) => {
      content.people.principals = { [people.ada.subject]: { notion: { read: 'on' } } };
    });
    identityProvider.control.tamperTokenResponse(async (answer, forge) => ({
      ...answer,
      id_token: await forge({ email: undefined, name: undefined, groups: undefined }),
    }));
    const connected = await world.connectJson(['notion']);
    expect(connected['owner']).toEqual({ kind: 'sso', issuer: identityProvider.issuer, subject: people.ada.subject });
  });
});

describe('the identity provider', () => {
  test.each([
    [
      'claims to be another',
      () => world.sandbox.identityProvider.control.claimIssuer('https://evil.example'),
      'issuer_mismatch',
    ],
    [
      'fails at its token endpoint',
      () => world.sandbox.identityProvider.control.failTokenEndpoint({ status: 500, body: 'oops' }),
      'token_unusable',
    ],
    [
      'offers to sign with a secret that we share',
      () =>
        world.sandbox.identityProvider.control.tamperMetadata((metadata) => ({
          ...metadata,
          id_token_signing_alg_values_supported: ['HS256', 'none'],
        })),
      'service_metadata',
    ],
  ])('that %s signs nobody in [P2]', async (_case, misbehave, code) => {
    misbehave();
    const failed = await world.connect(['notion']);
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining(`[${code}]`)]);
    expect(world.asked()).toEqual([]);
  });

  test('that answers for another person: whoever signed in is who operates', async () => {
    await world.connect(['notion'], { person: 'ada' });
    const mallory = await world.connectJson(['notion', '--accept-account', 'mallory@example.test'], {
      person: 'mallory',
    });
    expect(mallory['owner']).toMatchObject({ subject: world.sandbox.people.mallory.subject });
    expect((await world.client.beta.vaults.list()).data).toHaveLength(2);
  });

  test('is asked with PKCE, a nonce and no secret', async () => {
    const { visited } = await world.connect(['notion']);
    const query = new URL(visited[0] ?? '').searchParams;
    expect(query.get('nonce')).toMatch(/^[\w-]{43,}$/);
    expect([query.get('code_challenge_method'), query.get('scope')?.split(' ')]).toEqual([
      'S256',
      expect.arrayContaining(['openid']),
    ]);
  });
});

describe('what the environment says about a person', () => {
  test('is not looked at [P2]', async () => {
    const environment = {
      USER: 'root',
      LOGNAME: 'grace',
      SUDO_UID: '0',
      EMAIL: 'grace@example.test',
      MAI_USER: 'grace',
    };
    const connected = await world.connectJson(['notion'], { environment });
    expect(connected['owner']).toMatchObject({ subject: world.sandbox.people.ada.subject });
  });
});

describe('the operating system account', () => {
  /** Runs `setup-session`, as one file that everybody can read, as another user of this machine. */
  async function runAs(uid: number, environment: Record<string, string> = {}) {
    // Where that user keeps a record: without one nobody is even asked to sign in.
    const state = join(world.sandbox.folder, `state-${uid}`);
    await mkdir(state, { recursive: true, mode: 0o700 });
    await chown(state, uid, uid);
    const child = spawn(process.execPath, [program(), '--agent', 'support', '--dry-run', '--json'], {
      uid,
      gid: uid,
      cwd: world.sandbox.folder,
      env: { HOME: '/nonexistent', ...world.sandbox.environment, MAI_HOME: state, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [[exit], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
    return { exit, stdout, stderr };
  }

  const program = () => join(world.sandbox.folder, 'setup-session.mjs');

  const osMode = () =>
    world.configure('interface.yaml', (content) => {
      content.identity = { mode: 'os' };
      content.people = { principals: { 65534: { notion: { read: 'on' } }, 54321: { notion: { read: 'on' } } } };
    });

  test.skipIf(unlendable)('is an identity for a user of the machine, and for nobody else', async () => {
    await build({
      entryPoints: [fileURLToPath(new URL('../../cmd/setup-session/main.ts', import.meta.url))],
      outfile: program(),
      bundle: true,
      format: 'esm',
      platform: 'node',
      banner: { js: 'const require = process.getBuiltinModule;' },
    });
    await world.configure('agents/support.yaml', (content) => {
      content.allowed = { principals: ['65534', '54321', '0'] };
    });
    // With single sign-on the account is nobody, although nobody signs in and it would be a good one.
    const unasked = await runAs(65534);
    expect([unasked.exit, unasked.stdout]).toEqual([4, '']);
    expect([unasked.stderr, world.asked()]).toEqual([expect.stringContaining('"code":"sign_in_needed"'), []]);
    await world.apply('support');
    await osMode();
    const [nobody, unknown, root, sudo] = await Promise.all([
      runAs(65534, { USER: 'root', LOGNAME: 'ada' }),
      runAs(54321),
      runAs(0),
      runAs(65534, { SUDO_UID: '0' }),
    ]);
    // Nobody has no vault yet: that is found out with the uid as the subject, after being let in.
    expect([nobody.exit, nobody.stderr]).toEqual([4, expect.stringContaining('has no vault in this workspace yet')]);
    for (const refused of [unknown, root, sudo]) {
      expect(refused).toMatchObject({
        exit: 3,
        stdout: '',
        stderr: expect.stringContaining('"code":"identity_refused"'),
      });
    }
  });

  test('of root is refused in this process too [P2]', async () => {
    await osMode();
    const outcome = await world.connect(['notion'], { environment: { SUDO_UID: '1000' } });
    expect([outcome.exit, outcome.visited, world.asked()]).toEqual([3, [], []]);
  });
});

describe('a second person at the same machine', () => {
  const asGrace = { browse: (url: string) => visit(url, { person: 'grace' }) };

  test('is asked who they are and whether that is right, before anything is kept or opened [P2]', async () => {
    const folder = await world.machine();
    const { ada, grace } = world.sandbox.people;
    await world.connect(['notion'], { folder, person: 'ada' });
    const before = world.asked().length;
    const alone = await world.connect(['linear'], { folder, ...asGrace });
    expect([alone.exit, alone.stdout, alone.visited.length, world.asked().length]).toEqual([3, '', 1, before]);
    expect(alone.stderr).toContain(
      `this is "grace@example.test" (subject "${grace.subject}"), and the last person here was "ada@example.test" (subject "${ada.subject}"); nobody is here to confirm it`,
    );
    expect(alone.stderr).toMatch(/\[another_person\][\s\S]*hint: .*logout/);

    const terminal = fakeTerminal();
    const no = await world.connect(['linear'], {
      folder,
      ...asGrace,
      terminal,
      hear: answering(terminal, 'n'),
    });
    expect([no.exit, no.visited.length]).toEqual([3, 1]);
    // It is still Ada's machine.
    expect((await world.connect(['list'], { folder, person: 'ada' })).exit).toBe(0);
    const other = fakeTerminal();
    const yes = await world.connect(['list'], { folder, ...asGrace, terminal: other, hear: answering(other, 'y') });
    expect([yes.exit, yes.stderr]).toEqual([0, expect.stringContaining('signed in as "grace@example.test"')]);
    expect((await world.connect(['list'], { folder, ...asGrace })).exit).toBe(0);
  });

  test('who signs the first one out is asked nothing', async () => {
    const folder = await world.machine();
    await world.connect(['notion'], { folder, person: 'ada' });
    expect((await world.connect(['logout'], { folder })).exit).toBe(0);
    expect((await world.connect(['list'], { folder, ...asGrace })).exit).toBe(0);
  });

  test('finds nothing in what was remembered where it cannot be read, and refuses what another could have written', async () => {
    const folder = await world.machine();
    await world.connect(['list'], { folder, person: 'ada' });
    const places = join(folder, 'state', 'sign-in');
    const [name = ''] = (await readdir(places)).filter((each) => each.endsWith('.person.json'));
    expect((await stat(join(places, name))).mode & 0o777).toBe(0o600);
    await writeFile(join(places, name), '{"version":1,"subj');
    expect((await world.connect(['list'], { folder, ...asGrace })).exit).toBe(0);
    await chmod(join(places, name), 0o666);
    const exposed = await world.connect(['list'], { folder, ...asGrace });
    expect([exposed.exit, exposed.stderr]).toEqual([1, expect.stringContaining('[file_system]')]);
  });
});

test('it is said as whom, with the subject, before anything is opened at a service', async () => {
  const said: string[] = [];
  let heard = '';
  await world.connect(['notion'], {
    hear: (text) => {
      heard = text;
    },
    browse: async (url) => {
      said.push(heard);
      return await visit(url, { person: 'ada' });
    },
  });
  const line = `signed in as "ada@example.test" (subject "${world.sandbox.people.ada.subject}")`;
  expect(said.map((text) => text.includes(line))).toEqual([false, true]);
});

test('a name that nobody verified is not shown as who somebody is', async () => {
  const { identityProvider, people } = world.sandbox;
  identityProvider.control.tamperTokenResponse(async (answer, forge) => ({
    ...answer,
    id_token: await forge({ email: 'ada@example.test', email_verified: false, name: 'ada@example.test' }),
  }));
  const { exit, stderr } = await world.connect(['list']);
  expect([exit, stderr]).toEqual([0, expect.stringContaining(`signed in as the subject "${people.ada.subject}"`)]);
  expect(stderr).not.toContain('ada@example.test');
});

test('without anything kept, the one who signs in is who operates', async () => {
  const folder = await world.machine();
  const listed = await world.connectJson(['list'], { folder, browse: (url) => visit(url, { person: 'grace' }) });
  expect(listed).toMatchObject({
    owner: { subject: world.sandbox.people.grace.subject },
    services: ['github', 'google', 'linear', 'notion', 'slack'].map((service) => ({
      service,
      status: 'not-connected',
    })),
  });
});
